import Schedules
import Testing

@testable import Pipeline

@Suite("Bad definitions")
struct DefinitionProblemTests {
  private func found(_ dag: DAG) -> [String] {
    dag.problems().map {
      "\($0.task.map { "\($0): " } ?? "")\($0.code.dropFirst("pipeline.".count)): \($0.message)"
    }
  }

  private func found(_ build: (inout DAGBuilder) -> Void) -> [String] { found(DAG("d", build)) }

  @Test("duplicates, cycle, unknown upstream, wrong param, bad cron and two DAGs: all together")
  func allTogether() {
    let bad = DAG(
      "night", schedule: .cron("0 2 ; * *", zone: "Europe/Lisbon"),
      params: [Param("limit", .integer(range: 1...9), default: 10)]
    ) { dag in
      dag.task("a", Nothing(), after: ["c"])
      dag.task("b", Nothing(), after: ["a"])
      dag.task("c", Nothing(), after: ["b"])
      dag.task("c", Nothing(), after: ["extrat"])
      dag.task("extract", Nothing())
    }
    let problems = DAG.problems(in: [bad, nightly, bad])
    #expect(
      problems.prefix(5).map(\.code) == [
        "pipeline.bad_cron", "pipeline.bad_default", "pipeline.duplicate_task",
        "pipeline.unknown_upstream", "pipeline.cycle",
      ])
    #expect(problems.last?.code == "pipeline.duplicate_dag")
    #expect(problems.count == 11)
    let lines = problems.map(\.description)
    #expect(lines[0].contains("at column 5 of"))
    #expect(lines[3].hasSuffix("did you mean 'extract'?"))
    #expect(lines[4].hasSuffix("expected no cycle, found a -> b -> c -> a"))
  }

  @Test("limits, deadlines and params of a DAG")
  func dagLevel() {
    let webhook = Callback(on: [.deadline, .retry], .webhook(url: "ftp://ops"))
    let dag = DAG(
      "d",
      params: [
        Param("a", .integer(), default: "x"), Param("a", .boolean), Param("B", .boolean),
        Param("c", .text(oneOf: [])), Param("e", .number(range: -.infinity...0)),
        Param("f", .list(of: .text(maxLength: 0))), Param("g", .text(oneOf: ["x", "x"])),
        Param("h", .day, default: "2023-02-29"), Param("i", .day, default: .null),
      ],
      callbacks: [webhook, Callback(on: [], .command([""]))], maxActiveRuns: 0, maxActiveTasks: -1,
      parallelism: 0
    ) { dag in dag.task("t", Nothing()) }
    #expect(
      found(dag) == [
        "bad_limit: expected maxActiveRuns of at least 1, found 0",
        "bad_limit: expected maxActiveTasks of at least 1, found -1",
        "bad_limit: expected parallelism of at least 1, found 0",
        #"bad_default: the default of param 'a': expected an integer, found "x""#,
        "duplicate_param: expected one param 'a', found another",
        "bad_name: param: expected a name of a-z, 0-9, '_', '-' and '.' that starts with a letter "
          + "and has at most 63 bytes, found 'B'",
        "bad_param: param 'c': expected values to choose from, found none",
        "bad_param: param 'e': expected a finite range, found -inf to 0.0",
        "bad_param: param 'f': expected a length of at least 1, found 0",
        "bad_param: param 'g': expected each value to choose from once, found one twice",
        "bad_default: the default of param 'h': expected a date such as 2024-03-10, found "
          + #""2023-02-29""#,
        "bad_callback: callback: expected events of a run (deadline, failure, success), found retry",
        "bad_callback: callback: expected a DAG with a deadline, found none to be told of",
        "bad_callback: callback: expected an http or https URL with a host, found 'ftp://ops'",
        "bad_callback: callback: expected an event to call it on, found none",
        "bad_callback: callback: expected a program and its arguments, found an empty command",
      ])
    for deadline in [Deadline.afterStart(.zero), .afterIntervalEnd(.seconds(-5))] {
      let late = DAG("d", deadline: deadline) { dag in dag.task("t", Nothing()) }
      #expect(late.problems().map(\.code) == ["pipeline.bad_deadline"])
    }
  }

  @Test("policies of a task")
  func policies() {
    let problems = found { dag in
      dag.task(
        "t", Nothing(),
        policy: TaskPolicy(
          pool: "My Pool", slots: 0, priority: 2_000_000, maxConcurrent: 0,
          callbacks: [Callback(on: [.deadline], .command(["a", "b\u{0}"]))],
          isolation: .process(memoryLimitMegabytes: 0)))
      dag.task(
        "fine", Nothing(), policy: TaskPolicy(isolation: .process(memoryLimitMegabytes: nil)))
    }
    #expect(
      problems == [
        "t: bad_pool: pool: expected a name of a-z, 0-9, '_', '-' and '.' that starts with a letter "
          + "and has at most 63 bytes, found 'My Pool'",
        "t: bad_slots: expected 1 to 10000 slots, found 0",
        "t: bad_priority: expected a priority from -1000000 to 1000000, found 2000000",
        "t: bad_limit: expected maxConcurrent of at least 1, found 0",
        "t: bad_limit: expected a memory limit of at least 1 MiB, found 0",
        "t: bad_callback: callback: expected events of a task (failure, retry, skipped, success), "
          + "found deadline",
        "t: bad_callback: callback: expected arguments without NUL, found one in the command of 'a'",
      ])
  }

  @Test(
    "addresses of webhooks",
    arguments: [
      ("https://ops.example/x?y=1", true), ("HTTP://127.0.0.1:8080", true),
      ("http://[::1]:80/", true), ("https://", false), ("https:///x", false), ("", false),
      ("//ops", false), ("file:///etc/passwd", false), ("javascript:alert(1)", false),
      ("https://a b/", false),
    ])
  func webhooks(_ url: String, _ isGood: Bool) {
    #expect((Callback.Action.webhook(url: url).fault == nil) == isGood)
  }

  @Test("teardowns name setups that exist, and stand behind something")
  func teardowns() {
    let problems = found { dag in
      let table = dag.setup("create", Nothing())
      let work = dag.task("work", Nothing(), after: [table])
      dag.teardown("drop", Nothing(), of: [table, work, "craete"], after: [work])
      dag.teardown("alone", Nothing(), of: [])
      dag.teardown("last", Nothing(), of: [], after: ["drop", "nowhere"])
      dag.teardown("again", Nothing(), of: ["drop"])
    }
    #expect(
      problems == [
        "drop: unknown_setup: tears down 'craete', which this DAG lacks",
        "drop: not_a_setup: expected 'work' to be a setup, found a task of role work",
        "alone: teardown_without_upstream: expected a setup or another task upstream, found none",
        "last: unknown_upstream: comes after 'nowhere', which this DAG lacks",
        "again: not_a_setup: expected 'drop' to be a setup, found a task of role teardown",
      ])
  }

  @Test("sensors are declared as such, with times above zero")
  func sensors() {
    let problems = found { dag in
      dag.task("plain", WaitForFile(path: "f"))
      dag.mapped("each", over: ["f"]) { _ in WaitForFile(path: "f") }
      dag.sensor("never", WaitForFile(path: "f"), every: .zero, budget: .seconds(-1))
    }
    #expect(
      problems == [
        "plain: not_a_sensor: kind 'wait_for_file' waits, and is declared as a task",
        "each: not_a_sensor: kind 'wait_for_file' waits, and is declared as a task",
        "never: bad_sensor: expected an interval above zero, found 0 ms",
        "never: bad_sensor: expected a budget above zero, found -1000 ms",
      ])
  }

  @Test("mapped tasks: limits, literals, stray items, branches, rules")
  func mapping() {
    var stray: Output<Range>?
    let problems = found { dag in
      let ranges = dag.task("ranges", SplitRanges(parts: 2))
      dag.mapped("first", over: ranges) { range in
        stray = range
        return ScoreRange(range: range)
      }
      if let stray {
        dag.task("outside", ScoreRange(range: stray))
        dag.mapped("other", over: [1, 2]) { TryModel(range: stray, depth: $0) }
        // An item of the same list is the same item.
        dag.mapped("same", over: ranges) { _ in ScoreRange(range: stray) }
      }
      dag.mapped("limits", over: ranges, limit: 0, maxActive: 0) { ScoreRange(range: $0) }
      dag.mapped("large", over: [1, 2, 3], [1, 2], limit: 5) { _, _ in Nothing() }
      dag.mapped("uneven", over: [1, 2, 3], ranges, [1, 2], mode: .zip) { _, _, _ in Nothing() }
      dag.mapped("branch", over: ranges) { _ in ChooseModel() }
      dag.mapped("late", over: ranges, when: .allDone) { ScoreRange(range: $0) }
      dag.mapped("nothing") { Nothing() }
      dag.mapped("nan", over: [Double.nan]) { _ in Nothing() }
      dag.mapped("empty", over: [Int]()) { _ in Nothing() }
    }
    #expect(
      problems == [
        "outside: stray_item: reads 'ranges[]', an item of another mapped task",
        "other: stray_item: reads 'ranges[]', an item of another mapped task",
        "limits: bad_mapping: expected a limit from 1 to 100000, found 0",
        "limits: bad_mapping: expected maxActive of at least 1, found 0",
        "large: bad_mapping: expected at most 5 items to map over, found 6 (3 x 2)",
        "uneven: bad_mapping: expected lists of one length to zip, found 3 and 2 items",
        "branch: mapped_branch: a mapped task decides which tasks are skipped, once for each item",
        "late: input_not_optional: is mapped over 'ranges' under all_done, which can run without "
          + "its success",
        "nothing: bad_mapping: expected a list to map over, found none",
      ] + problems.filter { $0.hasPrefix("nan: not_encodable: ") })
    #expect(problems.count == 10)
  }

  @Test("a list of another type than its task produces is refused")
  func wrongList() {
    var other: Output<[Int]>?
    _ = DAG("other") { dag in
      other = dag.mapped("ranges", over: [1]) { _ in Count() }
    }
    struct Count: TaskKind {
      typealias Product = Int
      static let kind = "count"
    }
    guard let other else { return #expect(Bool(false), "the closure has run") }
    let problems = found { dag in
      dag.task("ranges", SplitRanges(parts: 2))
      dag.mapped("m", over: other) { _ in Nothing() }
    }
    #expect(problems.count == 1 && problems[0].hasPrefix("m: wrong_product: "), "\(problems)")
  }

  @Test("groups have names of their own, without a dot")
  func groups() {
    let problems = found { dag in
      dag.task("load", Nothing())
      dag.group("load") { dag in dag.task("x", Nothing()) }
      dag.group("a.b") { dag in dag.task("x", Nothing()) }
      dag.group("Bad") { dag in dag.task("x", Nothing()) }
      dag.group(String(repeating: "g", count: 60)) { dag in dag.task("long", Nothing()) }
      dag.group("fine") { dag in dag.task("x", Nothing()) }
      dag.group("fine") { dag in dag.task("y", Nothing()) }
    }
    #expect(
      problems.map { String($0.prefix { $0 != "," }) } == [
        "group_is_task: expected group 'load' to have a name of its own",
        "bad_name: group: expected a group's own name without '.'",
        "bad_name: group: expected a name of a-z",
        "Bad.x: bad_name: expected a name of a-z",
        String(repeating: "g", count: 60) + ".long: bad_name: expected a name of a-z",
      ])
  }

  @Test("a graph full of cycles is told of ten of them, each a cycle indeed")
  func manyCycles() {
    let dag = DAG("d") { dag in
      for number in 0..<60 {
        dag.task("t\(number)", Nothing(), after: (0..<60).map { "t\($0)" })
      }
    }
    let problems = dag.problems()
    #expect(problems.count == 10)
    for problem in problems {
      let path = problem.message.dropFirst("expected no cycle, found ".count).split(separator: " ")
        .filter { $0 != "->" }
      #expect(path.count >= 2 && path.first == path.last)
    }
  }
}
