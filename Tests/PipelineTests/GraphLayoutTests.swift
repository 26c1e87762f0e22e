import TestSupport
import Testing

@testable import Pipeline

@Suite("Pictures: where things stand")
struct GraphLayoutTests {
  private typealias Point = SIMD2<Double>

  private static func samples() throws -> [DAGGraph] {
    var random = SplitMix64(seed: 5)
    var dags = [everything, grouped, interleaved, wide(40), deep(40), nightly]
    dags += (0..<150).map { _ in randomDAG(&random, most: 40) }
    return try dags.map { DAGGraph(try $0.snapshot()) }
  }

  private func layout(_ graph: DAGGraph) -> GraphLayout {
    GraphPlan(graph) { SVGBox.size(of: $0) }.layout()
  }

  @Test("boxes and frames: none overlaps what it does not hold, and all are inside of the picture")
  func nothingOverlaps() throws {
    for graph in try Self.samples() {
      let layout = layout(graph)
      #expect(layout.boxes.map(\.node).sorted() == Array(graph.nodes.indices))
      for (number, box) in layout.boxes.enumerated() {
        #expect(box.x >= 0 && box.y >= 0)
        #expect(box.x + box.width <= layout.width && box.y + box.height <= layout.height)
        for other in layout.boxes.dropFirst(number + 1) {
          #expect(
            box.x + box.width <= other.x || other.x + other.width <= box.x
              || box.y + box.height <= other.y || other.y + other.height <= box.y,
            "\(graph.nodes[box.node].id) is over \(graph.nodes[other.node].id)")
        }
        // Each box is in as many frames as it has groups, those of its groups, outer first.
        let around = layout.frames.filter { frame in
          frame.x < box.x && box.x + box.width < frame.x + frame.width
            && frame.y + GraphLevel.Space.title <= box.y
            && box.y + box.height < frame.y + frame.height
        }
        #expect(around.sorted { $0.depth < $1.depth }.map(\.title) == graph.nodes[box.node].groups)
        let touching = layout.frames.count { frame in
          frame.x < box.x + box.width && box.x < frame.x + frame.width
            && frame.y < box.y + box.height && box.y < frame.y + frame.height
        }
        #expect(touching == around.count, "a frame cuts \(graph.nodes[box.node].id)")
      }
    }
  }

  @Test("who follows the lines out of a box comes to its successors, and to no other box")
  func linesAreTheEdges() throws {
    for graph in try Self.samples() {
      let layout = layout(graph)
      var next: [Point: [Point]] = [:]
      var arrows: Set<Point> = []
      for line in layout.lines {
        next[Point(line.startX, line.startY), default: []].append(Point(line.endX, line.endY))
        if line.hasArrow { arrows.insert(Point(line.endX, line.endY)) }
      }
      var entrance: [Point: Int] = [:]
      for box in layout.boxes { entrance[Point(box.x, box.y + box.height / 2)] = box.node }
      for box in layout.boxes {
        var found: Set<Int> = []
        var seen: Set<Point> = []
        var open = [Point(box.x + box.width, box.y + box.height / 2)]
        while let point = open.popLast() {
          guard seen.insert(point).inserted else { continue }
          if let node = entrance[point] {
            found.insert(node)
            #expect(arrows.contains(point))
          } else {
            open += next[point] ?? []
          }
        }
        let expected = Set(graph.edges.filter { $0.from == box.node }.map(\.to))
        #expect(found == expected, "from \(graph.nodes[box.node].id)")
      }
    }
  }

  @Test("no line runs through a box, and every line runs to the right")
  func linesKeepClear() throws {
    for graph in try Self.samples() {
      let layout = layout(graph)
      for line in layout.lines {
        #expect(line.startX <= line.bendX.lowerBound && line.bendX.upperBound <= line.endX)
        for box in layout.boxes {
          // A curve stays within the rectangle of its two ends.
          let pieces = [
            (line.startX, line.bendX.lowerBound, line.startY, line.startY),
            (line.bendX.lowerBound, line.bendX.upperBound, line.startY, line.endY),
            (line.bendX.upperBound, line.endX, line.endY, line.endY),
          ]
          let isClear = pieces.allSatisfy { left, right, from, to in
            right <= box.x || box.x + box.width <= left || max(from, to) <= box.y
              || box.y + box.height <= min(from, to)
          }
          #expect(isClear, "a line runs through \(graph.nodes[box.node].id)")
        }
      }
    }
  }

  @Test("columns are the longest paths")
  func columns() throws {
    let graph = DAGGraph(try deep(12).snapshot())
    let boxes = layout(graph).boxes.sorted { $0.node < $1.node }
    #expect(zip(boxes, boxes.dropFirst()).allSatisfy { $0.x + $0.width < $1.x })
    // A chain without side paths runs straight.
    let chain = DAGGraph(
      try DAG("c") { dag in
        for number in 0..<20 {
          dag.task("t\(number)", Nothing(), after: number == 0 ? [] : ["t\(number - 1)"])
        }
      }.snapshot())
    #expect(Set(layout(chain).boxes.map(\.y)).count == 1)
  }

  @Test("a tree is drawn without a crossing")
  func noNeedlessCrossings() throws {
    // Declared in an order that crosses: the leaves of the first branch come last.
    let dag = DAG("tree") { dag in
      dag.task("root", Nothing())
      for branch in 0..<4 { dag.task("b\(branch)", Nothing(), after: ["root"]) }
      for leaf in 0..<16 { dag.task("l\(leaf)", Nothing(), after: ["b\(3 - leaf % 4)"]) }
    }
    let lines = layout(DAGGraph(try dag.snapshot())).lines
    for (number, line) in lines.enumerated() {
      for other in lines.dropFirst(number + 1) where other.startX == line.startX {
        #expect((line.startY - other.startY) * (line.endY - other.endY) >= 0)
      }
    }
  }

  @Test("a picture of 3,000 tasks, and one of a chain with an end that waits for all, are drawn")
  func large() throws {
    let chain = DAG("chain") { dag in
      for number in 0..<1_000 {
        dag.task("t\(number)", Nothing(), after: number == 0 ? [] : ["t\(number - 1)"])
      }
      dag.task("end", Nothing(), after: (0..<1_000).map { "t\($0)" })
    }
    for (dag, count) in [(wide(3_000), 3_002), (chain, 1_001)] {
      #expect(layout(DAGGraph(try dag.snapshot())).boxes.count == count)
    }
  }
}
