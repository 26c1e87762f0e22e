import Schedules

/// Which merges of a load take effect, decided from what is known of their keys; without I/O.
///
/// A merge says that a customer (`from`) is another one (`to`). It takes effect where `from` still
/// owns itself: then everything of `from`, also what was merged into it before, becomes `to`'s,
/// or that of whoever `to` was merged into. What would undo an earlier merge is refused.
struct MergePlan {
  /// One row of a load.
  struct Statement: Sendable, Equatable {
    var line: Int64
    var from: String
    var to: String
    var at: Instant
  }

  /// A merge that takes effect.
  struct Merge: Sendable, Equatable {
    var from: String
    var to: String
    var at: Instant
  }

  /// The merges that take effect, in order.
  private(set) var merges: [Merge] = []
  /// Why the others do not, by line: a ``RowReason``, or `duplicate` for what is known.
  private(set) var refusals: [(line: Int64, reason: String)] = []
  /// Whom each key belongs to, where that is another key.
  private var owners: [String: String]

  /// A plan over keys that belong to customers named by other keys.
  init(owners: [String: String]) { self.owners = owners.filter { $0.key != $0.value } }

  /// The key of the customer that a key belongs to.
  func owner(of key: String) -> String {
    var key = key
    while let next = owners[key] { key = next }
    return key
  }

  /// Takes one statement; those that happened earlier come first.
  mutating func add(_ statement: Statement) {
    guard statement.from != statement.to else {
      return refuse(statement, RowReason.mergeSelf.rawValue)
    }
    let source = owner(of: statement.from)
    let target = owner(of: statement.to)
    if source == target {
      // They are one customer already. Where that customer is `from`, the row says the reverse.
      let isReverse = source == statement.from
      return refuse(statement, isReverse ? RowReason.mergeCycle.rawValue : Verdict.duplicate)
    }
    guard source == statement.from else {
      return refuse(statement, RowReason.alreadyMerged.rawValue)
    }
    merges.append(Merge(from: statement.from, to: statement.to, at: statement.at))
    owners[statement.from] = target
  }

  private mutating func refuse(_ statement: Statement, _ reason: String) {
    refusals.append((statement.line, reason))
  }
}
