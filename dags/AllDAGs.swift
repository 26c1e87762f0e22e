import Pipeline

/// Every DAG, by the name of the project (`project.yaml`) that it belongs to.
///
/// A DAG is added by one file in this folder and one line here; names are unique in a project.
public let allDAGs: [String: [DAG]] = [
  "retail": [nightlySegments, segmentRefresh],
  "online_retail": [onlineRetailSegments, segmentRefresh],
]
