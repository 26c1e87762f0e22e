import Synchronization
import Warehouse

/// The spells that a publication or a series ends, in parts, so that one is made while another is on its
/// way, and so that a second connection can look up some.
///
/// The publication's connection ends them from the first part on. A connection that is through with what
/// it had to do finds from the last part on where spells lie: most of what ending one costs is the way
/// there, through index and table.
final class Endings: Sendable {
  private let ending: Int
  private let merges: Bool
  private let make: @Sendable (Int) -> EndedSpells
  private let parts: Mutex<Parts>
  private let located: AsyncStream<EndedSpells>
  private let locating: AsyncStream<EndedSpells>.Continuation

  private struct Parts {
    /// Those that neither connection has begun with.
    var left: Range<Int>
    /// How many are looked up, or were.
    var lookedUp = 0
  }

  /// - Parameters:
  ///   - ending: how many there are.
  ///   - open: how many are open.
  ///   - parts: how many parts `make` makes, about as many as ``parts(of:)`` says.
  ///   - make: makes a part, in the order of customers as the parts are.
  init(
    _ ending: Int, of open: Int, parts: Int, make: @escaping @Sendable (Int) -> EndedSpells
  ) {
    self.ending = ending
    merges = ending * 4 > open
    self.make = make
    self.parts = Mutex(Parts(left: 0..<parts))
    (located, locating) = AsyncStream.makeStream()
  }

  /// In how many parts to end spells: a part is a statement of some hundred kilobytes at most, and
  /// neither connection waits long for the other's last.
  static func parts(of ending: Int) -> Int {
    max(1, (ending + 16_383) / 16_384, min(16, ending / 1_024))
  }

  /// Ends them all.
  ///
  /// - Throws: `segments.out_of_step` where one was not open; `WarehouseError`.
  func end(on connection: Connection) async throws {
    if ending == 0 { return }
    try await set(merges ? Self.merging : Self.byKey, on: connection)
    try await each(next: { $0.left.popFirst() }) { try await $0.end(on: connection) }
    var lookedUp = parts.withLock(\.lookedUp)
    if lookedUp > 0 {
      try await set(Self.byLocation, on: connection)
      // Where the other connection fails there are fewer: then its error is told.
      for await spells in located {
        try await spells.end(on: connection)
        lookedUp -= 1
        if lookedUp == 0 { break }
      }
    }
    try await connection.script(
      Self.byLocation.keys.map { "SET LOCAL \($0) TO DEFAULT" }.joined(separator: "; "))
  }

  /// Finds where those lie that ``end(on:)`` has not come to, on another connection's transaction.
  ///
  /// - Throws: `segments.out_of_step` where one is not open; `WarehouseError`.
  func locate(on connection: Connection) async throws {
    defer { locating.finish() }
    if ending == 0 { return }
    try await set(merges ? Self.merging : Self.byKey, on: connection)
    try await each(next: Self.takeLast) {
      self.locating.yield(try await $0.locate(on: connection))
    }
  }

  private static func takeLast(_ parts: inout Parts) -> Int? {
    guard let last = parts.left.popLast() else { return nil }
    parts.lookedUp += 1
    return last
  }

  /// Sends parts one by one, and makes the next meanwhile.
  private func each(
    next: @Sendable (inout Parts) -> Int?,
    _ send: @escaping @Sendable (EndedSpells) async throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { sending in
      while let part = parts.withLock({ next(&$0) }) {
        let spells = make(part)
        try await sending.waitForAll()
        sending.addTask { try await send(spells) }
      }
      try await sending.waitForAll()
    }
  }

  /// Has the server look up each spell by its key.
  ///
  /// The server does not know how many spells the arrays name nor that they ascend, so that neighbours
  /// share pages: it might read all open spells for some of them. No plan is kept for the steps, which
  /// end few spells of any customers.
  private static let byKey = [
    "enable_hashjoin": "off", "enable_memoize": "off", "enable_nestloop": "on",
    "enable_mergejoin": "off", "plan_cache_mode": "force_custom_plan",
  ]

  /// Has it read the spells of the customers, where many end.
  private static let merging = byKey.merging(
    ["enable_nestloop": "off", "enable_mergejoin": "on"]
  ) { $1 }

  /// Has it go where each spell lies.
  private static let byLocation = byKey.merging(
    ["enable_indexscan": "off", "enable_bitmapscan": "off", "enable_seqscan": "off"]
  ) { $1 }

  private func set(_ settings: [String: String], on connection: Connection) async throws {
    try await connection.execute(
      """
      SELECT set_config(name, value, true)
      FROM unnest(\(Array(settings.keys)), \(Array(settings.values))) AS s(name, value)
      """)
  }
}
