import Columns
import FeatureStore
import Features
import Foundation
import Inputs
import Learning
import Models
import Schedules
import Warehouse

/// The churn model on the demo shop, against the shop's hidden probability and PyPI's xgboost.
struct ChurnSuite: Suite {
  static let name = "churn"
  static let purpose = "the demo shop, 20,000 customers and 400 days"
  private static let customers = 20_000
  private static let days = 400
  private static let goal = 0.03

  let bench: Workbench
  init(_ bench: Workbench) { self.bench = bench }

  func run() async throws -> [Measurement] {
    _ = try bench.strata([
      "demo", "generate", "--customers", "\(Self.customers)", "--days", "\(Self.days)",
      "--if-missing", "--quiet",
    ])
    let folder = bench.root.appendingPathComponent("dags/retail")
    try bench.clone("retail")
    let pool = ConnectionPool(ConnectionOptions(bench.url(of: "retail")), limit: 4)
    do {
      let rows = try await measure(pool, folder)
      await pool.close()
      try bench.discard(databases: ["retail"], files: [])
      return rows
    } catch {
      await pool.close()
      throw error
    }
  }

  private func measure(_ pool: ConnectionPool, _ folder: URL) async throws -> [Measurement] {
    let features = try FeatureCatalogue(contentsOf: folder.appendingPathComponent("features.yaml"))
    let settings = try ProjectSettings.load(folder: folder.path)
    let zone = settings.zone
    let model = try ModelCatalogue(
      contentsOf: folder.appendingPathComponent("models.yaml"), features: features, zone: zone
    ).resolve("churn")
    let sources = try SourceCatalogue.load(
      folder.appendingPathComponent("sources.yaml").path, project: settings,
      environment: ["STRATA_HOME": bench.home.path])
    for source in sources.sources { _ = try await Loader(pool: pool).load(source) }
    try await TileStore(pool: pool, zone: zone).fold(features)
    let trainer = Trainer(
      registry: ModelRegistry(pool),
      tables: StoredTrainingTables(pool, catalogue: features, zone: zone), zone: zone)
    guard let last = try await lastDay(pool, zone) else { throw BenchError("no events loaded") }
    let truth = try await hiddenProbabilities(pool)

    // The night's own model: the latest cut tests it.
    let set = try await trainer.trainingSet(model, asOf: zone.midnight(last + 1))
    let ours = try await fit(model, set)
    var rows = [
      try line("AUC of the hidden probability less ours", set, truth, of: ours)
    ]
    rows += try await peer(model, set, ours)

    // A model of two months before, on the months after it.
    let earlier = try await fit(
      model, trainer.trainingSet(model, asOf: zone.midnight(last + 1 - 60)))
    for days in [30, 0] {
      let later = try await trainer.trainingSet(model, asOf: zone.midnight(last + 1 - days))
      let scored = try await evaluate(earlier.fitted, model, later)
      let month = later.testDay.map { "\($0 + 1)" } ?? ""
      rows.append(
        try line(
          "the same, trained 60 days earlier, on \(month)", later, truth, of: scored))
    }
    return rows
  }

  // MARK: Ours

  private struct Scored {
    let fitted: FittedModel
    let auc: Double
    let logLoss: Double
    let seconds: Double
  }

  private func fit(_ model: CheckedModel, _ set: TrainingSet) async throws -> Scored {
    let definition = model.definition
    let learner = try Learners.make(definition.learner, parameters: definition.parameters)
    let start = ContinuousClock().now
    let fitted = try await learner.fit(
      train: set.train, validation: set.validation, seed: definition.seed, progress: { _ in })
    let seconds = start.duration(to: ContinuousClock().now).inSeconds
    return try await evaluate(fitted, model, set, seconds: seconds)
  }

  private func evaluate(
    _ fitted: FittedModel, _ model: CheckedModel, _ set: TrainingSet, seconds: Double = 0
  ) async throws -> Scored {
    let learner = try Learners.make(model.definition.learner)
    let scores = try await learner.scores(of: fitted, for: set.test.matrix)
    let metrics = ModelMetrics(scores: scores, labels: set.test.labels)
    guard let auc = metrics.auc, let logLoss = metrics.logLoss else {
      throw BenchError("the test cut has one class only")
    }
    return Scored(fitted: fitted, auc: auc, logLoss: logLoss, seconds: seconds)
  }

  // MARK: The truth

  /// The true probability by customer and first day of the horizon.
  private func hiddenProbabilities(_ pool: ConnectionPool) async throws -> [String: Float] {
    let path = bench.home.appendingPathComponent("demo/truth/churn.csv").path
    var found: [String: Float] = [:]
    var ids: [Substring: Int64] = [:]
    let keys = try await pool.query("SELECT customer_id, customer_key FROM facts.customers")
    for row in keys {
      ids[try row.get("customer_key", as: String.self)[...]] = try row.get("customer_id")
    }
    for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").dropFirst()
    {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false)
      if let id = ids[fields[0]] { found["\(id) \(fields[1])"] = Float(fields[2]) }
    }
    return found
  }

  private func lastDay(_ pool: ConnectionPool, _ zone: Zone) async throws -> Day? {
    let row = try await pool.first(
      "SELECT max(occurred_at) AS last FROM facts.events")
    guard let last = try row?.get("last", as: Instant?.self) else { return nil }
    return LocalDays(zone: zone).day(of: last)
  }

  private func line(
    _ what: String, _ set: TrainingSet, _ truth: [String: Float], of scored: Scored
  ) throws -> Measurement {
    guard let cut = set.testDay else { throw BenchError("no test cut") }
    let best = try set.testCustomers.map { customer in
      guard let known = truth["\(customer) \(cut + 1)"] else {
        throw BenchError("no true probability of customer \(customer) on \(cut + 1)")
      }
      return known
    }
    guard let hidden = Metrics.rocAUC(scores: best, labels: set.test.labels) else {
      throw BenchError("the test cut has one class only")
    }
    say(
      "  \(cut + 1): \(set.testCustomers.count) customers, AUC ours "
        + "\(ResultTable.value(scored.auc, "")), hidden \(ResultTable.value(hidden, ""))")
    let both = "\(what): \(ResultTable.value(hidden, "")) - \(ResultTable.value(scored.auc, ""))"
    return Measurement(
      suite: Self.name, what: both, unit: "", ours: hidden - scored.auc, peer: nil,
      goal: .atMost(Self.goal))
  }

  // MARK: PyPI's xgboost

  private struct PeerResult: Decodable {
    let peer: String
    let rounds: Int
    let seconds: Double
    let auc: Double
    let log_loss: Double
  }

  private func peer(
    _ model: CheckedModel, _ set: TrainingSet, _ ours: Scored
  ) async throws -> [Measurement] {
    let python = try PythonPeers(bench).python(
      packages: ["numpy", "scipy", "scikit-learn"], alone: ["xgboost"])
    let folder = bench.home.appendingPathComponent("churn_matrix")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try set.writeCSV(to: folder.path)
    var parameters = model.definition.parameters
    parameters["seed"] = Double(model.definition.seed)
    let whole = parameters.map { name, value in
      "\"\(name)\": \(value == value.rounded() ? "\(Int(value))" : "\(value)")"
    }
    let script = bench.root.appendingPathComponent("Tests/Benchmarks/peers/churn_xgboost.py").path
    var times: [Double] = []
    var mine: [Double] = [ours.seconds]
    var found: PeerResult?
    for round in 0..<3 {
      let output = try ChildProcess(
        program: python, arguments: [script, folder.path, "{\(whole.joined(separator: ", "))}"]
      ).run().output
      let result = try JSONDecoder().decode(PeerResult.self, from: Data(output.utf8))
      times.append(result.seconds)
      found = result
      if round > 0 { mine.append(try await fit(model, set).seconds) }
    }
    guard let found else { throw BenchError("the peer printed nothing") }
    say("  \(found.peer) kept \(found.rounds) rounds, ours \((ours.fitted.bestRound ?? -1) + 1)")
    func line(_ what: String, _ unit: String, _ ours: Double, _ peer: Double) -> Measurement {
      Measurement(
        suite: Self.name, what: "\(what), against \(found.peer)", unit: unit, ours: ours,
        peer: peer, goal: .none)
    }
    return [
      line("AUC", "AUC", ours.auc, found.auc),
      line("log-loss", "", ours.logLoss, found.log_loss),
      line("training", "s", median(mine), median(times)),
    ]
  }
}
