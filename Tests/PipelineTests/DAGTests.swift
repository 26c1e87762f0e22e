import Schedules
import TestSupport
import Testing

@testable import Pipeline

@Suite struct DAGTests {
  @Test func edgesComeFromTheDataFlow() {
    let edges = Dictionary(nightly.tasks.map { ($0.id, $0.upstreams) }, uniquingKeysWith: { $1 })
    #expect(
      edges == [
        "extract": [], "features": ["extract"], "train_churn": ["features"],
        "drift": ["features", "train_churn"], "publish": ["features", "train_churn"],
        "report": ["publish"],
      ])
    #expect(nightly.problems().map(\.description) == [])
  }

  @Test func snapshotIsStableAndReadsBack() throws {
    let json = try nightly.snapshot().json()
    #expect(try JSONValue(parsing: json.canonicalText) == json)
    #expect(try json.decoded(as: DAGSnapshot.self) == nightly.snapshot())
    #expect(json.hash.count == 64)
    #expect(
      json["tasks"].map { "\($0)".contains("\"config\":{\"sources\":\"sources.yaml\"}") } == true)
    let again = DAG("nightly_segments", schedule: nightly.schedule, catchUp: .latest) { dag in
      dag.task("extract", Extract(sources: "other.yaml"))
    }
    #expect(try again.snapshot().json().hash != json.hash)
  }

  @Test func tasksDecodeFromTheSnapshot() throws {
    let definition = try #require(nightly.tasks.first { $0.id == "train_churn" })
    let task = try definition.config.decoded(as: TrainModel.self)
    #expect(task.name == "churn")
    #expect(task.features.taskID == "features")
    #expect(task.ifOlderThan == .days(7))
  }

  @Test func optionalReadsAreToldFromPlainOnes() {
    let task = ReadMany(
      list: [Output(of: "a")], optionals: [Output(of: "b"), nil, Output(of: "c")],
      inner: .init(optional: Output(of: "d"), plain: Output(of: "e")))
    #expect(optionalReads(of: task) == ["b", "c", "d"])
    // A producer that is also read plainly is not optional.
    let both = ReadMany(
      optionals: [Output(of: "b")], inner: .init(optional: nil, plain: Output(of: "b")))
    #expect(optionalReads(of: both) == [])
  }
}

@Suite struct DAGValidationTests {
  private func codes(_ dag: DAG) -> [String] {
    dag.problems().map { "\($0.task ?? "-") \($0.code.dropFirst("pipeline.".count))" }
  }

  @Test func allProblemsAtOnce() {
    let dag = DAG("Nightly", schedule: .cron("0 2 * *", zone: "Europe/Lisbonne")) { dag in
      dag.task("a", Nothing(), after: ["c"])
      dag.task("b", Nothing(), after: ["a", "extrct"])
      dag.task("c", Nothing(), after: ["b"])
      let landed = dag.task("extract", Extract(sources: "s"))
      dag.task("extract", Extract(sources: "s"))
      dag.task("late", BuildFeatures(from: landed), when: .allDone)
      dag.task("Bad Id", Nothing(), retries: .exponential(-1), timeLimit: .zero)
      dag.task("nan", Nothing(value: .nan))
    }
    #expect(
      codes(dag) == [
        "- bad_name", "- unknown_zone", "- bad_cron", "extract duplicate_task",
        "b unknown_upstream", "late input_not_optional", "Bad Id bad_name", "Bad Id bad_retries",
        "Bad Id bad_time_limit", "nan not_encodable", "a cycle",
      ])
    #expect(throws: PipelineError.self) { try dag.snapshot() }
  }

  @Test func cyclePrintsItsPath() throws {
    let dag = DAG("cyclic") { dag in
      dag.task("a", Nothing(), after: ["c"])
      dag.task("b", Nothing(), after: ["a"])
      dag.task("c", Nothing(), after: ["b"])
      dag.task("self", Nothing(), after: ["self"])
    }
    let messages = dag.problems().filter { $0.code == "pipeline.cycle" }.map(\.message)
    #expect(
      messages == [
        "expected no cycle, found a -> b -> c -> a", "expected no cycle, found self -> self",
      ])
  }

  @Test func unknownUpstreamGetsASuggestion() {
    let dag = DAG("typo") { dag in
      dag.task("extract", Nothing())
      dag.task("report", Nothing(), after: ["extrct"])
    }
    #expect(dag.problems().first?.hint == "did you mean 'extract'?")
    #expect(dag.problems().first?.location?.hasSuffix(".swift:\(#line - 3)") == true)
  }

  @Test func outputsOfAnotherDAGAreRefused() {
    var stray: Output<Audience>?
    let other = DAG("other") { dag in
      let landed = dag.task("extract", Extract(sources: "s"))
      let features = dag.task("features", BuildFeatures(from: landed))
      let champion = dag.task("train", TrainModel("m", on: features, ifOlderThan: .zero))
      stray = dag.task("extract2", PublishSegments(champion, on: features))
    }
    #expect(other.problems().isEmpty)
    let dag = DAG("mine") { dag in
      dag.task("extract2", Extract(sources: "s"))
      dag.task("report", WriteReport(of: stray), when: .allDone)
    }
    #expect(codes(dag) == ["report wrong_product"])
  }

  @Test func emptyAndTwice() {
    let empty = DAG("empty") { _ in }
    #expect(codes(empty) == ["- no_tasks"])
    let codes = DAG.problems(in: [nightly, nightly]).map(\.code)
    #expect(codes == ["pipeline.duplicate_dag"])
  }

  @Test func aLongChainValidatesInLinearTime() {
    let dag = DAG("chain") { dag in
      for number in 0..<10_000 {
        dag.task("t\(number)", Nothing(), after: number == 0 ? [] : ["t\(number - 1)"])
      }
    }
    #expect(dag.problems().isEmpty)
  }
}

@Suite struct JSONValueTests {
  /// Every number reads back as it was written, to the last bit: products go from task to task so.
  @Test func numbersKeepEveryBit() throws {
    var random = SplitMix64(seed: 27)
    for _ in 0..<2000 {
      let number = Double(bitPattern: UInt64.random(in: 1..<0x7FF0_0000_0000_0000, using: &random))
      let value = try JSONValue(parsing: "[\(number)]")
      #expect(try value.decoded(as: [Double].self) == [number])
      #expect(try JSONValue(encoding: [number]) == value)
    }
    #expect(try JSONValue(parsing: "0.1") == .number(0.1))
    #expect(try JSONValue(parsing: "\(Int64.min)") == .integer(.min))
  }

  @Test(arguments: [
    (#"{"b":1,"a":[true,null,"x"]}"#, #"{"a":[true,null,"x"],"b":1}"#),
    (#"[1.0, 1e2, 0.1, -0.5, 1e300]"#, "[1,100,0.1,-0.5,1e+300]"),
    (#""\u0001\"\\\n\u00e9/""#, "\"\\u0001\\\"\\\\\\né/\""),
    (#"{"Z":0,"a":0,"é":0,"_":0}"#, #"{"Z":0,"_":0,"a":0,"é":0}"#),
    ("9223372036854775807", "9223372036854775807"),
  ])
  func canonicalText(_ source: String, _ canonical: String) throws {
    let value = try JSONValue(parsing: source)
    #expect(value.canonicalText == canonical)
    #expect(try JSONValue(parsing: canonical).canonicalText == canonical)
  }

  @Test func hashIsThatOfTheText() {
    // echo -n '{}' | sha256sum
    #expect(
      JSONValue.object([:]).hash
        == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")
  }

  @Test func garbageIsRefused() {
    #expect(throws: (any Error).self) { try JSONValue(parsing: "{") }
    #expect(throws: (any Error).self) { try JSONValue(encoding: Double.nan) }
  }
}

@Suite struct RetriesTests {
  private let interval = DataInterval(day: Day(number: 20_000), in: .utc)

  @Test func pausesGrowToTheCap() {
    let retries = Retries.exponential(
      6, first: .seconds(5), factor: 3, cap: .minutes(2), jitter: 0)
    let pauses = (1...6).map {
      retries.pause(after: $0, dag: "d", task: "t", interval: interval).milliseconds
    }
    #expect(pauses == [5_000, 15_000, 45_000, 120_000, 120_000, 120_000])
  }

  @Test func jitterIsDeterministicAndBounded() {
    let retries = Retries.exponential(3, first: .seconds(100), cap: .hours(1), jitter: 0.2)
    var seen: Set<Int64> = []
    for task in 0..<200 {
      let pause = retries.pause(after: 1, dag: "d", task: "t\(task)", interval: interval)
      #expect(pause == retries.pause(after: 1, dag: "d", task: "t\(task)", interval: interval))
      #expect(pause > .seconds(80) && pause <= .seconds(100))
      seen.insert(pause.milliseconds)
    }
    #expect(seen.count > 190)
  }

  @Test func hugeGrowthStaysAtTheCap() {
    let retries = Retries.exponential(
      10_000, first: .seconds(1), factor: 10, cap: .hours(2), jitter: 0)
    #expect(retries.pause(after: 9_999, dag: "d", task: "t", interval: interval) == .hours(2))
  }
}
