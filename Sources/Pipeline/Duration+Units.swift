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
}
