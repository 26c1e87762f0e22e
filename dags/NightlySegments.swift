import Pipeline
import Tasks

/// The shop's night: load, build features, score churn, evaluate, publish, report.
public let nightlySegments = DAG(
  "nightly_segments", schedule: .cron("0 2 * * *", zone: "Europe/Lisbon"), catchUp: .latest
) { dag in
  // A process that is killed costs a try; faults that stay are not tried again.
  let retries = Retries.exponential(2, first: .seconds(1))
  let landed = dag.task("extract", Extract(sources: "sources.yaml"), retries: retries)
  let features = dag.task("features", BuildFeatures(from: landed), retries: retries)
  let champion = dag.task(
    "train_churn", TrainModel("churn", on: features, ifOlderThan: .days(7)), retries: retries)
  let churn = dag.task("score_churn", ScoreModel(champion, on: features), retries: retries)
  let members = dag.task("rules", EvaluateRules(on: features, with: churn), retries: retries)
  let audience = dag.task("publish", PublishSegments(members), retries: .exponential(3))
  dag.task("report", WriteReport(of: audience), when: .allDone, retries: retries)
}
