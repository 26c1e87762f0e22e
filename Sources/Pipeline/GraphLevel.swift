/// One level of a picture: the whole graph, or what is inside of one group.
struct GraphLevel {
  /// A task, or a group that is laid out already.
  struct Unit {
    let tasks: [Int]
    /// The picture inside of a group; nil for a task.
    let inside: GraphLayout?
    let title: String
    let width: Double
    let height: Double
  }

  /// Space that keeps things apart.
  enum Space {
    static let betweenColumns = 64.0
    static let besidePorts = 34.0
    static let insideFrame = 16.0
    static let title = 26.0
  }

  private let plan: GraphPlan
  private let depth: Int
  private let units: [Unit]
  /// The unit of each task of the level.
  private let unitOf: [Int: Int]

  /// - Parameter depth: how many groups are around the level.
  init(_ plan: GraphPlan, tasks: [Int], depth: Int) {
    self.plan = plan
    self.depth = depth
    let parts = Self.parts(of: tasks, depth: depth, plan)
    units = parts.map { part in
      let node = plan.nodes[part[0]]
      guard depth < node.groups.count else {
        let size = plan.size(node)
        return Unit(
          tasks: part, inside: nil, title: "", width: size.width, height: size.height)
      }
      let inside = GraphLevel(plan, tasks: part, depth: depth + 1).framed()
      return Unit(
        tasks: part, inside: inside, title: node.groups[depth], width: inside.width,
        height: inside.height)
    }
    var unitOf: [Int: Int] = [:]
    for (number, part) in parts.enumerated() {
      for task in part { unitOf[task] = number }
    }
    self.unitOf = unitOf
  }

  /// The tasks by unit. A group that a path leaves and enters again would be before and after what
  /// is between: such a group is drawn in parts, one per depth, which cannot be.
  private static func parts(of tasks: [Int], depth: Int, _ plan: GraphPlan) -> [[Int]] {
    struct Key: Hashable {
      let name: String
      let task: Int?
      let depth: Int?
    }
    func divided(_ keys: (Int) -> Key) -> [[Int]] {
      var numbers: [Key: Int] = [:]
      var parts: [[Int]] = []
      for task in tasks {
        let key = keys(task)
        if let number = numbers[key] {
          parts[number].append(task)
        } else {
          numbers[key] = parts.count
          parts.append([task])
        }
      }
      return parts
    }
    func key(_ task: Int, split: Bool) -> Key {
      let groups = plan.nodes[task].groups
      return depth < groups.count
        ? Key(name: groups[depth], task: nil, depth: split ? plan.depths[task] : nil)
        : Key(name: "", task: task, depth: nil)
    }
    let whole = divided { key($0, split: false) }
    let cyclic = partsOnCycles(whole, plan)
    guard !cyclic.isEmpty else { return whole }
    return divided { key($0, split: cyclic.contains($0)) }
  }

  /// The tasks of parts that are on a cycle of parts, or between two cycles.
  private static func partsOnCycles(_ parts: [[Int]], _ plan: GraphPlan) -> Set<Int> {
    var partOf: [Int: Int] = [:]
    for (number, part) in parts.enumerated() {
      for task in part { partOf[task] = number }
    }
    var links = [[Int]](repeating: [], count: parts.count)
    var back = links
    for (number, part) in parts.enumerated() {
      for task in part {
        for edge in plan.out[task] {
          guard let other = partOf[edge.to], other != number else { continue }
          links[number].append(other)
          back[other].append(number)
        }
      }
    }
    // What is left when sources, then sinks, are taken away again and again.
    var left = Set(parts.indices)
    for (forward, backward) in [(links, back), (back, links)] {
      var unmet = backward.map { $0.count { left.contains($0) } }
      var open = parts.indices.filter { left.contains($0) && unmet[$0] == 0 }
      while let part = open.popLast() {
        left.remove(part)
        for next in forward[part] where left.contains(next) {
          unmet[next] -= 1
          if unmet[next] == 0 { open.append(next) }
        }
      }
    }
    return Set(left.flatMap { parts[$0] })
  }

  /// The picture of the level.
  func layout() -> GraphLayout {
    var columns = columns()
    columns.order()
    columns.place()
    return draw(columns)
  }

  /// The picture of a group: the level's, with room for the frame and its title.
  private func framed() -> GraphLayout {
    var layout = layout()
    let left = layout.entries.isEmpty ? Space.insideFrame : 0
    let right = layout.exits.isEmpty ? Space.insideFrame : 0
    layout.move(x: left, y: Space.title + 6)
    layout.width += left + right
    layout.height += Space.title + 6 + Space.insideFrame
    return layout
  }

  /// The units in layers, with ports, bends and links.
  private func columns() -> GraphColumns {
    var links = [Set<Int>](repeating: [], count: units.count)
    var hasEntries = false
    for (number, unit) in units.enumerated() {
      for task in unit.tasks {
        for edge in plan.out[task] {
          if let other = unitOf[edge.to], other != number { links[number].insert(other) }
        }
        if plan.into[task].contains(where: { unitOf[$0.from] == nil }) { hasEntries = true }
      }
    }
    let first = hasEntries ? 1 : 0
    let layers = GraphPlan.longestPaths(count: units.count, out: links.map { $0.sorted() })
      .map { $0 + first }
    let last = layers.max() ?? 0
    var columns = GraphColumns(layerCount: last + 1)
    for (number, unit) in units.enumerated() {
      columns.add(
        .unit(number), layer: layers[number], width: unit.width, height: unit.height,
        gap: unit.inside == nil ? 18 : 26)
    }
    for number in units.indices { connect(number, layers, last: last, &columns) }
    return columns
  }

  /// Adds the links that begin at a unit or at a port in front of it.
  private func connect(
    _ number: Int, _ layers: [Int], last: Int, _ columns: inout GraphColumns
  ) {
    for task in units[number].tasks {
      for isData in [true, false] {
        let port = GraphLayout.Port(task: task, isData: isData)
        if plan.into[task].contains(where: { unitOf[$0.from] == nil && $0.isData == isData }) {
          let item = columns.add(.entry(port), layer: 0, width: 0, height: 0, gap: 10)
          columns.connect(
            item, offset: 0, isData: isData,
            to: [(layers[number], number, entry(number, task, isData), units[number].inside == nil)]
          )
        }
        var targets: [(layer: Int, item: Int, offset: Double, hasArrow: Bool)] = []
        var isLeaving = false
        for edge in plan.out[task] where edge.isData == isData {
          guard let other = unitOf[edge.to] else {
            isLeaving = true
            continue
          }
          guard other != number else { continue }
          targets.append(
            (layers[other], other, entry(other, edge.to, isData), units[other].inside == nil))
        }
        if isLeaving {
          let item = columns.add(.exit(port), layer: last + 1, width: 0, height: 0, gap: 10)
          targets.append((last + 1, item, 0, false))
        }
        columns.connect(number, offset: exit(number, task, isData), isData: isData, to: targets)
      }
    }
  }

  /// How far below a unit's top an edge into one of its tasks ends.
  private func entry(_ unit: Int, _ task: Int, _ isData: Bool) -> Double {
    units[unit].inside?.entries[GraphLayout.Port(task: task, isData: isData)]
      ?? units[unit].height / 2
  }

  private func exit(_ unit: Int, _ task: Int, _ isData: Bool) -> Double {
    units[unit].inside?.exits[GraphLayout.Port(task: task, isData: isData)]
      ?? units[unit].height / 2
  }

  private func draw(_ columns: GraphColumns) -> GraphLayout {
    var layout = GraphLayout()
    let spans = columns.spans(
      betweenColumns: Space.betweenColumns, besidePorts: Space.besidePorts)
    layout.width = spans.last?.upperBound ?? 0
    layout.height = columns.height
    for item in columns.items {
      let span = spans[item.layer]
      switch item.kind {
      case .unit(let number):
        let unit = units[number]
        let x = (span.lowerBound + span.upperBound - unit.width) / 2
        guard var inside = unit.inside else {
          layout.boxes.append(
            .init(
              node: unit.tasks[0], x: x, y: item.y, width: unit.width, height: unit.height))
          continue
        }
        inside.move(x: x, y: item.y)
        layout.frames.append(
          .init(
            title: unit.title, depth: depth, x: x, y: item.y, width: unit.width,
            height: unit.height))
        layout.boxes += inside.boxes
        layout.frames += inside.frames
        layout.lines += inside.lines
      case .bend(let isData):
        layout.lines.append(
          .init(
            startX: span.lowerBound, bendX: span.lowerBound...span.lowerBound,
            endX: span.upperBound, startY: item.y, endY: item.y, isData: isData, hasArrow: false))
      case .entry(let port): layout.entries[port] = item.y
      case .exit(let port): layout.exits[port] = item.y
      }
    }
    for link in columns.links {
      let (from, to) = (columns.items[link.from], columns.items[link.to])
      let (start, end) = (spans[from.layer], spans[to.layer])
      // A narrow unit stands in the middle of its column; a bend spans it.
      let startX = from.kind.isUnit ? (start.lowerBound + start.upperBound + from.width) / 2 : nil
      let endX = to.kind.isUnit ? (end.lowerBound + end.upperBound - to.width) / 2 : nil
      layout.lines.append(
        .init(
          startX: startX ?? start.upperBound, bendX: start.upperBound...end.lowerBound,
          endX: endX ?? end.lowerBound, startY: from.y + link.fromOffset,
          endY: to.y + link.toOffset, isData: link.isData, hasArrow: link.hasArrow))
    }
    return layout
  }
}
