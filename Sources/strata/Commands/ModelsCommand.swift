import ArgumentParser
import Learning
import Models
import Schedules

/// `strata models …`: what was trained, from what, and how good it is.
struct ModelsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models", abstract: "Trained models and how good they are.",
    subcommands: [List.self, Show.self])

  struct Summary: Encodable {
    let model: String
    let version: Int
    let champion: Bool
    let learner: String
    let trainedAsOf: Instant
    let rows: Int
    let metrics: ModelMetrics
    let trainSeconds: Double

    init(_ version: ModelVersion) {
      model = version.reference.model
      self.version = version.reference.version
      champion = version.isChampion
      learner = version.learner
      trainedAsOf = version.lineage.asOf
      rows = version.lineage.rows
      metrics = version.metrics
      trainSeconds = version.trainSeconds
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Every version, with its metrics on the test cut.")
    @Argument(help: "One model; all without it.") var model: String?
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      try await Session.open(global, limit: 1) { session in
        let versions = try await ModelRegistry(session.pool).versions(of: model)
        let zone = session.project.zone
        @Sendable func number(_ value: Double?) -> String {
          value.map { Format.decimal($0, 4) } ?? "-"
        }
        try session.console.list(
          versions.map(Summary.init), empty: "no model is trained yet",
          [
            TableColumn("model") { $0.model },
            TableColumn(number: "version") { "\($0.version)" },
            TableColumn("champion") { $0.champion ? "yes" : "no" },
            TableColumn("learner") { $0.learner },
            TableColumn("trained as of") { Moment.local($0.trainedAsOf, in: zone) },
            TableColumn(number: "rows") { Format.count($0.rows) },
            TableColumn(number: "AUC") { number($0.metrics.auc) },
            TableColumn(number: "log-loss") { number($0.metrics.logLoss) },
            TableColumn(number: "ECE") { number($0.metrics.calibrationError) },
          ])
      }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "One version: metrics, calibration, features by gain, data it saw.")
    @Argument(help: "The model's name.") var model: String
    @Option(help: "The version; the newest champion without it.") var version: Int?
    @OptionGroup var global: GlobalOptions

    struct Detail: Encodable {
      let summary: Summary
      let calibration: Calibration
      let curve: [TrainingRound]
      let importance: [String: Double]
      let cuts: [CutRows]
    }

    mutating func run() async throws {
      let (model, number) = (model, version)
      try await Session.open(global, limit: 1) { session in
        let registry = ModelRegistry(session.pool)
        let versions = try await registry.versions(of: model)
        let found =
          number.map { number in versions.first { $0.reference.version == number } }
          ?? versions.filter(\.isChampion).max { $0.reference.version < $1.reference.version }
        guard let found else {
          throw UsageError(
            message: "expected a trained version of model '\(model)', found none",
            hint: "strata models list shows what is trained")
        }
        let console = session.console
        if console.json {
          return try console.print(
            json: Detail(
              summary: Summary(found), calibration: found.calibration, curve: found.curve,
              importance: found.importance, cuts: found.lineage.cuts))
        }
        show(found, console)
      }
    }

    private func show(_ version: ModelVersion, _ console: Console) {
      let metrics = version.metrics
      func number(_ value: Double?) -> String { value.map { Format.decimal($0, 4) } ?? "-" }
      console.print(
        "\(version.reference), \(version.learner)\(version.isChampion ? ", champion" : "")")
      console.print(
        "test cut: \(Format.count(metrics.rows)) rows, \(Format.count(metrics.positives)) positive; "
          + "AUC \(number(metrics.auc)), log-loss \(number(metrics.logLoss)) (base rate alone "
          + "\(number(metrics.baseRateLogLoss))), Brier \(number(metrics.brier)), "
          + "ECE \(number(metrics.calibrationError))")
      console.print("\ncuts")
      console.print(
        Table(columns: [
          TableColumn("day") { (cut: CutRows) in cut.day.description },
          TableColumn("part") { $0.part.rawValue },
          TableColumn(number: "rows") { Format.count($0.rows) },
          TableColumn(number: "positive") { Format.count($0.positives) },
        ]).render(version.lineage.cuts, colour: console.out.colour))
      console.print("\ncalibration on the test cut")
      console.print(
        Table(columns: [
          TableColumn("score") { (bin: CalibrationBin) in
            "\(Format.decimal(bin.lower, 1))–\(Format.decimal(bin.upper, 1))"
          },
          TableColumn(number: "rows") { Format.count($0.rows) },
          TableColumn(number: "mean score") { Format.decimal($0.meanScore, 3) },
          TableColumn(number: "observed") { Format.decimal($0.observedRate, 3) },
        ]).render(version.calibration.bins, colour: console.out.colour))
      console.print("\nfeatures by share of the gain")
      let ranked = version.importance.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(12)
      console.print(
        Table(columns: [
          TableColumn("feature") { (item: (key: String, value: Double)) in item.key },
          TableColumn(number: "share") { Format.percent($0.value) },
        ]).render(Array(ranked), colour: console.out.colour))
    }
  }
}
