/// One line of the result: ours beside a peer, and the goal.
struct Measurement: Codable, Sendable {
  /// What a goal asks for.
  enum Goal: Codable, Sendable {
    /// The ratio must be at least this.
    case ratioAtLeast(Double)
    /// Ours must be at most this, in its unit.
    case atMost(Double)
    /// Shown for comparison only.
    case none
  }

  let suite: String
  let what: String
  /// `s`, `ms`, `rows/s`, another `/s`, `MB`, or empty for a number without a unit.
  let unit: String
  let ours: Double
  /// Nil where nothing stands beside ours.
  let peer: Double?
  let goal: Goal

  /// How much better ours is: above 1 for less time and for more per second; nil alone.
  var ratio: Double? {
    guard let peer, peer > 0, ours > 0 else { return nil }
    return unit.hasSuffix("/s") || unit == "AUC" ? ours / peer : peer / ours
  }

  /// Whether the goal is met; nil where there is none.
  var isMet: Bool? {
    switch goal {
    case .ratioAtLeast(let least): ratio.map { $0 >= least } ?? false
    case .atMost(let most): ours <= most
    case .none: nil
    }
  }
}

/// The middle value, the mean of the two middle ones for an even count; 0 of none.
func median(_ values: [Double]) -> Double {
  let sorted = values.sorted()
  guard !sorted.isEmpty else { return 0 }
  let middle = sorted.count / 2
  return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
