import Testing

@testable import Pipeline

@Suite struct TaskSelectionTests {
  /// a -> b -> c; load.x -> load.deep.y -> c; d alone.
  private static let snapshot = DAGSnapshot(
    name: "d", summary: nil, schedule: .manual, catchUp: .none,
    tasks: [
      TaskDefinition(id: "a", kind: "k"),
      TaskDefinition(id: "b", kind: "k", after: ["a"]),
      TaskDefinition(id: "load.x", kind: "k", group: "load"),
      TaskDefinition(id: "load.deep.y", kind: "k", after: ["load.x"], group: "load.deep"),
      TaskDefinition(id: "c", kind: "k", after: ["b", "load.deep.y"]),
      TaskDefinition(id: "d", kind: "k"),
      TaskDefinition(id: "loader", kind: "k", group: "loading"),
    ])

  private func select(_ text: String) throws -> [String] {
    let plan = try RunPlan(Self.snapshot)
    return try TaskSelection(text).tasks(of: Self.snapshot, plan).sorted().map { plan.ids[$0] }
  }

  @Test(arguments: [
    ("a", ["a"]), ("a+", ["a", "b", "c"]), ("+c", ["a", "b", "load.x", "load.deep.y", "c"]),
    ("+b+", ["a", "b", "c"]), ("d,b+", ["b", "c", "d"]), (" d , b ", ["b", "d"]),
    ("load.*", ["load.x", "load.deep.y"]), ("load.deep.*", ["load.deep.y"]),
    ("load.*+", ["load.x", "load.deep.y", "c"]), ("+load.deep.*", ["load.x", "load.deep.y"]),
    ("*", ["a", "b", "load.x", "load.deep.y", "c", "d", "loader"]), ("d,d+,d", ["d"]),
  ])
  func itSelects(_ text: String, _ expected: [String]) throws {
    #expect(try select(text) == expected)
    #expect(try select(TaskSelection(text).description) == expected)
  }

  @Test func unknownNamesAreToldTogetherWithSuggestions() throws {
    let error = #expect(throws: PipelineError.self) {
      try select("aa,load.xx+,load,c[3],elsewhere_entirely.*")
    }
    #expect(error?.code == "pipeline.unknown_tasks")
    #expect(
      error?.problems.map { $0.hint ?? "" } == [
        "did you mean 'a'?", "did you mean 'load.x'?", "a group is written load.*",
        "the items of a mapped task go with it: c",
        "tasks: a, b, load.x, load.deep.y, c, d, loader, load.*, load.deep.*, loading.*",
      ])
  }

  @Test(arguments: ["", "a,", "+", "a++", "a+b", "a b", ",", "++a"])
  func whatIsNoSelectionIsRefused(_ text: String) {
    let error = #expect(throws: PipelineError.self) { try TaskSelection(text) }
    #expect(error?.code == "pipeline.bad_selection")
  }
}
