import Features
import Schedules
import Synchronization
import Warehouse

/// States as this process has stored them, so that the tasks of a night do not read back what the
/// first of them has just written.
///
/// A stored state never changes: it is replaced by one of another number. So whoever finds a number in
/// the database may take the state from here. The oldest make room for new ones.
final class StateCache: Sendable {
  /// A state of a database.
  struct Key: Hashable, Sendable {
    private let database: String
    private let stateID: Int64
    // A database may be made anew under its name, and count from 1 again.
    private let createdAt: Instant

    init(_ options: ConnectionOptions, _ stateID: Int64, createdAt: Instant) {
      database = options.description
      self.stateID = stateID
      self.createdAt = createdAt
    }
  }

  private struct Entry {
    let key: Key
    let state: FeatureState
    let bytes: Int
    let isTakenOut: Bool
  }

  /// The states of this process.
  static let shared = StateCache()

  private let entries = Mutex<[Entry]>([])

  /// Keeps a state where it fits into the limit, which older ones must then fit too.
  ///
  /// - Parameter isTakenOut: whether who finds it has it for itself, to change it in place.
  func keep(_ state: FeatureState, as key: Key, limit: Int, isTakenOut: Bool = false) {
    let bytes = state.byteCount
    entries.withLock { entries in
      entries.removeAll { $0.key == key }
      if bytes > limit { return }
      var total = entries.reduce(bytes) { $0 + $1.bytes }
      while total > limit, let first = entries.first {
        total -= first.bytes
        entries.removeFirst()
      }
      entries.append(Entry(key: key, state: state, bytes: bytes, isTakenOut: isTakenOut))
    }
  }

  /// The state of a number; nil where it is not kept.
  func state(_ key: Key) -> FeatureState? {
    entries.withLock { entries in
      guard let place = entries.firstIndex(where: { $0.key == key }) else { return nil }
      return entries[place].isTakenOut ? entries.remove(at: place).state : entries[place].state
    }
  }

  /// How many states are kept.
  var count: Int { entries.withLock { $0.count } }
}
