import Foundation
import Pipeline
import Schedules

/// One thing that happened to a run or to an attempt at one of its tasks, as OpenLineage tells it.
///
/// Source: the OpenLineage specification 2-0-2, https://openlineage.io/spec/2-0-2/OpenLineage.json
struct LineageEvent: Sendable {
  /// What OpenLineage distinguishes.
  enum Kind: String, Sendable, CaseIterable {
    case start = "START"
    case complete = "COMPLETE"
    case fail = "FAIL"
    case abort = "ABORT"
  }

  /// The task of an attempt.
  struct Attempt: Sendable {
    let task: TaskDefinition
    /// The id in run tables: of an item `task[3]`.
    let id: String
    let token: Int64
    let datasets: TaskDatasets
  }

  let kind: Kind
  let at: Instant
  let run: RunRecord
  /// Which pass of the run it belongs to.
  let pass: Int
  let snapshot: DAGSnapshot
  /// Nil for the run itself.
  let attempt: Attempt?
  /// Why it failed; nil unless it did.
  let message: String?

  private static let schema = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
  static let producer = "urn:strata:orchestrator"

  /// The event as JSON.
  func json(_ options: LineageOptions) -> JSONValue {
    var runFacets: [String: JSONValue] = [
      "nominalTime": facet(
        "1-0-1/NominalTimeRunFacet",
        [
          "nominalStartTime": .string("\(run.interval.start)"),
          "nominalEndTime": .string("\(run.interval.end)"),
        ]),
      "processing_engine": facet(
        "1-1-1/ProcessingEngineRunFacet",
        ["version": .string(options.version), "name": .string("strata")]),
    ]
    if attempt != nil {
      let parent = JSONValue.object(["runId": .string(runUUID(options))])
      let job = JSONValue.object([
        "namespace": .string(options.namespace), "name": .string(run.dag),
      ])
      runFacets["parent"] = facet(
        "1-2-0/ParentRunFacet",
        ["run": parent, "job": job, "root": .object(["run": parent, "job": job])])
    }
    if let message {
      runFacets["errorMessage"] = facet(
        "1-0-1/ErrorMessageRunFacet",
        ["message": .string(message), "programmingLanguage": .string("swift")])
    }
    return .object([
      "eventType": .string(kind.rawValue), "eventTime": .string("\(at)"),
      "producer": .string(Self.producer), "schemaURL": .string(Self.schema),
      "run": .object([
        "runId": .string(uuid(options)), "facets": .object(runFacets),
      ]),
      "job": job(options),
      "inputs": .array((attempt?.datasets.inputs ?? []).map { dataset($0, options) }),
      "outputs": .array((attempt?.datasets.outputs ?? []).map { dataset($0, options) }),
    ])
  }

  private func job(_ options: LineageOptions) -> JSONValue {
    // Items of a mapped task are runs of one job.
    let name = attempt.map { "\(run.dag).\($0.task.id)" } ?? run.dag
    var facets: [String: JSONValue] = [
      "jobType": facet(
        "2-0-4/JobTypeJobFacet",
        [
          "processingType": .string("BATCH"), "integration": .string("STRATA"),
          "jobType": .string(attempt == nil ? "DAG" : "TASK"),
        ])
    ]
    if attempt == nil, let summary = snapshot.summary {
      facets["documentation"] = facet(
        "1-1-0/DocumentationJobFacet", ["description": .string(summary)])
    }
    return .object([
      "namespace": .string(options.namespace), "name": .string(name), "facets": .object(facets),
    ])
  }

  private func dataset(_ dataset: Dataset, _ options: LineageOptions) -> JSONValue {
    switch dataset {
    case .table(let name):
      .object([
        "namespace": .string(options.databaseNamespace),
        "name": .string("\(options.database).\(name)"),
      ])
    case .file(let path): .object(["namespace": .string("file"), "name": .string(path)])
    }
  }

  private func facet(_ path: String, _ values: [String: JSONValue]) -> JSONValue {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    return .object(
      [
        "_producer": .string(Self.producer),
        "_schemaURL": .string(
          "https://openlineage.io/spec/facets/\(path).json#/$defs/\(name)"),
      ].merging(values) { $1 })
  }

  // MARK: Identity

  private func uuid(_ options: LineageOptions) -> String {
    guard let attempt else { return runUUID(options) }
    return Self.uuid([
      .string(options.namespace), .string(options.databaseNamespace), .string(options.database),
      .integer(run.runID), .integer(run.createdAt.microseconds), .string(attempt.id),
      .integer(attempt.token),
    ])
  }

  private func runUUID(_ options: LineageOptions) -> String {
    Self.uuid([
      .string(options.namespace), .string(options.databaseNamespace), .string(options.database),
      .integer(run.runID), .integer(run.createdAt.microseconds), .integer(Int64(pass)),
    ])
  }

  /// The same for the same names in every process: version 8 of RFC 9562, of a SHA-256.
  private static func uuid(_ names: [JSONValue]) -> String {
    var digits = Array(JSONValue.array(names).hash.prefix(32))
    digits[12] = "8"
    // The two high bits are 10.
    let variants: [Character] = ["8", "9", "a", "b"]
    digits[16] = variants[(digits[16].hexDigitValue ?? 0) % 4]
    let parts = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32]
    return parts.map { String(digits[$0]) }.joined(separator: "-")
  }
}
