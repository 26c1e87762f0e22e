import Schedules
import Testing

@testable import Pipeline

@Suite("The definition language")
struct DefinitionTests {
  private func task(_ id: String, of dag: DAG = everything) throws -> TaskDefinition {
    try #require(dag.tasks.first { $0.id == id }, "no task '\(id)'")
  }

  @Test("a DAG with every word in it is valid, and its edges come from the data flow")
  func edges() throws {
    #expect(everything.problems().map(\.description) == [])
    let edges = everything.tasks.map { "\($0.id): \($0.upstreams.joined(separator: " "))" }
    #expect(
      edges == [
        "wait_file: ", "load.features: wait_file", "create: load.features", "ranges: create",
        "score: load.features ranges", "grid: ranges", "merge: score", "drop: create grid merge",
        "choose: merge", "fast: choose", "exact: choose", "join: exact fast", "workday: ",
        "mail: join workday",
      ])
  }

  @Test("a sensor has its policy")
  func sensor() throws {
    let sensor = try task("wait_file").sensor
    #expect(
      sensor
        == SensorPolicy(every: .seconds(30), mode: .poke, budget: .hours(2), softFail: true))
    #expect(sensor?.intervalMilliseconds == 30_000)
    #expect(sensor?.budgetMilliseconds == 7_200_000)
  }

  @Test("a group gives its tasks its name, and hands out what its closure returns")
  func groups() throws {
    let dag = DAG("grouped") { dag in
      let pair = dag.group("load") { dag in
        let landed = dag.task("extract", Extract(sources: "s"))
        let features = dag.group("build") { dag in dag.task("features", BuildFeatures(from: landed))
        }
        return (landed, features)
      }
      dag.task("train", TrainModel("m", on: pair.1, ifOlderThan: .zero))
      dag.group("empty") { _ in }
      dag.group("score") { dag in
        dag.mapped("one", over: [Range(first: 1, last: 2)]) { ScoreRange(range: $0) }
      }
    }
    #expect(dag.problems().isEmpty)
    #expect(
      dag.tasks.map { [$0.id, $0.group ?? "-"] } == [
        ["load.extract", "load"], ["load.build.features", "load.build"], ["train", "-"],
        ["score.one", "score"],
      ])
    #expect(dag.tasks.map(\.upstreams) == [[], ["load.extract"], ["load.build.features"], []])
  }

  @Test("a mapped task names its items in its configuration, and its lists in its mapping")
  func mapped() throws {
    let score = try task("score")
    #expect(score.config.canonicalText == #"{"features":"load.features","range":"ranges[]"}"#)
    #expect(
      score.mapping == Mapping(sources: [.output("ranges")], limit: 100, maxActive: 8))
    #expect(score.mapping?.itemIDs == ["ranges[]"])
    let decoded = try score.config.decoded(as: ScoreRange.self)
    #expect(decoded.range == Output(of: "ranges[]"))
    let grid = try task("grid")
    #expect(grid.config.canonicalText == #"{"depth":"~1[]","range":"ranges[]"}"#)
    #expect(grid.mapping?.sources == [.output("ranges"), .literal([1, 2, 3])])
    #expect(grid.mapping?.itemIDs == ["ranges[]", "~1[]"])
    #expect(grid.reads == ["ranges"])
  }

  @Test("one list may be a source twice, and a source may go unread")
  func twice() throws {
    struct Pair: TaskKind {
      typealias Product = NoProduct
      static let kind = "pair"
      var left: Output<Range>
      var right: Output<Range>
    }
    let dag = DAG("pairs") { dag in
      let ranges = dag.task("ranges", SplitRanges(parts: 2))
      dag.mapped("pair", over: ranges, ranges) { Pair(left: $0, right: $1) }
      dag.mapped("times", over: ranges) { _ in Nothing() }
    }
    #expect(dag.problems().isEmpty)
    #expect(dag.tasks[1].mapping?.itemIDs == ["ranges[]", "ranges[]2"])
    #expect(dag.tasks[1].config.canonicalText == #"{"left":"ranges[]","right":"ranges[]2"}"#)
    #expect(dag.tasks[2].reads == ["ranges"])
  }

  @Test("setups, teardowns and steering products are known as such")
  func roles() throws {
    #expect(try task("create").role == .setup)
    #expect(try task("drop").role == .teardown(of: ["create"]))
    #expect(try task("drop").rule == .allDone)
    #expect(everything.tasks.filter(\.steers).map(\.id) == ["choose", "workday"])
  }

  @Test("a teardown may read the product of its only setup, but not of one among several")
  func teardownReads() {
    func codes(of setups: (Output<Landed>, Output<Landed>) -> [Output<Landed>]) -> [String] {
      DAG("d") { dag in
        let first = dag.setup("first", Extract(sources: "a"))
        let second = dag.setup("second", Extract(sources: "b"))
        dag.teardown("drop", BuildFeatures(from: first), of: setups(first, second))
      }.problems().map(\.code)
    }
    #expect(codes { first, _ in [first] } == [])
    #expect(codes { [$0, $1] } == ["pipeline.input_not_optional"])
    #expect(codes { _, second in [second] } == ["pipeline.input_not_optional"])
  }
}

@Suite("Decisions that skip tasks")
struct SteeringTests {
  private let direct = ["b", "c", "d"]
  private let descendants = ["b", "c", "d", "e", "f"]

  @Test("a branch skips what it did not choose")
  func branch() {
    #expect(
      BranchChoice(chosen: ["c"]).skips(among: direct, descendants: descendants) == ["b", "d"])
    #expect(BranchChoice(chosen: []).skips(among: direct, descendants: descendants) == direct)
    #expect(BranchChoice(chosen: direct).skips(among: direct, descendants: descendants) == [])
    #expect(BranchChoice(chosen: ["c", "e", "x"]).unknownChoices(among: direct) == ["e", "x"])
  }

  @Test("a short circuit skips nothing, the direct ones, or all")
  func continuation() {
    #expect(Continuation.proceed.skips(among: direct, descendants: descendants) == [])
    #expect(Continuation.stop(.direct).skips(among: direct, descendants: descendants) == direct)
    #expect(Continuation.stop(.all).skips(among: direct, descendants: descendants) == descendants)
    #expect(Continuation.stop(.all).skips(among: direct, descendants: ["e"]) == direct + ["e"])
    #expect(Continuation.stop(.all).unknownChoices(among: direct) == [])
  }
}

@Suite("When a run should have ended")
struct DeadlineTests {
  @Test("after the run's start, or after the end of its interval")
  func instants() {
    let interval = DataInterval(day: Day(number: 20_000), in: .utc)
    let start = interval.end + .hours(3)
    #expect(
      Deadline.afterStart(.hours(1)).instant(start: start, interval: interval)
        == interval.end + .hours(4))
    #expect(Deadline.afterStart(.hours(1)).instant(start: nil, interval: interval) == nil)
    for begun in [start, nil] {
      #expect(
        Deadline.afterIntervalEnd(.hours(1)).instant(start: begun, interval: interval)
          == interval.end + .hours(1))
    }
  }
}
