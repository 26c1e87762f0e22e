import Columns

/// Who moves into or out of one segment because of an override, a conflict or the default.
///
/// What decides about a customer now is why the customer moves; where nothing but the rule decides now,
/// what decided before is: a pin that has expired, a conflict that is over.
struct DecidedCauses: Sendable {
  /// The customers of each cause, disjoint; causes without any are left out.
  let customers: [(cause: TransitionCause, rows: Bitset)]

  /// Sets of customers by the cause that a difference gives.
  typealias Marks = [TransitionCause: Bitset]

  /// - Parameters:
  ///   - moving: who enters or leaves.
  /// - Returns: nil where the rule alone moves everyone.
  init?(now: Marks?, before: Marks?, moving: Bitset) {
    if now == nil, before == nil { return nil }
    var left = moving
    var found: Marks = [:]
    for marks in [now, before] {
      var taken = Bitset(count: moving.count)
      for (cause, rows) in marks ?? [:] {
        let here = left & rows
        if here.isEmpty { continue }
        found[cause] = found[cause].map { $0 | here } ?? here
        taken = taken | here
      }
      left = left.subtracting(taken)
    }
    if found.isEmpty { return nil }
    customers = found.sorted { $0.key.rawValue < $1.key.rawValue }.map { ($0.key, $0.value) }
  }

  /// By segment, the causes of whatever moves customers from one publication to the next.
  static func all(
    now: [Int32: Marks], before: [Int32: Marks], of customers: Int
  ) -> [Int32: DecidedCauses] {
    let everyone = Bitset(count: customers, repeating: true)
    var found: [Int32: DecidedCauses] = [:]
    for segment in Set(now.keys).union(before.keys) {
      found[segment] = DecidedCauses(now: now[segment], before: before[segment], moving: everyone)
    }
    return found
  }

  /// The cause of a customer's transition; nil where the rule alone decides.
  func cause(of row: Int) -> TransitionCause? { customers.first { $0.rows[row] }?.cause }

  /// By segment, who is in it or not because of what.
  static func marks(
    of evaluation: SegmentEvaluation?, over universe: IDIndex
  ) -> [String: Marks] {
    guard let evaluation, !evaluation.differences.isEmpty else { return [:] }
    let remap = RowMap(from: evaluation.customers, to: universe)
    let nobody = Bitset(count: universe.count)
    var found: [String: Marks] = [:]
    for difference in evaluation.differences {
      let name = evaluation.segments[difference.key.segment].name
      remap.mark(
        difference.customers,
        in: &found[name, default: [:]][difference.key.reason.cause, default: nobody])
    }
    return found
  }
}

extension SegmentEvaluation {
  /// Whether another evaluation's differences are the same, whatever its rows are.
  func hasSameDifferences(as other: SegmentEvaluation) -> Bool {
    if differences.isEmpty || other.differences.isEmpty {
      return differences.isEmpty && other.differences.isEmpty
    }
    guard segments.map(\.name) == other.segments.map(\.name),
      differences.map(\.key) == other.differences.map(\.key)
    else { return false }
    if customers == other.customers { return differences == other.differences }
    return zip(differences, other.differences).allSatisfy { mine, theirs in
      mine.customers.count == theirs.customers.count
        && zip(mine.customers.rows, theirs.customers.rows).allSatisfy {
          customers.ids[Int($0)] == other.customers.ids[Int($1)]
        }
    }
  }
}
