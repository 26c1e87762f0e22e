import Columns
import Features
import Schedules

/// The definition of every feature, straight from raw events: slow and obvious.
package struct NaiveOracle {
  package let catalogue: FeatureCatalogue
  package let zone: Zone
  package let asOf: Instant
  /// The events known, by customer.
  package let events: [Int64: [ShopEvent]]
  private let today: Day

  package init(_ catalogue: FeatureCatalogue, zone: Zone, asOf: Instant, events: [ShopEvent]) {
    self.catalogue = catalogue
    self.zone = zone
    self.asOf = asOf
    self.events = Dictionary(grouping: events.filter { $0.at < asOf }, by: \.customer)
    // The last day that has begun before as_of.
    let around = zone.day(of: asOf)
    today = (-1...1).map { around + $0 }.last { zone.midnight($0) < asOf } ?? around - 2
  }

  private func bounds(_ window: Window) -> (Instant, Instant) {
    let start: Day
    switch window.length {
    case .days(let n): start = today - n + 1
    case .months(let n): start = today.adding(months: -n) + 1
    case .lifetime: return (Instant(microseconds: .min), asOf)
    }
    let shift = window.previous * (today.number - start.number + 1).asInt
    return (
      zone.midnight(start - shift), shift == 0 ? asOf : zone.midnight(today - shift + 1)
    )
  }

  /// The values of a feature, one per customer; integers unscaled by nothing, ratios as Double.
  package func values(_ feature: FeatureDefinition, _ customers: [Int64]) throws -> [Double?] {
    switch feature.expression {
    case .total(let terms, let window):
      let (start, end) = bounds(window)
      return customers.map { customer in
        var total: Int64 = 0
        for event in events[customer] ?? [] where event.at >= start && event.at < end {
          for term in terms where term.measure.kinds.contains(event.kind) {
            let value = [.count: 1, .amount: event.amount ?? 0, .quantity: event.quantity ?? 0][
              term.measure.value, default: 0]
            total += term.negative ? -value : value
          }
        }
        return Double(total)
      }
    case .recency(let measure):
      return customers.map { customer in
        let times = (events[customer] ?? []).filter { measure.kinds.contains($0.kind) }.map(\.at)
        guard let last = times.max() else { return nil }
        return (0...4000).first { zone.midnight(today - $0) <= last }.map(Double.init)
      }
    case .ratio(let numerator, let denominator, let minimum):
      let (over, under) = (try catalogue.resolve(numerator), try catalogue.resolve(denominator))
      let scales = (over.scale == 4 ? 1e4 : 1, under.scale == 4 ? 1e4 : 1)
      return zip(try values(over, customers), try values(under, customers)).map { pair in
        guard let top = pair.0, let bottom = pair.1, bottom >= Double(minimum) else { return nil }
        return (top / scales.0) / (bottom / scales.1)
      }
    case .profile, .score: return customers.map { _ in nil }
    }
  }
}

extension Int32 {
  fileprivate var asInt: Int { Int(self) }
}

extension Column {
  /// Integers and reals as optional doubles; the sums of the tests stay far below 2^53.
  package func doubles() -> [Double?] {
    switch self {
    case .integer(let dense, _): (0..<count).map { dense[$0].map(Double.init) }
    case .real(let dense): (0..<count).map { dense[$0] }
    default: []
    }
  }
}
