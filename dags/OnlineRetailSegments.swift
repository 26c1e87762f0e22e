import Pipeline
import Tasks

/// The night of the UCI Online Retail project: invoices and cancellations only, no model.
public let onlineRetailSegments = DAG(
  "nightly_segments", schedule: .cron("0 2 * * *", zone: "Europe/London"), catchUp: .latest
) { dag in
  // A process that is killed costs a try; faults that stay are not tried again.
  let retries = Retries.exponential(2, first: .seconds(1))
  let landed = dag.task("extract", Extract(sources: "sources.yaml"), retries: retries)
  let features = dag.task("features", BuildFeatures(from: landed), retries: retries)
  let members = dag.task("rules", EvaluateRules(on: features), retries: retries)
  let audience = dag.task("publish", PublishSegments(members), retries: .exponential(3))
  dag.task("report", WriteReport(of: audience), when: .allDone, retries: retries)
}
