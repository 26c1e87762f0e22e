import Pipeline
import Tasks

/// The night of the UCI Online Retail project: invoices and cancellations only, no model.
public let onlineRetailSegments = DAG(
  "nightly_segments", schedule: .cron("0 2 * * *", zone: "Europe/London"), catchUp: .latest
) { dag in
  let landed = dag.task("extract", Extract(sources: "sources.yaml"))
  let features = dag.task("features", BuildFeatures(from: landed))
  let members = dag.task("rules", EvaluateRules(on: features))
  let audience = dag.task("publish", PublishSegments(members), retries: .exponential(3))
  dag.task("report", WriteReport(of: audience), when: .allDone)
}
