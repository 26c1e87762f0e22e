import Columns

/// Why a customer entered or left a segment; SEMANTICS names them.
public enum TransitionCause: String, Sendable, Hashable, CaseIterable, Codable {
  /// The customer had events since the last publication.
  case event
  /// Nothing happened but time: a window moved on.
  case time
  /// The rule is new or changed, or the segment left the catalogue.
  case rule
  /// A model score changed.
  case model
  /// A manual override.
  case override
  /// A conflict between segments.
  case conflict
  /// The default segment for customers in none.
  case `default`
  /// Two customers were merged.
  case merge
  /// A late event.
  case late
  /// An erasure.
  case erasure
}

extension TransitionCause {
  /// Its place among all, which fits four bits.
  var code: UInt8 {
    switch self {
    case .event: 0
    case .time: 1
    case .rule: 2
    case .model: 3
    case .override: 4
    case .conflict: 5
    case .default: 6
    case .merge: 7
    case .late: 8
    case .erasure: 9
    }
  }

  /// Every cause by its place: `allCases` is made anew where it is asked for.
  static let inOrder = allCases

  /// Every cause as PostgreSQL spells it, by its place.
  static let texts = allCases.map(\.rawValue)
}

/// What is known of customers that explains why they enter and leave: rows of a plan's customers.
struct TransitionReasons: Sendable {
  /// Customers with events since the publication before.
  var active: Bitset
  /// Customers whose earlier events have come late: loaded since the publication before.
  var late: Bitset
  /// Customers that others were merged into since the publication before.
  var merged: Bitset

  /// Reasons of customers with events alone.
  init(active: Bitset) {
    self.active = active
    late = Bitset(count: active.count)
    merged = late
  }

  /// The cause of a row's transition in one segment.
  ///
  /// What decides besides the rule goes first; what touches the rule before what touches the customer,
  /// and a merge before the events that it moved.
  func cause(of row: Int, in change: PublicationPlan.Change) -> TransitionCause {
    if let decided = change.decided?.cause(of: row) { return decided }
    if change.ruleChanged { return .rule }
    if merged[row] { return .merge }
    if active[row] { return .event }
    if late[row] { return .late }
    return change.definition.usesScore ? .model : .time
  }

  /// How many customers enter and leave by each cause, the most frequent first.
  func causes(of change: PublicationPlan.Change) -> [PublicationResult.Cause] {
    var entered = [Int](repeating: 0, count: TransitionCause.allCases.count)
    var left = entered
    change.enters.forEach { entered[Int(cause(of: $0, in: change).code)] += 1 }
    change.leaves.forEach { left[Int(cause(of: $0, in: change).code)] += 1 }
    return TransitionCause.allCases.map {
      PublicationResult.Cause(
        cause: $0, entered: entered[Int($0.code)], left: left[Int($0.code)])
    }.filter { $0.entered + $0.left > 0 }.sorted { $0.precedes($1) }
  }
}

extension PublicationResult.Cause {
  /// Whether it moved more customers than another, or as many and comes first by name.
  func precedes(_ other: PublicationResult.Cause) -> Bool {
    let (mine, theirs) = (entered + left, other.entered + other.left)
    return mine != theirs ? mine > theirs : cause.rawValue < other.cause.rawValue
  }
}
