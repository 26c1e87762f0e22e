import Columns
import Schedules
import Warehouse

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
  }

  /// The most publications of a series: their places have eight bits, and a cause four.
  static let most = 120

  fileprivate let customers: IDIndex
  private(set) var members: [Member] = []
  /// Name, number and version of the segments met so far.
  private var numbers: [String: Int] = [:]
  private(set) var segments: [(id: Int32, version: Int32)] = []
  /// By segment and customer: where and why the spell opened that lasts, 0 for nowhere in this series.
  private var opened: [[UInt16]] = []
  /// By segment: the customers whose spell from before the series ended in it.
  private var left: [Bitset] = []
  /// Customer, segment, opening and ending, packed so that they sort in that order.
  private var passing: [UInt64] = []
  private var ending: [UInt64] = []
  /// How many of `ending` are in order.
  private var sorted = 0
  /// How many of `passing` were taken out.
  private var passed = 0

  /// A series over customers, the rows of every plan.
  init(customers: IDIndex) { self.customers = customers }

  /// Whether nothing was added yet.
  var isEmpty: Bool { members.isEmpty }

  /// Adds a publication later than those before it.
  ///
  /// - Precondition: `plan` is over the customers of the series and corrects nothing.
  mutating func add(
    _ plan: PublicationPlan, id: Int32, reasons: TransitionReasons,
    ids: [String: (segment: Int32, version: Int32)]
  ) {
    let place = UInt16(members.count + 1) << 4
    for change in plan.changes where !change.isStill {
      guard let known = ids[change.definition.name] else { continue }
      let number = number(of: change.definition.name, known)
      func code(_ row: Int) -> UInt16 { place | UInt16(reasons.cause(of: row, in: change).code) }
      // Who comes back on the day on which others leave is another customer: the order is free.
      var left = self.left[number]
      self.left[number] = Bitset(count: 0)
      defer { self.left[number] = left }
      opened[number].withUnsafeMutableBufferPointer { opened in
        change.leaves.forEach { row in
          let start = opened[row]
          let key = Self.key(row, number, start, code(row))
          if start == 0 {
            ending.append(key)
            left[row] = true
          } else {
            passing.append(key)
          }
          opened[row] = 0
        }
        change.enters.forEach { row in opened[row] = code(row) }
      }
    }
    members.append(Member(id: id, asOf: plan.asOf))
  }

  private mutating func number(
    of name: String, _ known: (segment: Int32, version: Int32)
  ) -> Int {
    if let number = numbers[name] { return number }
    let number = segments.count
    numbers[name] = number
    segments.append((known.segment, known.version))
    opened.append(Array(repeating: 0, count: customers.count))
    left.append(Bitset(count: customers.count))
    return number
  }

  // 28 bits of row, 12 of segment, 12 of opening and 12 of ending: 268 million customers and 4,096
  // segments, of which a catalogue has at most 1,000.
  private static func key(_ row: Int, _ segment: Int, _ start: UInt16, _ end: UInt16) -> UInt64 {
    precondition(row < 1 << 28 && segment < 1 << 12, "fits the key of a spell")
    return UInt64(row) << 36 | UInt64(segment) << 24 | UInt64(start) << 12 | UInt64(end)
  }

  fileprivate struct Key {
    let row: Int
    let segment: Int
    let start: UInt16
    let end: UInt16

    init(_ bits: UInt64) {
      row = Int(bits >> 36)
      segment = Int(bits >> 24 & 0xFFF)
      start = UInt16(bits >> 12 & 0xFFF)
      end = UInt16(bits & 0xFFF)
    }
  }

  /// The series without its spells.
  fileprivate var describing: SpellSeries {
    var series = SpellSeries(customers: customers)
    series.members = members
    series.segments = segments
    return series
  }

  // MARK: Rows

  /// How many spells end in it.
  var ended: Int { ending.count + passing.count + passed }

  /// Brings what ends in order, unless it is: may be done while there is something to wait for.
  mutating func sortEndings() {
    if sorted == ending.count { return }
    ending.sort()
    sorted = ending.count
  }

  /// The spells that were open before the series and end in it, in order.
  ///
  /// - Parameter open: how many were open before it.
  mutating func endings(of open: Int) -> Endings {
    sortEndings()
    let piece = 512
    let starts = stride(from: 0, to: ending.count, by: piece)
    let sizes = starts.map { min(piece, ending.count - $0) }
    return Endings(sizes: sizes, of: open) { [self] taken in
      var spells = EndedSpells(at: members)
      for key in ending[taken.lowerBound * piece..<min(taken.upperBound * piece, ending.count)] {
        let key = Key(key)
        let segment = segments[key.segment]
        spells.append(
          customer: customers.ids[key.row], segment: segment.id, version: segment.version,
          cause: TransitionCause.inOrder[Int(key.end & 0xF)], at: Int(key.end >> 4) - 1)
      }
      return spells
    }
  }

  /// Takes out the spells that opened and ended in the series so far, once there are `least`: no later
  /// publication of it changes them.
  mutating func takePassing(least: Int = 1) -> PassingSpells? {
    if passing.count < least { return nil }
    let taken = PassingSpells(keys: passing, series: self)
    passed += passing.count
    passing = []
    return taken
  }

  /// The series with nothing but the spells that open.
  var withoutEndings: SpellSeries {
    var series = self
    series.ending = []
    series.sorted = 0
    series.passing = []
    return series
  }

  /// Calls `send` with pieces of a binary COPY into `segments.open_spell`: customer_id, valid_from,
  /// segment_id, opened_in, entered_version, entered_cause.
  ///
  /// - Parameter again: whether of customers who were in the segment before the series, whose place is
  ///   free once those spells have ended; else of the others.
  func eachOpened(
    again: Bool, _ send: nonisolated(nonsending) ([UInt8]) async throws -> Void
  ) async throws {
    var encoder = BinaryCopyEncoder(columns: 6)
    for row in customers.ids.indices {
      for segment in opened.indices where opened[segment][row] != 0 && left[segment][row] == again {
        let start = opened[segment][row]
        encoder.beginRow()
        encoder.append(int64: customers.ids[row])
        encoder.append(instant: member(start).asOf.microseconds)
        encoder.append(int32: segments[segment].id)
        encoder.append(int32: member(start).id)
        encoder.append(int32: segments[segment].version)
        encoder.append(text: cause(start))
      }
      if encoder.count >= Self.piece { try await send(encoder.take()) }
    }
    encoder.finish()
    try await send(encoder.take())
  }

  /// How many spells open in the series and last.
  ///
  /// - Parameter again: as ``eachOpened(again:_:)``.
  func opening(again: Bool) -> Int {
    zip(opened, left).reduce(0) { sum, segment in
      let (opened, left) = segment
      let all = opened.reduce(0) { $0 + ($1 == 0 ? 0 : 1) }
      var returned = 0
      left.forEach { returned += opened[$0] == 0 ? 0 : 1 }
      return sum + (again ? returned : all - returned)
    }
  }

  fileprivate func member(_ code: UInt16) -> Member { members[Int(code >> 4) - 1] }

  fileprivate func cause(_ code: UInt16) -> String { TransitionCause.texts[Int(code & 0xF)] }

  /// Bytes per message to the server, at least.
  fileprivate static let piece = 256 * 1024
}

/// Spells that open and end in a series: they are written as ended ones.
struct PassingSpells: Sendable {
  private let keys: [UInt64]
  private let series: SpellSeries

  fileprivate init(keys: [UInt64], series: SpellSeries) {
    // Before anybody waits for them.
    self.keys = keys.sorted()
    self.series = series.describing
  }

  /// Writes them, in the order of customers, whose block ranges find them.
  func write(on connection: Connection) async throws {
    let written = try await connection.copyIn(
      """
      COPY segments.ended_spell (
        customer_id, valid_from, valid_to, segment_id, opened_in, closed_in, entered_version,
        left_version, entered_cause, left_cause)
      FROM STDIN (FORMAT binary)
      """
    ) { writer in
      try await eachPiece { try await writer.write(bytes: $0) }
    }
    try Publication.expect(written, keys.count, "opened and ended")
  }

  private func eachPiece(
    _ send: nonisolated(nonsending) ([UInt8]) async throws -> Void
  ) async throws {
    var encoder = BinaryCopyEncoder(columns: 10)
    for key in keys {
      let key = SpellSeries.Key(key)
      let (start, end) = (series.member(key.start), series.member(key.end))
      let segment = series.segments[key.segment]
      encoder.beginRow()
      encoder.append(int64: series.customers.ids[key.row])
      encoder.append(instant: start.asOf.microseconds)
      encoder.append(instant: end.asOf.microseconds)
      encoder.append(int32: segment.id)
      encoder.append(int32: start.id)
      encoder.append(int32: end.id)
      encoder.append(int32: segment.version)
      encoder.append(int32: segment.version)
      encoder.append(text: series.cause(key.start))
      encoder.append(text: series.cause(key.end))
      if encoder.count >= SpellSeries.piece { try await send(encoder.take()) }
    }
    encoder.finish()
    try await send(encoder.take())
  }
}
