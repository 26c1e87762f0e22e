import Columns
import Schedules
import Warehouse

/// The rows that a publication sends, in the order of customers, so that neighbours share pages.
struct SpellRows: Sendable {
  /// What is corrected of a spell; the numbers stand in `segments.delta.action`.
  private enum Action: Int16 {
    case retract = 2
    case reopen = 3
  }

  /// One segment's part.
  private struct Part: Sendable {
    let change: PublicationPlan.Change
    let segment: Int32
    let version: Int32
  }

  private let plan: PublicationPlan
  private let publicationID: Int32
  private let reasons: TransitionReasons
  private let parts: [Part]

  /// How many spells open.
  let opened: Int
  /// How many end.
  let ended: Int
  /// How many entries of this as-of are taken back.
  let retracted: Int
  /// How many leavings of this as-of are taken back.
  let reopened: Int

  /// - Parameter reasons: what explains the transitions of the plan's customers.
  init(
    plan: PublicationPlan, publicationID: Int32, reasons: TransitionReasons,
    ids: [String: (segment: Int32, version: Int32)]
  ) {
    self.plan = plan
    self.publicationID = publicationID
    self.reasons = reasons
    parts = plan.changes.compactMap { change in
      guard !change.isStill, let id = ids[change.definition.name] else { return nil }
      return Part(change: change, segment: id.segment, version: id.version)
    }
    opened = parts.reduce(0) { $0 + $1.change.enters.population }
    ended = parts.reduce(0) { $0 + $1.change.leaves.population }
    retracted = parts.reduce(0) { $0 + $1.change.retracts.population }
    reopened = parts.reduce(0) { $0 + $1.change.reopens.population }
  }

  /// Calls `send` with pieces of a binary COPY into `segments.open_spell`: customer_id, valid_from,
  /// segment_id, opened_in, entered_version, entered_cause.
  func eachOpened(
    _ send: nonisolated(nonsending) ([UInt8]) async throws -> Void
  ) async throws {
    var encoder = BinaryCopyEncoder(columns: 6)
    let walk = Walk(parts, \.enters)
    for words in blocks {
      walk.visit(words) { row, part in
        encoder.beginRow()
        encoder.append(int64: plan.customers.ids[row])
        encoder.append(instant: plan.asOf.microseconds)
        encoder.append(int32: part.segment)
        encoder.append(int32: publicationID)
        encoder.append(int32: part.version)
        encoder.append(text: reasons.cause(of: row, in: part.change).rawValue)
      }
      if encoder.count >= Self.piece { try await send(encoder.take()) }
    }
    encoder.finish()
    try await send(encoder.take())
  }

  /// The spells of those who leave.
  ///
  /// - Parameter open: how many are open.
  func endings(of open: Int) -> Endings {
    let walk = Walk(parts, \.leaves)
    let blocks = self.blocks
    return Endings(sizes: walk.counts(of: blocks), of: open) { taken in
      var spells = EndedSpells(at: [SpellSeries.Member(id: publicationID, asOf: plan.asOf)])
      for words in blocks[taken] {
        walk.visit(words) { row, part in
          spells.append(
            customer: plan.customers.ids[row], segment: part.segment, version: part.version,
            cause: reasons.cause(of: row, in: part.change))
        }
      }
      return spells
    }
  }

  /// Calls `send` with pieces of a binary COPY into `segments.delta`, of what is corrected:
  /// customer_id, segment_id, cause, action.
  func eachDelta(
    _ send: nonisolated(nonsending) ([UInt8]) async throws -> Void
  ) async throws {
    var encoder = BinaryCopyEncoder(columns: 4)
    let walks: [(Walk, Action)] = [
      (Walk(parts, \.retracts), .retract), (Walk(parts, \.reopens), .reopen),
    ]
    for (walk, action) in walks where !walk.isEmpty {
      for words in blocks {
        walk.visit(words) { row, part in
          encoder.beginRow()
          encoder.append(int64: plan.customers.ids[row])
          encoder.append(int32: part.segment)
          encoder.append(text: reasons.cause(of: row, in: part.change).rawValue)
          encoder.append(int16: action.rawValue)
        }
        if encoder.count >= Self.piece { try await send(encoder.take()) }
      }
    }
    encoder.finish()
    try await send(encoder.take())
  }

  /// Bytes per message to the server, at least.
  private static let piece = 64 * 1024

  /// Ranges of words of at most a thousand customers, so that a piece stays small.
  private var blocks: [Range<Int>] {
    stride(from: 0, to: reasons.active.words.count, by: 16).map {
      $0..<min($0 + 16, reasons.active.words.count)
    }
  }

  /// The members of one kind of set over the segments that have some.
  private struct Walk: Sendable {
    private let parts: [Part]
    private let sets: [[UInt64]]

    init(_ all: [Part], _ set: KeyPath<PublicationPlan.Change, Bitset>) {
      parts = all.filter { !$0.change[keyPath: set].isEmpty }
      sets = parts.map { $0.change[keyPath: set].words }
    }

    var isEmpty: Bool { parts.isEmpty }

    /// How many members each block has.
    func counts(of blocks: [Range<Int>]) -> [Int] {
      var counts = [Int](repeating: 0, count: blocks.count)
      for set in sets {
        set.withUnsafeBufferPointer { set in
          for (number, words) in blocks.enumerated() {
            for word in words { counts[number] += set[word].nonzeroBitCount }
          }
        }
      }
      return counts
    }

    /// Visits rows of a block ascending, and at each row its segments.
    func visit(_ words: Range<Int>, _ body: (Int, Part) -> Void) {
      for word in words {
        var bits: UInt64 = 0
        for set in sets { bits |= set[word] }
        while bits != 0 {
          let bit = bits & (~bits + 1)
          let row = word << 6 + bits.trailingZeroBitCount
          for index in parts.indices where sets[index][word] & bit != 0 { body(row, parts[index]) }
          bits &= bits - 1
        }
      }
    }
  }
}
