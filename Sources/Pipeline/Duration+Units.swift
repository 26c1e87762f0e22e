extension Duration {
  /// Whole minutes.
  public static func minutes(_ count: Int) -> Duration { .seconds(count * 60) }

  /// Whole hours.
  public static func hours(_ count: Int) -> Duration { .seconds(count * 3600) }

  /// Days of 24 hours each, whatever the clocks do.
  public static func days(_ count: Int) -> Duration { .seconds(count * 86_400) }

  /// Whole milliseconds, rounded toward zero.
  public var milliseconds: Int64 {
    let parts = components
    return parts.seconds * 1000 + parts.attoseconds / 1_000_000_000_000_000
  }

  /// Seconds with their fraction.
  public var fractionalSeconds: Double {
    let parts = components
    return Double(parts.seconds) + Double(parts.attoseconds) / 1e18
  }

  /// `30 s`, `2 h`: in the largest unit that leaves nothing over, whole milliseconds at the least.
  public var words: String {
    let units: [(name: String, milliseconds: Int64)] = [
      ("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000),
    ]
    let unit = units.first { milliseconds != 0 && milliseconds.isMultiple(of: $0.milliseconds) }
    guard let unit else { return "\(milliseconds) ms" }
    return "\(milliseconds / unit.milliseconds) \(unit.name)"
  }
}
