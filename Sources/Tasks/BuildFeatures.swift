import FeatureStore
import Features
import Models
import Orchestrator
import Pipeline
import Schedules
import Segments
import Warehouse

/// Built features as they go from task to task: the stored states that they are computed from.
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
  /// Whose features they are; nil for everyone's.
  public var range: CustomerRange?
}

/// Folds new events into the day tiles and rolls every window to the run's as-of.
///
/// Everyone at once, or, as a mapped task, one customer range for each worker:
/// ```swift
/// let ranges = dag.task("ranges", SplitCustomers(from: landed, into: 8))
/// let parts = dag.mapped("features", over: ranges) { BuildFeatures(from: landed, of: $0) }
/// let features = dag.task("join", JoinFeatures(parts))
/// ```
public struct BuildFeatures: BatchesIntervals {
  /// `build_features`.
  public static let kind = "build_features"
  /// The features' reference.
  public typealias Product = FeatureReference

  let landed: Output<Landed>
  let catalogue: String
  let range: Output<CustomerRange>?

  /// Features of the catalogue over what has landed.
  ///
  /// - Parameter range: whose; nil for everyone's. Ranges are those of one ``SplitCustomers``, which
  ///   has folded what landed.
  public init(
    from landed: Output<Landed>, of range: Output<CustomerRange>? = nil,
    catalogue: String = Catalogues.File.features
  ) {
    self.landed = landed
    self.catalogue = catalogue
    self.range = range
  }

  /// Folds, sweeps and stores the states; a repetition finds them stored.
  public func run(in context: TaskContext) async throws -> FeatureReference {
    _ = try context.value(of: landed)
    let range = try context.value(of: range)
    if let instant = try context.knownAt() {
      var known = try await build(knownAt: instant, in: context)
      known.range = range
      return known
    }
    let definitions = try context.catalogues().features(catalogue)
    // Of a part the folding and what is said of the catalogue are others' work.
    let change = range == nil ? try await context.change(of: catalogue) : nil
    async let ahead: Void = context.readAhead(range == nil ? definitions : nil)
    let fold = range == nil ? try await context.foldAlone(definitions) : nil
    // Beside the reading of the stored states, which comes before that of tiles; where most tiles are
    // new, before both.
    let isLittle = fold.map { $0.rows < 100_000 } ?? true
    if !isLittle { try await context.summarize(fold) }
    async let summarized: Void = context.summarize(isLittle ? fold : nil)
    try await ahead
    let built = try await context.featureBuilder.advanceStates(
      definitions, to: context.asOf, by: range.map { .fixed([$0]) } ?? .automatic)
    try await summarized
    try await context.record(change, as: catalogue)
    let way = built.from.map { "advanced from \($0)" } ?? "built from nothing"
    let ranges = "\(built.ranges.count) range\(built.ranges.count == 1 ? "" : "s")"
    context.log.info(
      "\(built.customers) customers in \(ranges), \(way), \(built.rowsRead) rows read")
    context.progress(
      TaskProgress(
        done: Int64(built.rowsRead), unit: "rows", note: "\(built.customers) customers, \(way)"))
    return FeatureReference(
      asOf: context.asOf, catalogue: catalogue, tileVersion: built.tileVersion,
      customers: built.customers, features: definitions.features.count, advancedFrom: built.from,
      loadsFolded: fold?.loads.count ?? 0, tilesWritten: fold?.rows ?? 0,
      rowsRead: built.rowsRead, range: range)
  }
}

extension BuildFeatures {
  /// Folds once and stores the state of the first interval: those who read the features of the
  /// others sweep on from there, each day a step, and the last of them stores where that ends.
  ///
  /// Intervals that do not end at ascending midnights are built one by one, and so are ranges.
  public func runBatch(in batch: BatchContext<FeatureReference>) async throws {
    guard range == nil, let first = batch.intervals.first, let midnights = batch.midnights,
      midnights.count > 1
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
  /// Builds the project's features.
  var featureBuilder: FeatureBuilder { FeatureBuilder(pool: pool, zone: zone) }

  /// Folds what landed into the day tiles.
  func fold(_ definitions: FeatureCatalogue) async throws -> FoldResult {
    let fold = try await foldAlone(definitions)
    try await summarize(fold)
    return fold
  }

  fileprivate func readAhead(_ definitions: FeatureCatalogue?) async throws {
    if let definitions { try await featureBuilder.readAhead(definitions, to: asOf) }
  }

  fileprivate func summarize(_ fold: FoldResult?) async throws {
    if let fold { try await TileStore(pool: pool, zone: zone).summarize(fold) }
  }

  fileprivate func foldAlone(_ definitions: FeatureCatalogue) async throws -> FoldResult {
    let fold = try await TileStore(pool: pool, zone: zone).foldAlone(definitions)
    progress(
      TaskProgress(done: Int64(fold.rows), unit: "tiles", note: "\(fold.loads.count) loads folded"))
    return fold
  }

  /// The feature catalogue as it is now; says what it changes against what was last built.
  ///
  /// - Returns: what to record; nil where it is what was last built.
  func change(of catalogue: String) async throws -> BuiltCatalogue? {
    let change = try await catalogues().featurePlan(catalogue, in: pool)
    for line in change.plan.summary { log.info("\(line)") }
    return change.isRecorded ? nil : change.now
  }

  /// Records a catalogue as built.
  func record(_ built: BuiltCatalogue?, as catalogue: String) async throws {
    guard let built else { return }
    try await BuiltCatalogues(pool: pool).record(
      built, as: catalogue, asOf: asOf, at: clock.now())
  }

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
