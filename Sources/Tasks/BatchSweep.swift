import FeatureStore
import Features
import Orchestrator
import Schedules
import Segments

extension BatchContext {
  /// Whether the runs are of what was known at an instant: each is built for itself then.
  var isOfThePast: Bool {
    switch intervals.first?.run.params[KnownAt.parameter] {
    case nil, .null: false
    default: true
    }
  }

  /// Where the intervals end, if those are local midnights in ascending order, which one sweep goes
  /// through; nil for others.
  var midnights: [Instant]? {
    if isOfThePast { return nil }
    let ends = intervals.map(\.asOf)
    guard let zone = intervals.first?.zone else { return nil }
    let days = LocalDays(zone: zone)
    guard ends.allSatisfy({ days.isMidnight($0) }),
      zip(ends, ends.dropFirst()).allSatisfy({ $0 < $1 })
    else { return nil }
    return ends
  }
}

extension BatchesIntervals {
  /// Serves each interval as if it were alone.
  func runOneByOne(_ batch: BatchContext<Product>) async throws {
    for context in batch.intervals {
      try Task.checkCancellation()
      try batch.finish(context, with: try await run(in: context))
      CrashPoint.passInterval(of: Self.kind)
    }
  }

  /// Serves some intervals of a batch from one sweep over their midnights, each as soon as its
  /// table is there.
  ///
  /// - Parameters:
  ///   - contexts: intervals of the batch that end at ascending midnights.
  ///   - saving: whether the state of the last midnight is stored for the next step.
  ///   - through: whether to stop at the midnights between the intervals too.
  ///   - between: gets the tables of these, with their scores.
  ///   - product: makes of an interval's features with their scores what stores its product, which goes
  ///     on while the next interval is swept; it must not hold the table.
  nonisolated(nonsending) func sweep(
    _ contexts: [TaskContext], of batch: BatchContext<Product>, _ catalogue: FeatureCatalogue,
    saving: Bool = false, through: Bool = false,
    between: nonisolated(nonsending) (FeatureTable) async throws -> Void = { _ in },
    product:
      nonisolated(nonsending) (TaskContext, FeatureTable) async throws ->
      @Sendable () async throws -> Product
  ) async throws {
    guard let first = contexts.first else { return }
    var left = contexts[...]
    var midnights = contexts.map(\.asOf)
    if through, let last = contexts.last {
      let days = LocalDays(zone: first.zone)
      midnights = days.midnights(
        from: days.day(of: first.asOf), through: days.day(of: last.asOf))
    }
    try await withThrowingTaskGroup(of: (TaskContext, Product).self) { storing in
      func finish(_ stored: (TaskContext, Product)?) throws {
        guard let (context, product) = stored else { return }
        try batch.finish(context, with: product)
        CrashPoint.passInterval(of: Self.kind)
      }
      _ = try await FeatureBuilder(pool: first.pool, zone: first.zone).sweep(
        catalogue, over: midnights, saving: saving
      ) { table in
        guard let context = left.first else { return }
        guard context.asOf == table.asOf else {
          return try await between(try await first.scored(table))
        }
        left = left.dropFirst()
        let store = try await product(context, try await context.scored(table))
        // One at a time, in order.
        try finish(try await storing.next())
        storing.addTask { (context, try await store()) }
      }
      try finish(try await storing.next())
    }
  }
}
