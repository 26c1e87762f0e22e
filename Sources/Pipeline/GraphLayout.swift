/// Where the boxes, frames and lines of a picture stand, in SVG's units from the upper left corner.
///
/// The way there, for the graph and again inside of each group:
/// 1. Tasks and groups become units; a group is laid out first and is then one large unit, whose
///    edges to the outside end in ports on its border.
/// 2. Each unit gets the layer of the longest path to it; edges over several layers get bends, one
///    per layer, which keep a lane free of boxes.
/// 3. Layers are ordered by barycentres, and the order with the fewest crossings is kept.
/// 4. Each item moves towards its neighbours as far as the order allows.
///
/// Source: K. Sugiyama, S. Tagawa, M. Toda, "Methods for Visual Understanding of Hierarchical
/// System Structures", 1981.
struct GraphLayout {
  struct Box {
    let node: Int
    var x: Double
    var y: Double
    let width: Double
    let height: Double
  }

  struct Frame {
    let title: String
    let depth: Int
    var x: Double
    var y: Double
    let width: Double
    let height: Double
  }

  /// A line from `start` straight to `bend.from`, in a curve to `bend.to`, straight to `end`.
  struct Line {
    var startX: Double
    var bendX: ClosedRange<Double>
    var endX: Double
    var startY: Double
    var endY: Double
    let isData: Bool
    let hasArrow: Bool
  }

  var width = 0.0
  var height = 0.0
  var boxes: [Box] = []
  var frames: [Frame] = []
  var lines: [Line] = []

  /// Where edges enter or leave a group: one port per task and kind of edge.
  struct Port: Hashable {
    let task: Int
    let isData: Bool
  }

  /// The heights of the ports on the left and right border.
  var entries: [Port: Double] = [:]
  var exits: [Port: Double] = [:]

  mutating func move(x: Double, y: Double) {
    for index in boxes.indices {
      boxes[index].x += x
      boxes[index].y += y
    }
    for index in frames.indices {
      frames[index].x += x
      frames[index].y += y
    }
    for index in lines.indices {
      lines[index].startX += x
      lines[index].bendX = lines[index].bendX.lowerBound + x...lines[index].bendX.upperBound + x
      lines[index].endX += x
      lines[index].startY += y
      lines[index].endY += y
    }
    entries = entries.mapValues { $0 + y }
    exits = exits.mapValues { $0 + y }
  }
}

/// What a layout knows of the graph.
struct GraphPlan {
  let nodes: [DAGGraph.Node]
  /// The edges out of and into each node.
  let out: [[DAGGraph.Edge]]
  let into: [[DAGGraph.Edge]]
  /// The longest path to each node, counted in edges.
  let depths: [Int]
  let size: @Sendable (DAGGraph.Node) -> (width: Double, height: Double)

  init(
    _ graph: DAGGraph, size: @escaping @Sendable (DAGGraph.Node) -> (width: Double, height: Double)
  ) {
    nodes = graph.nodes
    self.size = size
    var out = [[DAGGraph.Edge]](repeating: [], count: nodes.count)
    var into = out
    for edge in graph.edges {
      out[edge.from].append(edge)
      into[edge.to].append(edge)
    }
    self.out = out
    self.into = into
    depths = Self.longestPaths(count: nodes.count, out: out.map { $0.map(\.to) })
  }

  /// The longest path to each vertex; those on a cycle, which no valid DAG has, stay at 0.
  static func longestPaths(count: Int, out: [[Int]]) -> [Int] {
    var depths = [Int](repeating: 0, count: count)
    var unmet = depths
    for target in out.joined() { unmet[target] += 1 }
    var ready = unmet.indices.filter { unmet[$0] == 0 }
    var next = 0
    while next < ready.count {
      let vertex = ready[next]
      next += 1
      for target in out[vertex] {
        depths[target] = max(depths[target], depths[vertex] + 1)
        unmet[target] -= 1
        if unmet[target] == 0 { ready.append(target) }
      }
    }
    return depths
  }

  /// The layout of the whole graph.
  func layout() -> GraphLayout { GraphLevel(self, tasks: Array(nodes.indices), depth: 0).layout() }
}
