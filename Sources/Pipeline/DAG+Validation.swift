import Diagnostics
import Schedules

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

  /// All that is wrong with the definition, in the order of declaration; empty if it can be run.
  public func problems() -> [DAGProblem] {
    var found: [DAGProblem] = []
    if let fault = Self.nameFault(name) { found.append(problem("bad_name", fault)) }
    found += scheduleProblems()
    if declarations.isEmpty {
      found.append(problem("no_tasks", "expected at least one task, found none"))
    }
    var first: [String: TaskDeclaration] = [:]
    for declaration in declarations {
      if let other = first[declaration.definition.id] {
        found.append(
          problem(
            "duplicate_task", "expected one task of this id, found another at \(other.location)",
            in: declaration))
      } else {
        first[declaration.definition.id] = declaration
      }
    }
    for declaration in declarations {
      found += taskProblems(declaration)
      found += edgeProblems(declaration, known: first)
    }
    return found + cycleProblems(first)
  }

  private func taskProblems(_ declaration: TaskDeclaration) -> [DAGProblem] {
    var found: [DAGProblem] = []
    let task = declaration.definition
    if let fault = Self.nameFault(task.id) {
      found.append(problem("bad_name", fault, in: declaration))
    }
    if let fault = declaration.encodingFault {
      found.append(
        problem("not_encodable", "expected a task that encodes, found \(fault)", in: declaration))
    }
    let retries = task.retries
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
    if let limit = task.timeLimitMilliseconds, limit <= 0 {
      found.append(
        problem(
          "bad_time_limit", "expected a time limit above zero, found \(limit) ms", in: declaration))
    }
    return found
  }

  private func edgeProblems(
    _ declaration: TaskDeclaration, known: [String: TaskDeclaration]
  ) -> [DAGProblem] {
    var found: [DAGProblem] = []
    let task = declaration.definition
    for id in task.upstreams where known[id] == nil {
      let verb = task.reads.contains(id) ? "reads" : "comes after"
      found.append(
        problem(
          "unknown_upstream", "\(verb) '\(id)', which this DAG lacks",
          hint: Suggestion.hint(for: id, among: known.keys), in: declaration))
    }
    for read in declaration.reads.sorted(by: { $0.producer < $1.producer }) {
      guard let producer = known[read.producer], producer.product != read.product else { continue }
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
    if task.rule.mayRunWithoutSuccess(upstreams: task.upstreams.count) {
      for id in task.reads where !declaration.optionalReads.contains(id) {
        found.append(
          problem(
            "input_not_optional",
            "reads '\(id)' under \(task.rule.rawValue), which can run without its success",
            hint: "give the property the type Output<…>?", in: declaration))
      }
    }
    return found
  }

  /// One problem per cycle that a depth-first walk meets, with its path.
  private func cycleProblems(_ known: [String: TaskDeclaration]) -> [DAGProblem] {
    enum Colour { case open, closed }
    var colour: [String: Colour] = [:]
    var found: [DAGProblem] = []
    for root in declarations where colour[root.definition.id] == nil {
      // An explicit stack: a chain of 10,000 tasks would overflow the thread's.
      var path: [(id: String, next: [String])] = [(root.definition.id, root.definition.upstreams)]
      colour[root.definition.id] = .open
      while let last = path.indices.last {
        guard let upstream = path[last].next.popLast() else {
          colour[path[last].id] = .closed
          path.removeLast()
          continue
        }
        guard let declaration = known[upstream] else { continue }
        switch colour[upstream] {
        case .closed: continue
        case .open:
          let start = path.firstIndex { $0.id == upstream } ?? 0
          // The walk goes upstream; a reader expects the order of running.
          let cycle = [upstream] + path[start...].map(\.id).reversed()
          found.append(
            problem(
              "cycle", "expected no cycle, found \(cycle.joined(separator: " -> "))",
              in: declaration))
        case nil:
          colour[upstream] = .open
          path.append((upstream, declaration.definition.upstreams))
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
    _ what: String, _ message: String, hint: String? = nil, in declaration: TaskDeclaration? = nil
  ) -> DAGProblem {
    DAGProblem(
      code: "pipeline.\(what)", dag: name, task: declaration?.definition.id, message: message,
      hint: hint, location: declaration?.location ?? location)
  }
}
