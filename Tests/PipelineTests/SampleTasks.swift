import Pipeline

/// Task kinds for tests, wired as the real ones are.
struct Landed: Codable, Sendable { var loads: [Int64] }
struct FeatureSet: Codable, Sendable { var version: Int64 }
struct Champion: Codable, Sendable { var model: Int64 }
struct Audience: Codable, Sendable { var entered: Int64 }

struct Extract: TaskKind {
  typealias Product = Landed
  static let kind = "extract"
  var sources: String
}

struct BuildFeatures: TaskKind {
  typealias Product = FeatureSet
  static let kind = "build_features"
  var landed: Output<Landed>
  init(from landed: Output<Landed>) { self.landed = landed }
}

struct TrainModel: TaskKind {
  typealias Product = Champion
  static let kind = "train_model"
  var name: String
  var features: Output<FeatureSet>
  var ifOlderThan: Duration
  init(_ name: String, on features: Output<FeatureSet>, ifOlderThan: Duration) {
    self.name = name
    self.features = features
    self.ifOlderThan = ifOlderThan
  }
}

struct PublishSegments: TaskKind {
  typealias Product = Audience
  static let kind = "publish_segments"
  var champion: Output<Champion>
  var features: Output<FeatureSet>
  init(_ champion: Output<Champion>, on features: Output<FeatureSet>) {
    self.champion = champion
    self.features = features
  }
}

struct WriteReport: TaskKind {
  typealias Product = NoProduct
  static let kind = "write_report"
  var audience: Output<Audience>?
  init(of audience: Output<Audience>?) { self.audience = audience }
}

/// Reads outputs in every shape a property can have.
struct ReadMany: TaskKind {
  struct Inner: Codable, Sendable {
    var optional: Output<Audience>?
    var plain: Output<Landed>
  }
  typealias Product = NoProduct
  static let kind = "read_many"
  var list: [Output<Landed>] = []
  var optionals: [Output<Audience>?] = []
  var inner: Inner?
}

struct Nothing: TaskKind {
  typealias Product = NoProduct
  static let kind = "nothing"
  var value = 0.0
}

let nightly = DAG(
  "nightly_segments", schedule: .cron("0 2 * * *", zone: "Europe/Lisbon"), catchUp: .latest
) { dag in
  let landed = dag.task("extract", Extract(sources: "sources.yaml"))
  let features = dag.task("features", BuildFeatures(from: landed))
  let champion = dag.task(
    "train_churn", TrainModel("churn", on: features, ifOlderThan: .days(7)),
    failure: .tolerated)
  dag.task("drift", Nothing(), after: [features, "train_churn"], timeLimit: .minutes(5))
  let audience = dag.task(
    "publish", PublishSegments(champion, on: features), retries: .exponential(3))
  dag.task("report", WriteReport(of: audience), when: .allDone)
}
