import Columns
import FeatureStore
import Features
import Rules
import Schedules

/// When conditions such as `last_login within_last 3 hours` turn within a day, although nothing came: at
/// an instant just after the value (it lies in the past then), and when the window leaves it behind.
///
/// Windows of days begin at midnights, so within a day only their end moves.
struct TimeCrossings: Sendable {
  /// A customer whose verdicts may turn at an instant.
  struct Crossing: Sendable {
    let at: Int64
    let customer: Int64
  }

  /// What counts back from the as-of: features and the lengths of exact windows.
  private let conditions: [(feature: String, length: Int64?)]
  /// Ascending.
  private var known: ArraySlice<Crossing>
  /// Of customers who were computed again since.
  private var later: [Crossing] = []

  /// Those after the instant of a table of everyone.
  init(_ rules: SegmentCatalogue, _ table: FeatureTable) throws {
    conditions = rules.relativeInstants.map { ($0.attribute.name, $0.span.microseconds) }
    known = []
    known = try found(in: table, after: table.asOf).sorted { $0.at < $1.at }[...]
  }

  /// Those of a table's customers, until the day ends.
  func found(in table: FeatureTable, after asOf: Instant) throws -> [Crossing] {
    var result: [Crossing] = []
    let end = LocalDays(zone: table.zone).end(of: table.day).microseconds
    for (feature, length) in conditions {
      guard case .instant(let values) = try table.column(named: feature) else { continue }
      for (row, customer) in table.index.ids.enumerated() {
        guard let value = values[row] else { continue }
        for at in [value &+ 1, length.map { value &+ $0 &+ 1 }] {
          if let at, at > asOf.microseconds, at < end {
            result.append(Crossing(at: at, customer: customer))
          }
        }
      }
    }
    return result
  }

  /// The customers whose verdicts may have turned by an instant.
  func due(at asOf: Instant) -> [Int64] {
    (known.prefix { $0.at <= asOf.microseconds } + later.filter { $0.at <= asOf.microseconds })
      .map(\.customer)
  }

  /// Forgets what is over by an instant, and adds what was found since.
  mutating func pass(_ asOf: Instant, adding found: [Crossing]) {
    known = known.drop { $0.at <= asOf.microseconds }
    later.removeAll { $0.at <= asOf.microseconds }
    later += found
  }
}
