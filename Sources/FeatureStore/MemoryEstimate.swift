import Features
import Warehouse

/// About how much memory a build takes for a customer, and how many ranges follow from it. Pure.
struct MemoryEstimate: Equatable {
  /// What a process holds without customers, in bytes: the program, connections, rows on their way.
  static let base = 96 << 20
  /// Fewer customers are not worth a range of their own: it has statements of its own.
  static let usefulCustomers = 20_000
  /// Fewer customers in a range are refused.
  static let leastCustomers = 1000

  /// For a customer of a range that is under way, in bytes.
  var underWay: Int
  /// For every customer, whatever the ranges, in bytes.
  var whole: Int

  /// The estimate of a catalogue.
  ///
  /// - Parameters:
  ///   - events: per customer.
  ///   - days: that the events span.
  ///   - whole: bytes per customer that the caller keeps of everyone.
  init(_ catalogue: FeatureCatalogue, events: Double, days: Double, whole: Int) {
    // The state before and after, with the ids and rows between them; a column for each feature.
    let slots = catalogue.slots.count
    var bytes = Double(8 * (2 * slots + 6) + 9 * catalogue.features.count)
    for need in catalogue.rings {
      let share = need.reach.map { min(1, Double($0) / max(1, days)) } ?? 1
      let kinds = Double(Set(need.slot.filters.flatMap(\.kinds)).count)
      // An entry has 24 bytes; it stands in the old ring, in the new one, and as an addition. Without
      // counts by kind each kind is taken for a quarter of all events.
      bytes += events * share * min(1, kinds / 4) * 72 + 12
    }
    underWay = Int(bytes.rounded(.up))
    self.whole = 32 + whole
  }

  /// How many ranges, and how many of them at once, keep to the limits.
  ///
  /// - Parameter customers: of all ranges.
  /// - Throws: ``FeatureStoreError`` `feature_store.memory_limit` where no number does.
  func ranges(
    customers: Int, limits: ResourceLimits
  ) throws -> (count: Int, atOnce: Int) {
    let useful = max(1, customers / Self.usefulCustomers)
    // What an allocator leaves unused grows with what it gives.
    let free = limits.memoryBytes.map {
      $0 - $0 / 12 - limits.cacheBytes - Self.base - whole * customers
    }
    for threads in stride(from: limits.threads, through: 1, by: -1) {
      let wanted = min(useful, threads)
      guard let free else { return (wanted, wanted) }
      let each = free / threads / underWay
      if each >= Self.usefulCustomers
        || (threads == 1 && each >= min(customers, Self.leastCustomers))
      {
        let count = max(wanted, (customers + each - 1) / each)
        return (min(count, Int(Int16.max)), min(threads, count))
      }
    }
    let needed =
      (Self.base + whole * customers + underWay * min(customers, Self.leastCustomers)) * 4 / 3
    throw FeatureStoreError(
      code: "feature_store.memory_limit",
      message: "expected a memory limit of at least \(ResourceLimits.words(needed)) for "
        + "\(customers) customers, found \(ResourceLimits.words(limits.memoryBytes ?? 0))",
      hint: "raise --memory-limit, or take features away")
  }
}

/// By which ranges a build works.
public enum RangeChoice: Sendable, Hashable {
  /// By as many as the limits ask for; those of the stored states where they are as good.
  case automatic
  /// By at most so many.
  case count(Int)
  /// By these.
  case fixed([CustomerRange])
}
