import Diagnostics

/// Tasks of a DAG as people name them: `X`, `X+` (with all that is downstream), `+X` (with all that
/// is upstream), `+X+`, `load.*` (a group with the groups in it), `*`, and several with commas.
public struct TaskSelection: Sendable, Hashable, CustomStringConvertible {
  /// One part of a selection.
  public struct Term: Sendable, Hashable {
    /// The id of a task, a group with `.*`, or `*`.
    public let name: String
    /// Whether all upstream tasks belong to it.
    public let withUpstream: Bool
    /// Whether all downstream tasks belong to it.
    public let withDownstream: Bool
  }

  /// The parts, as written.
  public let terms: [Term]

  /// Every task.
  public static let all = TaskSelection([
    Term(name: "*", withUpstream: false, withDownstream: false)
  ])

  private init(_ terms: [Term]) { self.terms = terms }

  /// Reads a selection.
  ///
  /// - Throws: ``PipelineError`` `pipeline.bad_selection` for a part without a name.
  public init(_ text: String) throws(PipelineError) {
    var terms: [Term] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      var name = part.drop { $0 == " " }
      while name.last == " " { name.removeLast() }
      let withUpstream = name.first == "+"
      if withUpstream { name.removeFirst() }
      let withDownstream = name.last == "+"
      if withDownstream { name.removeLast() }
      guard !name.isEmpty, !name.contains("+"), !name.contains(" ") else {
        throw PipelineError(
          code: "pipeline.bad_selection",
          message: "expected tasks such as X, X+, +X or load.*, found '\(part)' in '\(text)'",
          hint: "a + before or after a name adds what is upstream or downstream of it")
      }
      terms.append(
        Term(name: String(name), withUpstream: withUpstream, withDownstream: withDownstream))
    }
    self.init(terms)
  }

  /// As it is written.
  public var description: String {
    terms.map { ($0.withUpstream ? "+" : "") + $0.name + ($0.withDownstream ? "+" : "") }
      .joined(separator: ",")
  }

  /// The numbers of the selected tasks.
  ///
  /// - Throws: ``PipelineError`` `pipeline.unknown_tasks` with every unknown name at once.
  public func tasks(
    of snapshot: DAGSnapshot, _ plan: RunPlan
  ) throws(PipelineError) -> Set<Int> {
    var selected: Set<Int> = []
    var problems: [DAGProblem] = []
    for term in terms {
      let named = Self.named(term.name, snapshot)
      if named.isEmpty { problems.append(Self.unknown(term.name, snapshot)) }
      selected.formUnion(named)
      if term.withUpstream { selected.formUnion(plan.ancestors(of: named)) }
      if term.withDownstream { selected.formUnion(plan.descendants(of: named)) }
    }
    guard problems.isEmpty else {
      throw PipelineError(
        code: "pipeline.unknown_tasks",
        message: "expected tasks of '\(snapshot.name)', found \(problems.count) unknown "
          + "name\(problems.count == 1 ? "" : "s")", problems: problems)
    }
    return selected
  }

  private static func named(_ name: String, _ snapshot: DAGSnapshot) -> Set<Int> {
    let tasks = snapshot.tasks
    if name == "*" { return Set(tasks.indices) }
    guard name.hasSuffix(".*") else {
      return Set(tasks.indices.filter { tasks[$0].id == name })
    }
    let group = name.dropLast(2)
    return Set(
      tasks.indices.filter { number in
        guard let own = tasks[number].group else { return false }
        return own == group || own.hasPrefix(group + ".")
      })
  }

  private static func unknown(_ name: String, _ snapshot: DAGSnapshot) -> DAGProblem {
    let ids = snapshot.tasks.map(\.id)
    let groups = Set(snapshot.tasks.compactMap(\.group))
    var hint: String?
    if let bracket = name.firstIndex(of: "["), ids.contains(String(name[..<bracket])) {
      hint = "the items of a mapped task go with it: \(name[..<bracket])"
    } else if groups.contains(name) {
      hint = "a group is written \(name).*"
    }
    return DAGProblem(
      code: "pipeline.unknown_task", dag: snapshot.name, task: nil,
      message: "expected a task, found '\(name)'",
      hint: hint
        ?? Suggestion.hint(
          for: name, among: ids + groups.sorted().map { "\($0).*" }, noun: "tasks"),
      location: nil)
  }
}
