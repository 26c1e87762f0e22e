/// A DAG as a picture's content: what each box says, and the edges between boxes.
///
/// Drawn as DOT, Mermaid or SVG; the same DAG always gives the same bytes.
public struct DAGGraph: Sendable {
  /// What a box looks like.
  enum Shape: Sendable { case work, sensor, branch, setup, teardown }

  struct Node: Sendable {
    let id: String
    /// The id without the groups around it.
    let label: String
    let kind: String
    /// What is unusual about the task: `when all_done`, `every 30 s`.
    let marks: [String]
    let shape: Shape
    let isMapped: Bool
    /// The names of the groups around it, outer first.
    let groups: [String]
    /// Where it stands; nil without a run.
    let state: TaskState?

    /// The lines of its box below the label.
    var lines: [String] {
      [kind] + (marks.isEmpty ? [] : [marks.joined(separator: " · ")])
        + (state.map { [$0.rawValue] } ?? [])
    }
  }

  struct Edge: Sendable, Hashable {
    let from: Int
    let to: Int
    /// Whether a product is handed on, or the task only waits.
    let isData: Bool
  }

  /// A group with what is directly in it.
  struct Group {
    /// Its own name; empty for the DAG itself.
    let name: String
    let path: String
    let nodes: [Int]
    let groups: [Group]
  }

  let name: String
  /// One line below the name.
  let caption: String
  let nodes: [Node]
  let edges: [Edge]

  /// The graph of a definition, with the states of a run's tasks by their ids where there is one.
  public init(_ snapshot: DAGSnapshot, states: [String: TaskState] = [:]) {
    name = Self.clean(snapshot.name)
    caption = Self.clean(
      [snapshot.schedule.description, snapshot.summary].compactMap(\.self)
        .joined(separator: " · "))
    nodes = snapshot.tasks.map { Node($0, state: states[$0.id]) }
    var numbers: [String: Int] = [:]
    for (number, task) in snapshot.tasks.enumerated() { numbers[task.id] = number }
    edges = snapshot.tasks.enumerated().flatMap { number, task in
      let reads = Set(task.reads)
      return task.upstreams.compactMap { id in
        numbers[id].map { Edge(from: $0, to: number, isData: reads.contains(id)) }
      }
    }
  }

  /// A text without the control characters that no format can show, on one line.
  fileprivate static func clean(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { scalar in
          switch scalar.value {
          case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0xFFFE, 0xFFFF: " "
          default: scalar
          }
        }))
  }

  /// The groups as a tree, in the order in which the tasks first name them.
  var tree: Group { tree(Array(nodes.indices), depth: 0, name: "", path: "") }

  private func tree(_ members: [Int], depth: Int, name: String, path: String) -> Group {
    var direct: [Int] = []
    var order: [String] = []
    var inner: [String: [Int]] = [:]
    for number in members {
      guard depth < nodes[number].groups.count else {
        direct.append(number)
        continue
      }
      let child = nodes[number].groups[depth]
      if inner[child] == nil { order.append(child) }
      inner[child, default: []].append(number)
    }
    let groups = order.map {
      tree(
        inner[$0] ?? [], depth: depth + 1, name: $0, path: path.isEmpty ? $0 : "\(path).\($0)")
    }
    return Group(name: name, path: path, nodes: direct, groups: groups)
  }
}

extension DAGGraph.Node {
  init(_ task: TaskDefinition, state: TaskState?) {
    id = task.id
    kind = DAGGraph.clean(task.kind)
    groups = task.group?.split(separator: ".").map(String.init) ?? []
    let prefix = task.group.map { "\($0)." } ?? ""
    label = task.id.hasPrefix(prefix) ? String(task.id.dropFirst(prefix.count)) : task.id
    isMapped = task.mapping != nil
    self.state = state
    shape =
      switch task.role {
      case .setup: .setup
      case .teardown: .teardown
      case .work where task.sensor != nil: .sensor
      case .work: task.steers ? .branch : .work
      }
    var marks: [String] = []
    switch task.role {
    case .work: break
    case .setup: marks.append("setup")
    case .teardown(let setups):
      marks.append("teardown" + (setups.isEmpty ? "" : " of \(setups.joined(separator: ", "))"))
    }
    if let sensor = task.sensor {
      marks.append("sensor every \(Duration.milliseconds(sensor.intervalMilliseconds).words)")
    }
    if let mapping = task.mapping { marks.append("each of \(mapping.words)") }
    if task.steers { marks.append("decides") }
    if task.rule != .allSuccess, !task.role.isTeardown {
      marks.append("when \(task.rule.rawValue)")
    }
    if task.failure == .tolerated { marks.append("may fail") }
    self.marks = marks
  }
}

extension TaskState {
  /// The fill, light and dark, of a box in this state; nil for the plain one.
  var fills: (light: String, dark: String)? {
    switch self {
    case .waiting: nil
    case .queued: ("#e3e5ea", "#3a3e46")
    case .running: ("#cfe3f7", "#1d4468")
    case .retrying: ("#fbe8b0", "#5d4a12")
    case .deferred: ("#e4d8f5", "#463663")
    case .success: ("#cdeeda", "#1b5134")
    case .failed: ("#f8cfca", "#6e241e")
    case .upstreamFailed: ("#fadbc4", "#65391b")
    case .skipped: ("#efeff2", "#2a2c31")
    case .cancelled: ("#d9d2d2", "#4a4141")
    }
  }
}
