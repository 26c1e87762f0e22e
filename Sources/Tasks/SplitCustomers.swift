import FeatureStore
import Orchestrator
import Pipeline
import Warehouse

/// Cuts all customers into ranges, so that ``BuildFeatures`` runs on many workers; folds what landed
/// into the day tiles before, once for all of them.
public struct SplitCustomers: RunnableTask {
  /// `split_customers`.
  public static let kind = "split_customers"
  /// Every customer is in exactly one.
  public typealias Product = [CustomerRange]

  let landed: Output<Landed>
  let count: Int
  let catalogue: String

  /// At most `count` ranges: spans of ids, or whole shards where the warehouse is distributed.
  ///
  /// Stored states are kept to where they are cut into about as many, else they are split again.
  public init(
    from landed: Output<Landed>, into count: Int, catalogue: String = Catalogues.File.features
  ) {
    self.landed = landed
    self.count = count
    self.catalogue = catalogue
  }

  /// Folds, and reads the ranges.
  public func run(in context: TaskContext) async throws -> [CustomerRange] {
    _ = try context.value(of: landed)
    guard (1...Int(Int16.max)).contains(count) else {
      throw TaskError(
        code: "tasks.ranges", message: "expected 1 to \(Int16.max) ranges, found \(count)")
    }
    // Another time's knowledge is built whole, from the events.
    if try context.knownAt() != nil { return [.all] }
    _ = try await context.change(of: catalogue)
    _ = try await context.fold(try context.catalogues().features(catalogue))
    let ranges = try await context.featureBuilder.ranges(count: count, asOf: context.asOf)
    context.log.info("\(ranges.count) customer ranges")
    return ranges
  }
}
