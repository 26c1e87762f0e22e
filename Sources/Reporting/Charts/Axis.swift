/// A scale from values to positions with ticks at round numbers (1, 2 or 5 times a power of ten).
struct Axis {
  /// The values at both ends.
  let low: Double
  let high: Double
  /// Where ticks stand, ascending, from `low` to `high`.
  let ticks: [Double]

  /// An axis that holds all values; a single value gets room around it.
  ///
  /// - Parameters:
  ///   - count: about how many steps; between half and twice as many come out.
  ///   - floor: what the axis does not go below, such as 0 for counts; nil for no such value.
  init(_ values: [Double], steps count: Int = 3, floor: Double? = nil) {
    var low = values.min() ?? 0
    var high = values.max() ?? 1
    // Tiny moves are shown as tiny: the axis spans at least a twentieth of the value.
    let least = max(abs(high) * 0.05, floor == 0 && high <= 2 ? 2 : 1e-9)
    if high - low < least {
      let middle = (low + high) / 2
      low = middle - least / 2
      high = middle + least / 2
    }
    if let floor, low < floor {
      high += floor - low
      low = floor
    }
    let step = Self.step(for: (high - low) / Double(max(count, 1)))
    let first = (low / step).rounded(.down)
    let last = (high / step).rounded(.up)
    ticks = stride(from: first, through: last, by: 1).map { $0 * step }
    self.low = ticks.first ?? low
    self.high = ticks.last ?? high
  }

  /// The ticks as text: short, but never two alike.
  var labels: [String] {
    let short = ticks.map(Figures.compact)
    if Set(short).count == short.count { return short }
    if ticks.allSatisfy({ $0 == $0.rounded() && abs($0) < 1e15 }) {
      return ticks.map { Figures.count(Int($0)) }
    }
    return ticks.map { Figures.trimmed($0, decimals: 6) }
  }

  private static func step(for raw: Double) -> Double {
    var power = 1.0
    while power * 10 <= raw { power *= 10 }
    while power > raw { power /= 10 }
    let lead = raw / power
    return power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10)
  }

  /// The position of a value when `low` lies at `start` and `high` at `end`.
  func position(_ value: Double, from start: Double, to end: Double) -> Double {
    guard high > low else { return (start + end) / 2 }
    return start + (end - start) * (value - low) / (high - low)
  }
}

/// Coordinates with at most one decimal.
func place(_ value: Double) -> String {
  Figures.trimmed(value, decimals: 1).replacing("−", with: "-")
}
