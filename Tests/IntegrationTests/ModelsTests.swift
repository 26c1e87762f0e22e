import Columns
import FeatureStore
import Features
import Foundation
import Learning
import Models
import Schedules
import Synchronization
import TestSupport
import Testing
import Warehouse

/// A population loaded as events, in which whether a customer stops depends on how often they buy.
struct ModelShop {
  static let features = """
    version: 1
    features:
      - {name: orders_30d, count: purchase, window: 30 days}
      - {name: orders_90d, count: purchase, window: 90 days}
      - {name: revenue_90d, sum: purchase.amount, window: 90 days}
      - {name: aov_90d, ratio: revenue_90d, to: orders_90d, min_denominator: 1}
      - {name: days_since_order, recency: purchase}
      - {name: churn_score, score: churn}
    """
  static let models = """
    version: 1
    models:
      - name: churn
        learner: gradient_boosting
        population: "orders_90d >= 1"
        label: "orders_30d = 0"
        horizon: 30 days
        cuts: 5
        every: 15 days
        features: [orders_30d, orders_90d, revenue_90d, aov_90d, days_since_order]
        parameters: {rounds: 60, eta: 0.2, max_depth: 3, early_stopping: 10}
    """

  static let customers = 700
  static let firstDay = Day(number: 19_800)
  static let days = 200
  let zone: Zone
  let catalogue: FeatureCatalogue
  let model: CheckedModel

  init(models: String = ModelShop.models) throws {
    zone = try Zone("Europe/Lisbon")
    catalogue = try FeatureCatalogue(yaml: Self.features)
    model = try ModelCatalogue(yaml: models, features: catalogue, zone: zone).resolve("churn")
  }

  /// The midnight after so many days of the shop.
  func midnight(after days: Int) -> Instant { zone.midnight(Self.firstDay + days) }

  /// The purchases of 200 days as one load, folded into the tiles.
  func load(into pool: ConnectionPool, customers: Int = ModelShop.customers) async throws {
    var random = SplitMix64(seed: 20)
    var ids: [Int64] = []
    var times: [Instant] = []
    var amounts: [Int64] = []
    for customer in 1...Int64(customers) {
      let rate = Double.random(in: 0.02...0.2, using: &random)
      // Rare buyers stop far sooner.
      let hazard = rate < 0.08 ? 0.02 : 0.002
      var isActive = true
      for day in 0..<Self.days where isActive {
        isActive = Double.random(in: 0..<1, using: &random) > hazard
        guard isActive, Double.random(in: 0..<1, using: &random) < rate else { continue }
        ids.append(customer)
        times.append(
          zone.midnight(Self.firstDay + day)
            + .seconds(Int64.random(in: 0..<86_400, using: &random)))
        amounts.append(Int64.random(in: 1...200, using: &random))
      }
    }
    let first = try #require(times.min())
    let last = try #require(times.max())
    try await pool.transaction { connection in
      try await connection.execute(
        """
        INSERT INTO facts.customers (customer_id, customer_key, first_seen_at)
        SELECT g, 'c' || g, \(midnight(after: 0)) FROM generate_series(1, \(customers)) AS g
        """)
      try await connection.execute(
        """
        SELECT facts.ensure_months(array_agg(DISTINCT t::date))
        FROM unnest(\(times)) AS t
        """)
      let source = try #require(
        try await connection.first(
          """
          INSERT INTO landing.source (name, created_at) VALUES ('orders', \(last))
          RETURNING source_id
          """))
      let load = try #require(
        try await connection.first(
          """
          INSERT INTO landing.load (
            source_id, state, definition, rows_accepted, started_at, finished_at,
            first_occurred_at, last_occurred_at)
          VALUES (
            \(try source.get("source_id", as: Int16.self)), 'loaded', 'test', \(ids.count),
            \(last), \(last), \(first), \(last))
          RETURNING load_id
          """))
      try await connection.execute(
        """
        INSERT INTO facts.events (
          customer_id, occurred_at, ingested_at, load_id, kind_id, source_id, amount, currency,
          event_id)
        SELECT e.customer, e.at, e.at, \(try load.get("load_id", as: Int64.self)),
          (SELECT kind_id FROM facts.event_kind WHERE name = 'purchase'), 1, e.amount, 'EUR',
          e.number::text
        FROM unnest(\(ids), \(times), \(amounts)) WITH ORDINALITY
          AS e (customer, at, amount, number)
        """)
    }
    try await TileStore(pool: pool, zone: zone).fold(catalogue)
  }

  func trainer(_ pool: ConnectionPool, clock: ManualClock) -> Trainer {
    Trainer(
      registry: ModelRegistry(pool),
      tables: StoredTrainingTables(pool, catalogue: catalogue, zone: zone), zone: zone,
      clock: clock)
  }

  func table(_ pool: ConnectionPool, asOf: Instant) async throws -> FeatureTable {
    try await FeatureBuilder(pool: pool, zone: zone)
      .build(catalogue, asOf: asOf, saving: false).table
  }
}

@Suite("Models in the database")
struct ModelsTests {
  @Test("train, reload, score, publish as a feature; a second training is skipped while young")
  func endToEnd() async throws {
    try await withFreshDatabase { pool in
      let shop = try ModelShop()
      try await shop.load(into: pool)
      let asOf = shop.midnight(after: ModelShop.days)
      let clock = ManualClock(asOf + .seconds(7_200))
      let trainer = shop.trainer(pool, clock: clock)
      let rounds = Mutex(0)
      let outcome = try await trainer.train(
        shop.model, asOf: asOf, ifOlderThan: .seconds(7 * 86_400)
      ) {
        _ in rounds.withLock { $0 += 1 }
      }
      let version = try #require(outcome.trained)
      #expect(outcome.champion == ModelReference(model: "churn", version: 1))
      #expect(outcome.reason == "there is no champion yet")
      #expect(version.isChampion && version.previousMetrics == nil)
      #expect(rounds.withLock { $0 } == version.curve.count)
      #expect(version.curve.count <= 60 && !version.curve.isEmpty)
      #expect(version.trainedAt == asOf + .seconds(7_200))
      #expect(try #require(version.metrics.auc) > 0.75)
      #expect(
        try #require(version.metrics.logLoss) < #require(version.metrics.baseRateLogLoss))
      #expect(version.calibration.bins.reduce(0) { $0 + $1.rows } == version.metrics.rows)
      #expect(version.lineage.cuts.map(\.part) == [.train, .train, .train, .validation, .test])
      #expect(version.lineage.cuts.last?.day == ModelShop.firstDay + 169)
      #expect(version.lineage.definition == shop.model.definition)
      #expect(abs(version.importance.values.reduce(0, +) - 1) < 1e-6)
      let registry = ModelRegistry(pool)
      #expect(try await registry.version(outcome.champion) == version)
      #expect(try await registry.versions() == [version])

      // The stored bytes give the very metrics that were recorded.
      let fitted = try await registry.fitted(outcome.champion)
      let set = try await trainer.trainingSet(shop.model, asOf: asOf)
      let scores = try await Learners.make(fitted.learner).scores(of: fitted, for: set.test.matrix)
      #expect(ModelMetrics(scores: scores, labels: set.test.labels) == version.metrics)

      // Scoring, and the scores as a feature.
      var table = try await shop.table(pool, asOf: asOf)
      let scorer = Scorer(pool, zone: shop.zone, clock: clock)
      #expect(try await scorer.supply(&table) == ["churn"])
      #expect(try table.column(named: "churn_score").present?.isEmpty == true)
      let reference = try await scorer.score(outcome.champion, table)
      #expect(reference.model == outcome.champion && reference.asOf == asOf)
      #expect(try await scorer.supply(&table) == [])
      let orders = try table.column(named: "orders_90d")
      guard case .real(let column) = try table.column(named: "churn_score"),
        case .integer(let counts, _) = orders
      else {
        Issue.record("expected a column of scores and one of counts")
        return
      }
      var scored = 0
      for row in 0..<column.count {
        // Only the population has scores.
        #expect((column[row] != nil) == (counts.values[row] >= 1))
        scored += column[row] == nil ? 0 : 1
      }
      #expect(scored == reference.customers && scored > 400)
      let rows = (0..<column.count).filter { counts.values[$0] >= 1 }
      let matrix = try Matrix(
        features: fitted.featureNames.map { ($0, try table.column(named: $0)) }, rows: rows)
      let again = try await Learners.make(fitted.learner).scores(of: fitted, for: matrix)
      #expect(zip(rows, again).allSatisfy { column[$0] == Double($1) })

      // Within the next day the scores of the last midnight count; the day after, none do.
      let noon = try await scorer.column(
        of: "churn", asOf: asOf + .seconds(43_200), for: table.index)
      #expect(noon == .real(column))
      let tomorrow = shop.midnight(after: ModelShop.days + 1)
      #expect(try await scorer.column(of: "churn", asOf: tomorrow, for: table.index) == nil)

      // Six days later the model is young enough; after seven it is not.
      let young = try await trainer.train(
        shop.model, asOf: shop.midnight(after: ModelShop.days + 6),
        ifOlderThan: .seconds(7 * 86_400))
      #expect(young.trained == nil && young.champion == outcome.champion)
      #expect(young.reason.contains("6 days old"))
      #expect(try await registry.versions().count == 1)
    }
  }

  @Test("a later training wins unless it orders the same test rows worse; past runs keep theirs")
  func champions() async throws {
    try await withFreshDatabase { pool in
      let shop = try ModelShop()
      try await shop.load(into: pool)
      let registry = ModelRegistry(pool)
      let trainer = shop.trainer(pool, clock: ManualClock(shop.midnight(after: ModelShop.days)))
      let early = shop.midnight(after: 180)
      let late = shop.midnight(after: 200)
      let first = try await trainer.train(shop.model, asOf: early)
      let second = try await trainer.train(shop.model, asOf: late, ifOlderThan: .seconds(86_400))
      let trained = try #require(second.trained)
      let previous = try #require(trained.previousMetrics)
      #expect(trained.reference.version == 2)
      #expect(previous.rows == trained.metrics.rows)
      let isBetter = try #require(trained.metrics.auc) >= #require(previous.auc)
      #expect(trained.isChampion == isBetter)
      #expect(second.champion.version == (isBetter ? 2 : 1))
      // A run over a past day never meets a model that has seen later days.
      let past = try await registry.champion("churn", asOf: shop.midnight(after: 190))
      #expect(past?.reference == first.champion)
      #expect(try await registry.champion("churn", asOf: shop.midnight(after: 179)) == nil)
      #expect(try await registry.latest("churn", asOf: late)?.reference.version == 2)
      // The same data again: the same bytes, one version.
      let again = try await trainer.train(shop.model, asOf: late)
      #expect(again.trained?.reference == trained.reference)
      #expect(try await registry.versions(of: "churn").count == 2)
      // A changed definition is trained however young the model is, and wins.
      let changed = try ModelShop(
        models: ModelShop.models.replacingOccurrences(of: "eta: 0.2", with: "eta: 0.1"))
      let third = try await trainer.train(
        changed.model, asOf: late, ifOlderThan: .seconds(365 * 86_400))
      #expect(third.trained?.reference.version == 3 && third.champion.version == 3)
      #expect(third.trained?.previousMetrics == nil)
      #expect(third.reason.contains("definition has changed"))
    }
  }

  @Test("a lost fence stores nothing; scoring a midnight again changes nothing")
  func fences() async throws {
    struct Lost: Error {}
    try await withFreshDatabase { pool in
      let shop = try ModelShop()
      try await shop.load(into: pool)
      let asOf = shop.midnight(after: ModelShop.days)
      let clock = ManualClock(asOf)
      let trainer = shop.trainer(pool, clock: clock)
      let registry = ModelRegistry(pool)
      await #expect(throws: Lost.self) {
        try await trainer.train(shop.model, asOf: asOf, fence: { _ in throw Lost() })
      }
      #expect(try await registry.versions().isEmpty)
      let reference = try await trainer.train(shop.model, asOf: asOf).champion
      let table = try await shop.table(pool, asOf: asOf)
      let scorer = Scorer(pool, zone: shop.zone, clock: clock)
      await #expect(throws: Lost.self) {
        try await scorer.score(reference, table, fence: { _ in throw Lost() })
      }
      #expect(try await scorer.column(of: "churn", asOf: asOf, for: table.index) == nil)
      let first = try await scorer.score(reference, table)
      let later = Scorer(pool, zone: shop.zone, clock: ManualClock(asOf + .seconds(60)))
      #expect(try await later.score(reference, table) == first)
      let row = try #require(try await pool.first("SELECT scored_at, version FROM models.score"))
      #expect(try row.get("scored_at", as: Instant.self) == asOf)
    }
  }

  @Test("too little data, the wrong hour, a version that is not there, a feature that changed")
  func refusals() async throws {
    try await withFreshDatabase { pool in
      let shop = try ModelShop()
      let asOf = shop.midnight(after: ModelShop.days)
      let trainer = shop.trainer(pool, clock: ManualClock(asOf))
      func code(_ body: () async throws -> Void) async -> String? {
        do {
          try await body()
          return nil
        } catch {
          return (error as? ModelError)?.code ?? "\(error)"
        }
      }
      let empty = await code { _ = try await trainer.train(shop.model, asOf: asOf) }
      #expect(empty == "models.not_enough_history")
      try await shop.load(into: pool, customers: 150)
      let few = await code { _ = try await trainer.train(shop.model, asOf: asOf) }
      #expect(few == "models.not_enough_rows")
      let scorer = Scorer(pool, zone: shop.zone)
      let missing = ModelReference(model: "churn", version: 9)
      let table = try await shop.table(pool, asOf: asOf)
      let unknown = await code { _ = try await scorer.score(missing, table) }
      #expect(unknown == "models.unknown_version")
      let noon = try await shop.table(pool, asOf: asOf + .seconds(43_200))
      let hour = await code { _ = try await scorer.score(missing, noon) }
      #expect(hour == "models.not_midnight")
    }
    try await withFreshDatabase { pool in
      let shop = try ModelShop()
      try await shop.load(into: pool)
      let asOf = shop.midnight(after: ModelShop.days)
      let reference = try await shop.trainer(pool, clock: ManualClock(asOf))
        .train(shop.model, asOf: asOf).champion
      let changed = try FeatureCatalogue(
        yaml: ModelShop.features.replacingOccurrences(of: "90 days", with: "80 days"))
      try await TileStore(pool: pool, zone: shop.zone).fold(changed)
      let table = try await FeatureBuilder(pool: pool, zone: shop.zone)
        .build(changed, asOf: asOf, saving: false).table
      let error = await #expect(throws: ModelError.self) {
        try await Scorer(pool, zone: shop.zone).score(reference, table)
      }
      #expect(error?.code == "models.stale_model")
    }
  }
}
