import Diagnostics

extension DAG {
  /// All that is wrong with several DAGs: each one's own problems, and names used twice.
  public static func problems(in dags: [DAG]) -> [DAGProblem] {
    var found: [DAGProblem] = []
    var first: [String: DAG] = [:]
    for dag in dags {
      found += dag.problems()
      if let other = first[dag.name] {
        found.append(
          dag.problem(
            "duplicate_dag", "expected one DAG of this name, found another at \(other.location)",
            hint: "DAG names are unique within a project"))
      } else {
        first[dag.name] = dag
      }
    }
    return found
  }

  /// All that is wrong with the definition: the DAG's own faults, then those of its tasks in the
  /// order of declaration, then cycles; empty if it can be run.
  public func problems() -> [DAGProblem] {
    var found: [DAGProblem] = []
    if let fault = Self.nameFault(name) { found.append(problem("bad_name", fault)) }
    found += scheduleProblems() + limitProblems() + paramProblems()
    found += callbackProblems(callbacks, of: .run)
    if declarations.isEmpty {
      found.append(problem("no_tasks", "expected at least one task, found none"))
    }
    var graph = GraphCheck(declarations)
    for (number, declaration) in declarations.enumerated() {
      if let other = graph.earlier(number) {
        found.append(
          problem(
            "duplicate_task", "expected one task of this id, found another at \(other.location)",
            in: declaration))
      }
    }
    found += groupProblems(graph)
    for (number, declaration) in declarations.enumerated() {
      found += taskProblems(declaration)
      found += edgeProblems(declaration, upstreams: graph.upstreams[number], &graph)
      found += roleProblems(declaration, upstreams: graph.upstreams[number], &graph)
    }
    return found + cycleProblems(graph)
  }

  private func limitProblems() -> [DAGProblem] {
    var found: [DAGProblem] = []
    for (what, value) in [
      ("maxActiveRuns", maxActiveRuns), ("maxActiveTasks", maxActiveTasks ?? 1),
      ("parallelism", parallelism),
    ] where value < 1 {
      found.append(problem("bad_limit", "expected \(what) of at least 1, found \(value)"))
    }
    switch deadline {
    case .afterStart(let duration)? where duration.milliseconds <= 0,
      .afterIntervalEnd(let duration)? where duration.milliseconds <= 0:
      found.append(
        problem("bad_deadline", "expected a deadline above zero, found \(duration)"))
    default: break
    }
    return found
  }

  private func groupProblems(_ graph: GraphCheck) -> [DAGProblem] {
    groups.compactMap { group in
      // A dot in a group's own name would look like a group within a group.
      let fault =
        group.id.contains(".")
        ? "expected a group's own name without '.', found '\(group.id)'" : Self.nameFault(group.id)
      if let fault { return problem("bad_name", "group: \(fault)", at: group.location) }
      guard let task = graph.declaration(group.path) else { return nil }
      return problem(
        "group_is_task",
        "expected group '\(group.path)' to have a name of its own, found a task "
          + "at \(task.location)", at: group.location)
    }
  }

  private func edgeProblems(
    _ declaration: TaskDeclaration, upstreams: [String], _ graph: inout GraphCheck
  ) -> [DAGProblem] {
    var found: [DAGProblem] = []
    let task = declaration.definition
    var setups: [String] = []
    if case .teardown(let ids) = task.role { setups = ids }
    for id in upstreams where graph.declaration(id) == nil && !setups.contains(id) {
      let verb = task.reads.contains(id) ? "reads" : "comes after"
      found.append(
        problem(
          "unknown_upstream", "\(verb) '\(id)', which this DAG lacks", hint: graph.hint(for: id),
          in: declaration))
    }
    for read in declaration.reads.sorted(by: { $0.producer < $1.producer }) {
      guard let producer = graph.declaration(read.producer), producer.product != read.product
      else { continue }
      found.append(
        problem(
          "wrong_product",
          "expected '\(read.producer)' to produce \(read.product), found \(producer.product)",
          hint: "an output belongs to the DAG that it was made in", in: declaration))
    }
    for item in declaration.items.sorted(by: { $0.producer < $1.producer })
    where declaration.ownItems[item.producer] != item.product {
      found.append(
        problem(
          "stray_item", "reads '\(item.producer)', an item of another mapped task",
          hint: "an item exists only in the closure that it is the argument of", in: declaration))
    }
    guard graph.mayRunWithoutSuccess(task.rule, upstreams: upstreams.count) else { return found }
    let mapped = Set(task.mapping?.sources.compactMap(\.task) ?? [])
    for id in task.reads where mapped.contains(id) || !declaration.optionalReads.contains(id) {
      // A teardown never runs without success of its only setup.
      if setups == [id] { continue }
      found.append(
        problem(
          "input_not_optional",
          "\(mapped.contains(id) ? "is mapped over" : "reads") '\(id)' under "
            + "\(declaration.ruleWords), which can run without its success",
          hint: mapped.contains(id)
            ? "a mapped task needs its lists" : "give the property the type Output<…>?",
          in: declaration))
    }
    return found
  }

  /// One problem per cycle that a depth-first walk meets, with its path; ten at most.
  private func cycleProblems(_ graph: GraphCheck) -> [DAGProblem] {
    enum Colour { case open, closed }
    var colour: [String: Colour] = [:]
    var place: [String: Int] = [:]
    var found: [DAGProblem] = []
    for (root, declaration) in declarations.enumerated()
    where colour[declaration.definition.id] == nil {
      // An explicit stack: a chain of 10,000 tasks would overflow the thread's.
      var path = [(declaration: declaration, next: graph.upstreams[root])]
      colour[declaration.definition.id] = .open
      place[declaration.definition.id] = 0
      while let last = path.indices.last, found.count < 10 {
        guard let upstream = path[last].next.popLast() else {
          colour[path[last].declaration.definition.id] = .closed
          path.removeLast()
          continue
        }
        guard let number = graph.number(upstream), colour[upstream] != .closed else { continue }
        if colour[upstream] == .open {
          // The walk goes upstream; a reader expects the order of running.
          let cycle =
            path[(place[upstream] ?? 0)...].reversed().map(\.declaration.definition.id)
          found.append(
            problem(
              "cycle",
              "expected no cycle, found \(([upstream] + cycle).joined(separator: " -> "))",
              in: declaration))
        } else {
          colour[upstream] = .open
          place[upstream] = path.count
          path.append((declarations[number], graph.upstreams[number]))
        }
      }
    }
    return found
  }

  /// What makes a text no name; nil if nothing does.
  static func nameFault(_ name: String) -> String? {
    let allowed = name.utf8.allSatisfy {
      ($0 >= 97 && $0 <= 122) || ($0 >= 48 && $0 <= 57) || $0 == 95 || $0 == 45 || $0 == 46
    }
    guard let first = name.utf8.first, first >= 97, first <= 122, allowed, name.utf8.count <= 63
    else {
      return "expected a name of a-z, 0-9, '_', '-' and '.' that starts with a letter and has at "
        + "most 63 bytes, found '\(name)'"
    }
    return nil
  }

  func problem(
    _ what: String, _ message: String, hint: String? = nil, in declaration: TaskDeclaration? = nil,
    at place: String? = nil
  ) -> DAGProblem {
    DAGProblem(
      code: "pipeline.\(what)", dag: name, task: declaration?.definition.id, message: message,
      hint: hint, location: place ?? declaration?.location ?? location)
  }
}

/// What the checks of one DAG look up, each computed once, so that 10,000 tasks cost no more than
/// 10,000 times one.
struct GraphCheck {
  /// The upstream ids of each task, by number.
  let upstreams: [[String]]
  private let declarations: [TaskDeclaration]
  private let first: [String: Int]
  private var withoutSuccess: [RuleShape: Bool] = [:]
  private var hintsLeft: Int

  private struct RuleShape: Hashable {
    let rule: TriggerRule
    let upstreams: Int
  }

  init(_ declarations: [TaskDeclaration]) {
    self.declarations = declarations
    upstreams = declarations.map(\.definition.upstreams)
    first = Dictionary(
      declarations.enumerated().map { ($1.definition.id, $0) },
      uniquingKeysWith: { $1 < $0 ? $1 : $0 }
    )
    // A suggestion looks at every name: many in a large DAG would take longer than all the rest.
    hintsLeft = max(3, 20_000 / max(declarations.count, 1))
  }

  func number(_ id: String) -> Int? { first[id] }

  func declaration(_ id: String) -> TaskDeclaration? { first[id].map { declarations[$0] } }

  /// The declaration that took the id of a task before it; nil if none did.
  func earlier(_ number: Int) -> TaskDeclaration? {
    guard let other = first[declarations[number].definition.id], other != number else { return nil }
    return declarations[other]
  }

  mutating func hint(for id: String) -> String? {
    guard hintsLeft > 0 else { return nil }
    hintsLeft -= 1
    return Suggestion.hint(for: id, among: first.keys)
  }

  mutating func mayRunWithoutSuccess(_ rule: TriggerRule, upstreams: Int) -> Bool {
    let shape = RuleShape(rule: rule, upstreams: min(upstreams, 5))
    if let known = withoutSuccess[shape] { return known }
    let may = rule.mayRunWithoutSuccess(upstreams: upstreams)
    withoutSuccess[shape] = may
    return may
  }
}
