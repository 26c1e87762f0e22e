import Pipeline
import Tasks

/// The shop's night: load, build features, score churn, evaluate, publish, report.
public let nightlySegments = DAG(
  "nightly_segments", schedule: .cron("0 2 * * *", zone: "Europe/Lisbon"), catchUp: .latest
) { dag in
  let landed = dag.task("extract", Extract(sources: "sources.yaml"))
  let features = dag.task("features", BuildFeatures(from: landed))
  let champion = dag.task("train_churn", TrainModel("churn", on: features, ifOlderThan: .days(7)))
  let churn = dag.task("score_churn", ScoreModel(champion, on: features))
  let members = dag.task("rules", EvaluateRules(on: features, with: churn))
  let audience = dag.task("publish", PublishSegments(members), retries: .exponential(3))
  dag.task("report", WriteReport(of: audience), when: .allDone)
}
