import Pipeline
import Tasks

/// Between the nights: what came since the last step, for the customers whom it or time concerns.
///
/// `strata watch` takes its steps within seconds of an event; `strata run segment_refresh` takes one.
public let segmentRefresh = DAG(
  "segment_refresh", summary: "Brings segments up to date between the nights",
  maxActiveRuns: 1
) { dag in
  dag.task("refresh", RefreshSegments())
}
