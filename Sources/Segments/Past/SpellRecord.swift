import Schedules

/// A stay of one customer in one segment as it is recorded.
struct SpellRecord: Sendable, Hashable {
  /// How a stay began or ended.
  struct End: Sendable, Hashable {
    /// As-of of the publication at which it did.
    let at: Instant
    /// The rule version that decided; nil where none is recorded.
    let version: Int32?
    let cause: TransitionCause
    /// The publication that recorded it.
    let recordedIn: Int32
  }

  let customer: Int64
  let segment: Int32
  let entered: End
  /// Nil while the stay lasts.
  let left: End?

  /// Whether the stay covers an instant.
  func covers(_ instant: Instant) -> Bool {
    guard entered.at <= instant else { return false }
    return left.map { $0.at > instant } ?? true
  }
}

/// Turns what is believed of one customer and segment at a past as-of, from it to the publication
/// after it: nothing is known in between, and nothing else changes.
///
///     before  at the as-of  after     the stays become
///     in      turns out     in        one that ends here, one that begins at the next
///     in      turns out     out       one that ends here
///     out     turns out     in        one that begins at the next
///     out     turns out     out       none
///
/// and the other way round where it turns in: what touches is joined.
struct SpellTurn: Sendable {
  /// The past as-of as an end that is new: its version and why.
  let here: SpellRecord.End
  /// The publication after it as an end that is new.
  let next: SpellRecord.End
  let isMember: Bool

  /// What replaces the records that touch the time between both.
  ///
  /// - Parameter records: of one customer and segment, those that begin until ``next`` and last until
  ///   ``here`` at least.
  func replacing(_ records: [SpellRecord], customer: Int64, segment: Int32) -> [SpellRecord] {
    var result: [SpellRecord] = []
    var begun = records.first { $0.entered.at < here.at }?.entered
    func close(_ left: SpellRecord.End?) {
      guard let entered = begun else { return }
      result.append(
        SpellRecord(customer: customer, segment: segment, entered: entered, left: left))
      begun = nil
    }
    if isMember {
      begun = begun ?? here
    } else {
      close(here)
    }
    if let after = records.first(where: { $0.covers(next.at) }) {
      begun = begun ?? next
      close(after.left)
    } else {
      close(next)
    }
    return result
  }
}
