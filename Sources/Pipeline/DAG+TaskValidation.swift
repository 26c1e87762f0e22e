extension DAG {
  /// What is wrong with a task by itself.
  func taskProblems(_ declaration: TaskDeclaration) -> [DAGProblem] {
    var found: [DAGProblem] = []
    let task = declaration.definition
    if let fault = Self.nameFault(task.id) {
      found.append(problem("bad_name", fault, in: declaration))
    }
    if let fault = declaration.encodingFault {
      found.append(
        problem("not_encodable", "expected a task that encodes, found \(fault)", in: declaration))
    }
    found += retryProblems(declaration)
    if let limit = task.timeLimitMilliseconds, limit <= 0 {
      found.append(
        problem(
          "bad_time_limit", "expected a time limit above zero, found \(limit) ms", in: declaration))
    }
    found += policyProblems(declaration)
    found += callbackProblems(task.callbacks, of: .task, in: declaration)
    found += sensorProblems(declaration)
    return found + mappingProblems(declaration)
  }

  private func retryProblems(_ declaration: TaskDeclaration) -> [DAGProblem] {
    var found: [DAGProblem] = []
    let retries = declaration.definition.retries
    if !(0...10_000).contains(retries.count) {
      found.append(
        problem(
          "bad_retries", "expected 0 to 10000 retries, found \(retries.count)", in: declaration))
    }
    if retries.delayMilliseconds < 0 || retries.capMilliseconds < retries.delayMilliseconds
      || !(retries.factor >= 1 && retries.factor.isFinite) || !(0...1).contains(retries.jitter)
    {
      found.append(
        problem(
          "bad_retries",
          "expected 0 <= delay <= cap, factor >= 1 and jitter between 0 and 1, found delay "
            + "\(retries.delayMilliseconds) ms, cap \(retries.capMilliseconds) ms, factor "
            + "\(retries.factor), jitter \(retries.jitter)", in: declaration))
    }
    return found
  }

  private func policyProblems(_ declaration: TaskDeclaration) -> [DAGProblem] {
    var found: [DAGProblem] = []
    let task = declaration.definition
    if let pool = task.pool, let fault = Self.nameFault(pool) {
      found.append(problem("bad_pool", "pool: \(fault)", in: declaration))
    }
    if !(1...10_000).contains(task.slots) {
      found.append(
        problem("bad_slots", "expected 1 to 10000 slots, found \(task.slots)", in: declaration))
    }
    // Weights add up priorities of whole DAGs: the bound keeps the sums far from overflow.
    if !(-1_000_000...1_000_000).contains(task.priority) {
      found.append(
        problem(
          "bad_priority", "expected a priority from -1000000 to 1000000, found \(task.priority)",
          in: declaration))
    }
    if let limit = task.maxConcurrent, limit < 1 {
      found.append(
        problem(
          "bad_limit", "expected maxConcurrent of at least 1, found \(limit)", in: declaration))
    }
    if case .process(let limit?) = task.isolation, limit < 1 {
      found.append(
        problem(
          "bad_limit", "expected a memory limit of at least 1 MiB, found \(limit)",
          in: declaration))
    }
    return found
  }

  private func sensorProblems(_ declaration: TaskDeclaration) -> [DAGProblem] {
    var found: [DAGProblem] = []
    guard let sensor = declaration.definition.sensor else {
      guard declaration.isSensorKind else { return [] }
      return [
        problem(
          "not_a_sensor", "kind '\(declaration.definition.kind)' waits, and is declared as a task",
          hint: "declare it with dag.sensor(…, every:), which says how often it looks",
          in: declaration)
      ]
    }
    if sensor.intervalMilliseconds <= 0 {
      found.append(
        problem(
          "bad_sensor",
          "expected an interval above zero, found \(sensor.intervalMilliseconds) ms",
          in: declaration))
    }
    if let budget = sensor.budgetMilliseconds, budget <= 0 {
      found.append(
        problem("bad_sensor", "expected a budget above zero, found \(budget) ms", in: declaration))
    }
    return found
  }

  private func mappingProblems(_ declaration: TaskDeclaration) -> [DAGProblem] {
    guard let mapping = declaration.definition.mapping else { return [] }
    var found: [DAGProblem] = []
    func add(_ what: String, _ message: String, hint: String? = nil) {
      found.append(problem(what, message, hint: hint, in: declaration))
    }
    if mapping.sources.isEmpty {
      add("bad_mapping", "expected a list to map over, found none")
    }
    if !(1...100_000).contains(mapping.limit) {
      add("bad_mapping", "expected a limit from 1 to 100000, found \(mapping.limit)")
    }
    if let limit = mapping.maxActive, limit < 1 {
      add("bad_mapping", "expected maxActive of at least 1, found \(limit)")
    }
    if declaration.definition.steers {
      add(
        "mapped_branch", "a mapped task decides which tasks are skipped, once for each item",
        hint: "decide in one task that reads the list of their products")
    }
    let lengths = mapping.sources.compactMap(\.literalCount)
    // What tasks will produce is not known; lists that differ among themselves never fit.
    if mapping.mode == .zip || lengths.count == mapping.sources.count {
      do throws(PipelineError) {
        _ = try mapping.count(of: lengths)
      } catch {
        add("bad_mapping", error.message, hint: error.hint)
      }
    }
    return found
  }

  /// What is wrong with a setup's or teardown's place in the graph.
  func roleProblems(
    _ declaration: TaskDeclaration, upstreams: [String], _ graph: inout GraphCheck
  ) -> [DAGProblem] {
    guard case .teardown(let setups) = declaration.definition.role else { return [] }
    if upstreams.isEmpty {
      return [
        problem(
          "teardown_without_upstream", "expected a setup or another task upstream, found none",
          hint: "name what it removes in of:, and who uses it in after:", in: declaration)
      ]
    }
    return setups.compactMap { id in
      guard let setup = graph.declaration(id) else {
        return problem(
          "unknown_setup", "tears down '\(id)', which this DAG lacks", hint: graph.hint(for: id),
          in: declaration)
      }
      guard setup.definition.role != .setup else { return nil }
      return problem(
        "not_a_setup",
        "expected '\(id)' to be a setup, found a task of role "
          + (setup.definition.role == .work ? "work" : "teardown"),
        hint: "declare it with dag.setup, or move it to after:", in: declaration)
    }
  }
}

extension TaskDeclaration {
  /// The rule as its author wrote it: of a teardown, that it is one.
  var ruleWords: String {
    definition.role.isTeardown ? "the law of teardowns" : definition.rule.rawValue
  }
}

extension MappingSource {
  /// The task that produces the list; nil where it stands in the definition.
  public var task: String? {
    if case .output(let task) = self { task } else { nil }
  }

  /// How many items the list has; nil where a task produces it.
  var literalCount: Int? {
    if case .literal(let items) = self { items.count } else { nil }
  }
}
