import Synchronization
import Warehouse

/// The spells that a publication or a series ends, in parts, so that one is made while another is on its
/// way, and so that a second connection can look up some.
///
/// The publication's connection ends them from the first part on. The other one finds, from the last part
/// on, where spells lie: a good part of what ending one costs is the way there, through index and table.
final class Endings: Sendable {
  private let ending: Int
  private let merges: Bool
  private let sizes: [Int]
  private let make: @Sendable (Range<Int>) -> EndedSpells
  private let parts: Mutex<Parts>
  private let located: AsyncStream<EndedSpells>
  private let locating: AsyncStream<EndedSpells>.Continuation

  /// What neither connection has begun with, and what was taken to be looked up.
  private struct Parts {
    var left: Range<Int>
    var spells: Int
    var lookedUp = 0
    var shared: [Range<Int>] = []
  }

  /// - Parameters:
  ///   - sizes: how many spells each of some pieces has; several pieces are sent together.
  ///   - open: how many are open.
  ///   - make: makes some pieces that follow each other, in the order of customers.
  init(
    sizes: [Int], of open: Int, make: @escaping @Sendable (Range<Int>) -> EndedSpells
  ) {
    ending = sizes.reduce(0, +)
    merges = ending * 4 > open
    self.sizes = sizes
    self.make = make
    parts = Mutex(Parts(left: sizes.indices, spells: ending))
    (located, locating) = AsyncStream.makeStream()
  }

  /// Ends them all.
  ///
  /// - Throws: `segments.out_of_step` where one was not open; `WarehouseError`.
  func end(on connection: Connection) async throws {
    if ending == 0 { return }
    try await set(merges ? Self.merging : Self.byKey, on: connection)
    try await each(next: takeFirst) { try await $0.end(on: connection) }
    var lookedUp = parts.withLock(\.lookedUp)
    if lookedUp > 0 {
      try await set(Self.byLocation, on: connection)
      // Where the other connection fails there are fewer: then its error is told.
      var found = located.makeAsyncIterator()
      try await send(
        {
          if lookedUp == 0 { return nil }
          lookedUp -= 1
          return await found.next()
        }, { try await $0.end(on: connection) })
    }
    try await connection.script(
      Self.byLocation.keys.map { "SET LOCAL \($0) TO DEFAULT" }.joined(separator: "; "))
  }

  /// Leaves some to a connection that looks up where they lie and then opens spells: so many that both
  /// connections are done at about the same time.
  ///
  /// - Parameter opening: how many spells it opens.
  func share(with opening: Int) {
    // To open one takes about three fifths of what it takes to end one, and to look one up a half.
    let share = min(ending - opening * 3 / 5, ending / 2)
    parts.withLock { parts in
      while ending - parts.spells < share {
        let most = min(share - (ending - parts.spells), 4_096)
        if let part = takeLast(&parts, most: most) { parts.shared.append(part) }
      }
    }
  }

  /// Finds where the shared ones lie, on another connection's transaction.
  ///
  /// - Throws: `segments.out_of_step` where one is not open; `WarehouseError`.
  func locateShared(on connection: Connection) async throws {
    try await locate(on: connection) { $0.shared.popLast() }
  }

  /// Finds where those lie that ``end(on:)`` has not come to.
  func locateRest(on connection: Connection) async throws {
    try await locate(on: connection) { self.takeLast(&$0, most: Self.together($0.spells)) }
  }

  private func locate(
    on connection: Connection, next: @escaping @Sendable (inout Parts) -> Range<Int>?
  ) async throws {
    if ending == 0 { return }
    do {
      try await set(merges ? Self.merging : Self.byKey, on: connection)
      try await each(next: next) { self.locating.yield(try await $0.locate(on: connection)) }
    } catch {
      locating.finish()
      throw error
    }
  }

  /// How many spells to send together: fewer and fewer, so that neither connection waits long for the
  /// other's last, and some hundred kilobytes at most.
  private static func together(_ left: Int) -> Int { min(max(left / 2, 512), 16_384) }

  private func takeFirst(_ parts: inout Parts) -> Range<Int>? {
    if parts.left.isEmpty { return nil }
    let start = parts.left.lowerBound
    let most = Self.together(parts.spells)
    var taken = 0
    while taken < most, let piece = parts.left.popFirst() { taken += sizes[piece] }
    parts.spells -= taken
    return start..<parts.left.lowerBound
  }

  private func takeLast(_ parts: inout Parts, most: Int) -> Range<Int>? {
    if parts.left.isEmpty { return nil }
    let end = parts.left.upperBound
    var taken = 0
    while taken < most, let piece = parts.left.popLast() { taken += sizes[piece] }
    parts.spells -= taken
    parts.lookedUp += 1
    return parts.left.upperBound..<end
  }

  private func each(
    next: @Sendable (inout Parts) -> Range<Int>?,
    _ body: @escaping @Sendable (EndedSpells) async throws -> Void
  ) async throws {
    try await send({ parts.withLock { next(&$0) }.map(make) }, body)
  }

  /// Has spells done with one after the other, and the next ones waiting: the connection, which takes
  /// them in turn, is never without work.
  private func send(
    _ next: () async -> EndedSpells?, _ body: @escaping @Sendable (EndedSpells) async throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { sending in
      var underway = 0
      while let spells = await next() {
        sending.addTask { try await body(spells) }
        underway += 1
        if underway == 2 {
          try await sending.next()
          underway -= 1
        }
      }
      try await sending.waitForAll()
    }
  }

  /// Has the server look up each spell by its key, whatever it thinks of it.
  ///
  /// The server does not know how many spells the arrays name nor that they ascend, so that neighbours
  /// share pages: it might read all open spells for some of them.
  private static let byKey = [
    "enable_hashjoin": "off", "enable_memoize": "off", "enable_nestloop": "on",
    "enable_mergejoin": "off", "plan_cache_mode": "force_generic_plan",
  ]

  /// Has it read the spells of the customers, where many end: a plan that the steps, which end few
  /// spells of any customers, must not find kept.
  private static let merging = byKey.merging(
    [
      "enable_nestloop": "off", "enable_mergejoin": "on", "plan_cache_mode": "force_custom_plan",
    ]
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
