import Columns
import Schedules

/// What several publications in a row change of the spells, together.
///
/// A spell that opens and ends among them goes straight to the ended ones; what is left to do with
/// the open ones is what is different after the last. The records are those that so many single
/// publications leave behind.
struct SpellSeries: Sendable {
  /// One of the publications.
  struct Member: Sendable {
    let id: Int32
    let asOf: Instant
    /// By segment, the causes of customers without events and of those with some.
    fileprivate(set) var causes: [(quiet: String, active: String)]
  }

  /// The most publications of a series: their places share a byte with a bit.
  static let most = 120

  private let customers: IDIndex
  private(set) var members: [Member] = []
  /// Name, number and version of the segments met so far.
  private var numbers: [String: Int] = [:]
  private(set) var segments: [(id: Int32, version: Int32)] = []
  /// By segment and customer: where the spell opened that lasts, 0 for nowhere in this series.
  private var opened: [[UInt8]] = []
  /// Customer, segment, opening and ending, packed so that they sort in that order.
  private var passing: [UInt64] = []
  private var ending: [UInt64] = []

  /// A series over customers, the rows of every plan.
  init(customers: IDIndex) { self.customers = customers }

  /// Whether nothing was added yet.
  var isEmpty: Bool { members.isEmpty }

  /// Adds a publication later than those before it.
  ///
  /// - Precondition: `plan` is over the customers of the series and corrects nothing.
  mutating func add(
    _ plan: PublicationPlan, id: Int32, active: Bitset,
    ids: [String: (segment: Int32, version: Int32)]
  ) {
    let place = UInt8(members.count + 1)
    var member = Member(
      id: id, asOf: plan.asOf, causes: Array(repeating: ("", ""), count: segments.count))
    for change in plan.changes where !change.isStill {
      guard let known = ids[change.definition.name] else { continue }
      let number = number(of: change.definition.name, known)
      while member.causes.count < segments.count { member.causes.append(("", "")) }
      member.causes[number] = (
        plan.cause(in: change, hadEvents: false).rawValue,
        plan.cause(in: change, hadEvents: true).rawValue
      )
      // Who comes back on the day on which others leave is another customer: the order is free.
      opened[number].withUnsafeMutableBufferPointer { opened in
        change.leaves.forEach { row in
          let end = place << 1 | (active[row] ? 1 : 0)
          let start = opened[row]
          let key = Self.key(row, number, start, end)
          if start == 0 { ending.append(key) } else { passing.append(key) }
          opened[row] = 0
        }
        change.enters.forEach { row in opened[row] = place << 1 | (active[row] ? 1 : 0) }
      }
    }
    members.append(member)
  }

  private mutating func number(
    of name: String, _ known: (segment: Int32, version: Int32)
  ) -> Int {
    if let number = numbers[name] { return number }
    let number = segments.count
    numbers[name] = number
    segments.append((known.segment, known.version))
    opened.append(Array(repeating: 0, count: customers.count))
    return number
  }

  // Places reach 120, so that a place and its bit fit a byte.
  private static func key(_ row: Int, _ segment: Int, _ start: UInt8, _ end: UInt8) -> UInt64 {
    UInt64(row) << 32 | UInt64(segment) << 16 | UInt64(start) << 8 | UInt64(end)
  }

  // MARK: Rows

  /// How many spells that were open before the series end in it.
  var ended: Int { ending.count }
  /// How many spells open and end in it.
  var passed: Int { passing.count }

  /// Calls `send` with pieces of a binary COPY into `segments.delta`: customer_id, segment_id,
  /// cause, action, closed_in.
  mutating func eachEnding(
    _ send: nonisolated(nonsending) ([UInt8]) async throws -> Void
  ) async throws {
    ending.sort()
    var encoder = BinaryCopyEncoder(columns: 5)
    for key in ending {
      let (row, segment, end) = (Int(key >> 32), Int(key >> 16 & 0xFFFF), UInt8(key & 0xFF))
      encoder.beginRow()
      encoder.append(int64: customers.ids[row])
      encoder.append(int32: segments[segment].id)
      encoder.append(text: cause(segment, end))
      encoder.append(int16: 1)
      encoder.append(int32: member(end).id)
      if encoder.count >= Self.piece { try await send(encoder.take()) }
    }
    encoder.finish()
    try await send(encoder.take())
  }

  /// Calls `send` with pieces of a binary COPY into `segments.ended_spell`: customer_id,
  /// valid_from, valid_to, segment_id, opened_in, closed_in, entered_version, left_version,
  /// entered_cause, left_cause.
  mutating func eachPassing(
    _ send: nonisolated(nonsending) ([UInt8]) async throws -> Void
  ) async throws {
    passing.sort()
    var encoder = BinaryCopyEncoder(columns: 10)
    for key in passing {
      let (row, segment) = (Int(key >> 32), Int(key >> 16 & 0xFFFF))
      let (start, end) = (UInt8(key >> 8 & 0xFF), UInt8(key & 0xFF))
      encoder.beginRow()
      encoder.append(int64: customers.ids[row])
      encoder.append(instant: member(start).asOf.microseconds)
      encoder.append(instant: member(end).asOf.microseconds)
      encoder.append(int32: segments[segment].id)
      encoder.append(int32: member(start).id)
      encoder.append(int32: member(end).id)
      encoder.append(int32: segments[segment].version)
      encoder.append(int32: segments[segment].version)
      encoder.append(text: cause(segment, start))
      encoder.append(text: cause(segment, end))
      if encoder.count >= Self.piece { try await send(encoder.take()) }
    }
    encoder.finish()
    try await send(encoder.take())
  }

  /// Calls `send` with pieces of a binary COPY into `segments.open_spell`: customer_id, valid_from,
  /// segment_id, opened_in, entered_version, entered_cause.
  func eachOpened(
    _ send: nonisolated(nonsending) ([UInt8]) async throws -> Void
  ) async throws {
    var encoder = BinaryCopyEncoder(columns: 6)
    for row in customers.ids.indices {
      for segment in opened.indices where opened[segment][row] != 0 {
        let start = opened[segment][row]
        encoder.beginRow()
        encoder.append(int64: customers.ids[row])
        encoder.append(instant: member(start).asOf.microseconds)
        encoder.append(int32: segments[segment].id)
        encoder.append(int32: member(start).id)
        encoder.append(int32: segments[segment].version)
        encoder.append(text: cause(segment, start))
      }
      if encoder.count >= Self.piece { try await send(encoder.take()) }
    }
    encoder.finish()
    try await send(encoder.take())
  }

  /// How many spells open in the series and last.
  var opening: Int {
    opened.reduce(0) { sum, rows in sum + rows.reduce(0) { $0 + ($1 == 0 ? 0 : 1) } }
  }

  private func member(_ code: UInt8) -> Member { members[Int(code >> 1) - 1] }

  private func cause(_ segment: Int, _ code: UInt8) -> String {
    let causes = member(code).causes[segment]
    return code & 1 == 0 ? causes.quiet : causes.active
  }

  /// Bytes per message to the server, at least.
  private static let piece = 256 * 1024
}
