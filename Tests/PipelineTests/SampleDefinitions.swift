import Pipeline
import Schedules

struct Range: Codable, Sendable, Hashable {
  var first: Int64
  var last: Int64
}

struct SplitRanges: TaskKind {
  typealias Product = [Range]
  static let kind = "split_ranges"
  var parts: Int
}

struct ScoreRange: TaskKind {
  typealias Product = Champion
  static let kind = "score_range"
  var range: Output<Range>
  var features: Output<FeatureSet>?
}

struct MergeScores: TaskKind {
  typealias Product = Audience
  static let kind = "merge_scores"
  var scores: Output<[Champion]>
}

struct TryModel: TaskKind {
  typealias Product = NoProduct
  static let kind = "try_model"
  var range: Output<Range>
  var depth: Output<Int>
}

struct WaitForFile: SensorKind {
  typealias Product = Landed
  static let kind = "wait_for_file"
  var path: String
}

struct ChooseModel: TaskKind {
  typealias Product = BranchChoice
  static let kind = "choose_model"
}

struct StopOnHoliday: TaskKind {
  typealias Product = Continuation
  static let kind = "stop_on_holiday"
}

/// A DAG with every word of the definition language in it.
let everything = DAG(
  "everything", summary: "Every word of the language.",
  schedule: .cron("0 2 * * *", zone: "Europe/Lisbon"), catchUp: .all,
  starts: Day(year: 2024, month: 3, day: 1),
  params: [
    Param("limit", .integer(range: 1...100), default: 10, summary: "Rows at most."),
    Param("mode", .text(oneOf: ["fast", "exact"]), default: "fast"),
    Param("days", .list(of: .day), default: .array([])),
  ],
  deadline: .afterIntervalEnd(.hours(6)),
  callbacks: [
    Callback(on: [.failure, .deadline, .success], .webhook(url: "https://ops.example/strata"))
  ],
  maxActiveRuns: 2, maxActiveTasks: 8, parallelism: 4
) { dag in
  let file = dag.sensor(
    "wait_file", WaitForFile(path: "in.csv"), every: .seconds(30), mode: .poke, budget: .hours(2),
    softFail: true)
  let features = dag.group("load") { dag in
    dag.task("features", BuildFeatures(from: file), policy: TaskPolicy(pool: "db", slots: 2))
  }
  let table = dag.setup("create", Nothing(), after: [features])
  let ranges = dag.task("ranges", SplitRanges(parts: 4), after: [table])
  let scores = dag.mapped("score", over: ranges, limit: 100, maxActive: 8) { range in
    ScoreRange(range: range, features: features)
  }
  dag.mapped("grid", over: ranges, [1, 2, 3], mode: .cross) { range, depth in
    TryModel(range: range, depth: depth)
  }
  let merged = dag.task(
    "merge", MergeScores(scores: scores),
    policy: TaskPolicy(
      priority: 10, weight: .downstream, maxConcurrent: 1, dependsOnPast: true,
      waitForDownstream: true,
      callbacks: [Callback(on: [.retry, .failure], .command(["notify", "ops"]))],
      isolation: .process(memoryLimitMegabytes: 512)))
  dag.teardown("drop", Nothing(), of: [table], after: ["grid", merged])
  let choice = dag.task("choose", ChooseModel(), after: [merged])
  dag.task("fast", Nothing(), after: [choice])
  dag.task("exact", Nothing(), after: [choice])
  dag.task("join", Nothing(), after: ["fast", "exact"], when: .noneFailedMinOneSuccess)
  let workday = dag.task("workday", StopOnHoliday())
  dag.task("mail", Nothing(), after: [workday, "join"])
}
