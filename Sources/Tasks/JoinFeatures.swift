import Orchestrator
import Pipeline
import Warehouse

/// The features of all ranges as everyone's, once every worker has stored its share.
public struct JoinFeatures: RunnableTask {
  /// `join_features`.
  public static let kind = "join_features"
  /// Everyone's features.
  public typealias Product = FeatureReference

  let parts: Output<[FeatureReference]>

  /// The parts of one mapped ``BuildFeatures``.
  public init(_ parts: Output<[FeatureReference]>) { self.parts = parts }

  /// Checks that the parts hold every customer once, and adds them up.
  public func run(in context: TaskContext) async throws -> FeatureReference {
    let parts = try context.value(of: parts)
    let ranges = parts.compactMap(\.range).sorted { $0.number < $1.number }
    guard let first = parts.first, ranges.count == parts.count,
      CustomerRange.ranges(of: ranges.map(\.extent)) == ranges,
      parts.allSatisfy({ $0.asOf == first.asOf && $0.catalogue == first.catalogue })
    else {
      throw TaskError(
        code: "tasks.parts_of_features",
        message: "expected features of ranges that hold every customer once, found "
          + "\(parts.count) parts that do not",
        hint: "map BuildFeatures over the ranges of one SplitCustomers")
    }
    if first.knownAt == nil {
      try await context.record(try await context.change(of: first.catalogue), as: first.catalogue)
    }
    return FeatureReference(
      asOf: first.asOf, catalogue: first.catalogue,
      tileVersion: parts.map(\.tileVersion).min() ?? first.tileVersion,
      customers: parts.reduce(0) { $0 + $1.customers }, features: first.features,
      advancedFrom: parts.contains { $0.advancedFrom == nil } ? nil : first.advancedFrom,
      loadsFolded: 0, tilesWritten: 0, rowsRead: parts.reduce(0) { $0 + $1.rowsRead },
      knownAt: first.knownAt)
  }
}
