/// The prepared statements of one connection, the least recently used one first to go.
///
/// A text is prepared on its second use: most statements of a short command run once, and preparing
/// costs a round trip.
struct StatementCache {
  struct Key: Hashable {
    let text: String
    let types: [UInt32]
  }

  enum Plan: Equatable {
    /// Run without a name.
    case once
    /// Prepare under this name, then run.
    case prepare(String)
    /// Run the statement of this name.
    case run(String)
  }

  private struct Entry {
    var name: String?
    var used: Int
  }

  let capacity: Int
  private var entries: [Key: Entry] = [:]
  private var clock = 0
  private var created = 0
  /// Statements that the server still holds and nobody uses.
  private(set) var evicted: [String] = []

  init(capacity: Int) { self.capacity = max(0, capacity) }

  /// How many statements the server holds for this connection.
  var prepared: Int { entries.values.count { $0.name != nil } }

  /// What to do for the next run of a statement.
  mutating func plan(for key: Key) -> Plan {
    guard capacity > 0 else { return .once }
    clock += 1
    guard let entry = entries[key] else {
      makeRoom()
      entries[key] = Entry(name: nil, used: clock)
      return .once
    }
    entries[key]?.used = clock
    if let name = entry.name { return .run(name) }
    created += 1
    return .prepare("strata_\(created)")
  }

  /// Notes that the server prepared the statement.
  mutating func didPrepare(_ key: Key, as name: String) { entries[key]?.name = name }

  /// Forgets a statement; the server may still hold it.
  mutating func forget(_ key: Key) {
    if let name = entries.removeValue(forKey: key)?.name { evicted.append(name) }
  }

  /// Forgets a statement that the server did not prepare.
  mutating func forgetUnprepared(_ key: Key) { entries[key] = nil }

  /// The names to deallocate now; they are forgotten.
  mutating func takeEvicted() -> [String] {
    defer { evicted = [] }
    return evicted
  }

  /// A linear search for the oldest: it runs only when the cache is full, and that is small.
  private mutating func makeRoom() {
    guard entries.count >= capacity,
      let oldest = entries.min(by: { $0.value.used < $1.value.used })?.key
    else { return }
    forget(oldest)
  }
}
