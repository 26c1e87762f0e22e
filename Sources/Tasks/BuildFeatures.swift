import FeatureStore
import Features
import Models
import Orchestrator
import Pipeline
import Schedules
import Segments

/// Built features as they go from task to task: the stored state that they are computed from.
public struct FeatureReference: Codable, Sendable, Hashable {
  /// The instant that they are of.
  public let asOf: Instant
  /// The catalogue file that they were built by.
  public let catalogue: String
  /// The version of the tiles that were read.
  public let tileVersion: Int64
  /// How many customers have features.
  public let customers: Int
  /// How many features the catalogue has.
  public let features: Int
  /// The day of the state that was advanced; nil for a build from nothing.
  public let advancedFrom: Day?
  /// Loads folded into the tiles now.
  public let loadsFolded: Int
  /// Tiles written while folding.
  public let tilesWritten: Int
  /// Tile and event rows read by the sweep.
  public let rowsRead: Int
  /// The instant whose knowledge they are of; nil for what is known now.
  public var knownAt: Instant?
}

/// Folds new events into the day tiles and rolls every window to the run's as-of.
public struct BuildFeatures: BatchesIntervals {
  /// `build_features`.
  public static let kind = "build_features"
  /// The features' reference.
  public typealias Product = FeatureReference

  let landed: Output<Landed>
  let catalogue: String

  /// Features of the catalogue over what has landed.
  public init(from landed: Output<Landed>, catalogue: String = Catalogues.File.features) {
    self.landed = landed
    self.catalogue = catalogue
  }

  /// Folds, sweeps and stores the state; a repetition finds it stored.
  public func run(in context: TaskContext) async throws -> FeatureReference {
    _ = try context.value(of: landed)
    if let instant = try context.knownAt() {
      return try await build(knownAt: instant, in: context)
    }
    let catalogues = try context.catalogues()
    let definitions = try catalogues.features(catalogue)
    let change = try await catalogues.featurePlan(catalogue, in: context.pool)
    for line in change.plan.summary { context.log.info("\(line)") }
    let fold = try await TileStore(pool: context.pool, zone: context.zone).fold(definitions)
    context.progress(
      TaskProgress(done: Int64(fold.rows), unit: "tiles", note: "\(fold.loads.count) loads folded"))
    let built = try await FeatureBuilder(pool: context.pool, zone: context.zone).build(
      definitions, asOf: context.asOf)
    try await BuiltCatalogues(pool: context.pool).record(
      change.now, as: catalogue, asOf: context.asOf, at: context.clock.now())
    let customers = built.table.index.count
    let way = built.from.map { "advanced from \($0)" } ?? "built from nothing"
    context.log.info("\(customers) customers, \(way), \(built.rowsRead) rows read")
    context.progress(
      TaskProgress(
        done: Int64(built.rowsRead), unit: "rows", note: "\(customers) customers, \(way)"))
    return FeatureReference(
      asOf: context.asOf, catalogue: catalogue, tileVersion: built.tileVersion,
      customers: customers, features: definitions.features.count, advancedFrom: built.from,
      loadsFolded: fold.loads.count, tilesWritten: fold.rows, rowsRead: built.rowsRead)
  }
}

extension BuildFeatures {
  /// Folds once and stores the state of the first interval: those who read the features of the
  /// others sweep on from there, each day a step, and the last of them stores where that ends.
  ///
  /// Intervals that do not end at ascending midnights are built one by one.
  public func runBatch(in batch: BatchContext<FeatureReference>) async throws {
    guard let first = batch.intervals.first, let midnights = batch.midnights, midnights.count > 1
    else { return try await runOneByOne(batch) }
    let reference = try await run(in: first)
    let counts = try await FeatureBuilder(pool: first.pool, zone: first.zone).populations(
      at: midnights)
    try batch.finish(first, with: reference)
    CrashPoint.passInterval(of: Self.kind)
    var day = LocalDays(zone: first.zone).lastDay(before: first.asOf)
    for (context, customers) in zip(batch.intervals, counts).dropFirst() {
      _ = try context.value(of: landed)
      context.log.info("\(customers) customers, advanced from \(day) when they are read")
      context.progress(
        TaskProgress(done: 0, unit: "rows", note: "\(customers) customers, from \(day)"))
      try batch.finish(
        context,
        with: FeatureReference(
          asOf: context.asOf, catalogue: catalogue, tileVersion: reference.tileVersion,
          customers: customers, features: reference.features, advancedFrom: day, loadsFolded: 0,
          tilesWritten: 0, rowsRead: 0))
      CrashPoint.passInterval(of: Self.kind)
      day = LocalDays(zone: first.zone).lastDay(before: context.asOf)
    }
  }
}

extension TaskContext {
  /// The table of built features, from the stored state, with the scores that count at its as-of.
  func table(
    _ reference: FeatureReference, _ definitions: FeatureCatalogue
  ) async throws -> FeatureTable {
    try await scored(try await features(reference, definitions))
  }

  /// A table with the scores that count at its as-of.
  func scored(_ table: FeatureTable) async throws -> FeatureTable {
    var table = table
    for model in try await Scorer(pool, zone: zone, clock: clock).supply(&table) {
      log.notice("model \(model) has no scores at this midnight: they are null")
    }
    return table
  }
}
