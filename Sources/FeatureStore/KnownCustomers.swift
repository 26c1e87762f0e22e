import Columns
import Schedules
import Synchronization
import Warehouse

/// The customers of ranges at an instant, within one snapshot: a build that goes over the ranges twice
/// reads them once.
final class KnownCustomers: Sendable {
  private struct Key: Hashable {
    let range: CustomerRange
    let asOf: Instant
  }

  /// The most customers that are kept: eight bytes each.
  static let most = 1_000_000

  private let found = Mutex<[Key: IDIndex]>([:])

  /// The customers of a range, read where they are not kept.
  func callAsFunction(
    _ range: CustomerRange, _ asOf: Instant,
    read: nonisolated(nonsending) () async throws -> IDIndex
  ) async throws -> IDIndex {
    let key = Key(range: range, asOf: asOf)
    if let known = found.withLock({ $0[key] }) { return known }
    let index = try await read()
    found.withLock { kept in
      let count = kept.values.reduce(index.count) { $0 + $1.count }
      if count <= Self.most { kept[key] = index }
    }
    return index
  }
}
