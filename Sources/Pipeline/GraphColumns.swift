/// The layers of one level: what stands in each, from top to bottom, and the links between them.
struct GraphColumns {
  enum Kind: Hashable {
    case unit(Int)
    /// Where an edge passes through a layer.
    case bend(isData: Bool)
    case entry(GraphLayout.Port)
    case exit(GraphLayout.Port)

    var isUnit: Bool { if case .unit = self { true } else { false } }
    var isBend: Bool { if case .bend = self { true } else { false } }
    var isPort: Bool { !isUnit && !isBend }
  }

  struct Item {
    let kind: Kind
    let layer: Int
    let width: Double
    let height: Double
    /// What it keeps free on either side, together with its neighbour's.
    let gap: Double
    var y = 0.0
  }

  /// A piece of an edge between neighbouring layers.
  struct Link {
    let from: Int
    let to: Int
    let fromOffset: Double
    let toOffset: Double
    let isData: Bool
    let hasArrow: Bool
  }

  private(set) var items: [Item] = []
  private(set) var links: [Link] = []
  /// The items of each layer from top to bottom.
  private(set) var layers: [[Int]]
  /// The place of each item in its layer.
  private var places: [Int] = []
  /// The links into and out of each item.
  private var before: [[Int]] = []
  private var after: [[Int]] = []
  private var bends = 0

  /// Beyond so many bends long edges are drawn straight: a picture of that size is not read by eye.
  private static let mostBends = 50_000

  init(layerCount: Int) { layers = [[Int]](repeating: [], count: layerCount) }

  /// Adds an item at the bottom of a layer, and returns its number.
  @discardableResult
  mutating func add(
    _ kind: Kind, layer: Int, width: Double, height: Double, gap: Double
  ) -> Int {
    while layer >= layers.count { layers.append([]) }
    items.append(Item(kind: kind, layer: layer, width: width, height: height, gap: gap))
    places.append(layers[layer].count)
    layers[layer].append(items.count - 1)
    before.append([])
    after.append([])
    return items.count - 1
  }

  /// Connects an item with items of later layers; the edges share their bends as long as they can.
  mutating func connect(
    _ item: Int, offset: Double, isData: Bool,
    to targets: [(layer: Int, item: Int, offset: Double, hasArrow: Bool)]
  ) {
    var (current, currentOffset) = (item, offset)
    var rest = targets.sorted { ($0.layer, $0.item) < ($1.layer, $1.item) }[...]
    while let next = rest.first {
      let layer = items[current].layer + 1
      if next.layer <= layer || bends >= Self.mostBends {
        rest.removeFirst()
        link(current, currentOffset, next.item, next.offset, isData, next.hasArrow)
        continue
      }
      bends += 1
      let bend = add(.bend(isData: isData), layer: layer, width: 0, height: 0, gap: 14)
      link(current, currentOffset, bend, 0, isData, false)
      (current, currentOffset) = (bend, 0)
    }
  }

  private mutating func link(
    _ from: Int, _ fromOffset: Double, _ to: Int, _ toOffset: Double, _ isData: Bool,
    _ hasArrow: Bool
  ) {
    before[to].append(links.count)
    after[from].append(links.count)
    links.append(
      Link(
        from: from, to: to, fromOffset: fromOffset, toOffset: toOffset, isData: isData,
        hasArrow: hasArrow))
  }

  // MARK: Order

  /// Orders every layer by the barycentres of its neighbours, from left to right and back again,
  /// and keeps the order with the fewest crossings.
  mutating func order() {
    var (best, fewest) = (layers, crossings())
    // Large graphs get fewer sweeps: they cost more and help less.
    let sweeps = links.count > 20_000 ? 4 : 16
    for sweep in 0..<sweeps where fewest > 0 {
      let forward = sweep.isMultiple(of: 2)
      for layer in forward ? Array(layers.indices) : layers.indices.reversed() {
        sort(layer, by: forward ? before : after)
      }
      let count = crossings()
      if count < fewest { (best, fewest) = (layers, count) }
    }
    layers = best
    for layer in layers { for (place, item) in layer.enumerated() { places[item] = place } }
  }

  /// Where a link meets an item: its place, and within it how far down.
  private func position(_ item: Int, _ offset: Double) -> Double {
    Double(places[item]) + (items[item].height > 0 ? offset / items[item].height : 0.5)
  }

  private mutating func sort(_ layer: Int, by neighbours: [[Int]]) {
    var moving: [(item: Int, centre: Double)] = []
    for item in layers[layer] where !neighbours[item].isEmpty {
      let sum = neighbours[item].reduce(0.0) { sum, number in
        let link = links[number]
        // The link is shifted by where it meets this item, so that ports side by side stay so.
        return sum
          + (link.to == item
            ? position(link.from, link.fromOffset) : position(link.to, link.toOffset))
      }
      moving.append((item, sum / Double(neighbours[item].count)))
    }
    // The sort is stable: what is equal stays in order.
    var sorted = moving.enumerated().sorted {
      ($0.element.centre, $0.offset) < ($1.element.centre, $1.offset)
    }[...]
    // Items without neighbours on that side keep their places among the others.
    layers[layer] = layers[layer].map { item in
      neighbours[item].isEmpty ? item : sorted.popFirst()?.element.item ?? item
    }
    for (place, item) in layers[layer].enumerated() { places[item] = place }
  }

  /// How many pairs of links between neighbouring layers cross.
  private func crossings() -> Int {
    layers.reduce(0) { total, layer in
      let ends = layer.flatMap { item in
        after[item].map { number in
          let link = links[number]
          return (position(item, link.fromOffset), position(link.to, link.toOffset))
        }
      }
      var right = ends.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.1)
      return total + Self.sortCountingInversions(&right)
    }
  }

  /// Merge sort; the count of pairs in the wrong order.
  private static func sortCountingInversions(_ values: inout [Double]) -> Int {
    guard values.count > 1 else { return 0 }
    var left = Array(values[..<(values.count / 2)])
    var right = Array(values[(values.count / 2)...])
    var count = sortCountingInversions(&left) + sortCountingInversions(&right)
    var (l, r) = (0, 0)
    for index in values.indices {
      if r == right.count || (l < left.count && left[l] <= right[r]) {
        values[index] = left[l]
        l += 1
      } else {
        values[index] = right[r]
        count += left.count - l
        r += 1
      }
    }
    return count
  }

  // MARK: Places

  /// The lower edge of the lowest item.
  var height: Double { items.map { $0.y + $0.height }.max() ?? 0 }

  /// Gives every item its height: as near to its neighbours as the order and the gaps allow.
  mutating func place() {
    for layer in layers { settle(layer, layer.map { _ in (0, 1) }) }
    let sweeps = links.count > 20_000 ? 4 : 12
    for sweep in 0...sweeps {
      let sides: [[[Int]]] =
        sweep == sweeps ? [before, after] : sweep.isMultiple(of: 2) ? [before] : [after]
      let order = sweep.isMultiple(of: 2) ? Array(layers.indices) : layers.indices.reversed()
      for layer in order {
        settle(layers[layer], layers[layer].map { wish($0, sides) })
      }
    }
    let top = items.map(\.y).min() ?? 0
    for index in items.indices { items[index].y -= top }
  }

  /// Where an item would like to be, and how strongly.
  private func wish(_ item: Int, _ sides: [[[Int]]]) -> (y: Double, weight: Double) {
    var (sum, weight) = (0.0, 0.0)
    for side in sides {
      for number in side[item] {
        let link = links[number]
        let isLeft = link.to == item
        let other = isLeft ? link.from : link.to
        let y =
          isLeft
          ? items[other].y + link.fromOffset - link.toOffset
          : items[other].y + link.toOffset - link.fromOffset
        // Bends are kept in line, so that long edges run straight.
        let strength = items[item].kind.isBend && items[other].kind.isBend ? 6.0 : 1
        sum += strength * y
        weight += strength
      }
    }
    return weight > 0 ? (sum / weight, weight) : (items[item].y, 0.1)
  }

  /// Moves the items of a layer to the places nearest to their wishes, in the sense of least
  /// squares, that keep order and gaps: pool adjacent violators.
  private mutating func settle(_ layer: [Int], _ wishes: [(y: Double, weight: Double)]) {
    struct Block {
      var sum: Double
      var weight: Double
      var count: Int
      var mean: Double { sum / weight }
    }
    var blocks: [Block] = []
    var offsets: [Double] = []
    var offset = 0.0
    for (place, item) in layer.enumerated() {
      if place > 0 {
        let above = items[layer[place - 1]]
        offset += above.height + (above.gap + items[item].gap) / 2
      }
      offsets.append(offset)
      let (y, weight) = wishes[place]
      blocks.append(Block(sum: (y - offset) * weight, weight: weight, count: 1))
      while blocks.count > 1, blocks[blocks.count - 2].mean >= blocks[blocks.count - 1].mean {
        let last = blocks.removeLast()
        blocks[blocks.count - 1].sum += last.sum
        blocks[blocks.count - 1].weight += last.weight
        blocks[blocks.count - 1].count += last.count
      }
    }
    var place = 0
    for block in blocks {
      for _ in 0..<block.count {
        items[layer[place]].y = block.mean + offsets[place]
        place += 1
      }
    }
  }

  /// From where to where each layer reaches, from left to right.
  func spans(betweenColumns: Double, besidePorts: Double) -> [ClosedRange<Double>] {
    var spans: [ClosedRange<Double>] = []
    var x = 0.0
    for (number, layer) in layers.enumerated() {
      let isPorts = layer.contains { items[$0].kind.isPort }
      if number > 0 {
        let wasPorts = layers[number - 1].contains { items[$0].kind.isPort }
        x += isPorts || wasPorts ? besidePorts : betweenColumns
      }
      let width = layer.map { items[$0].width }.max() ?? 0
      spans.append(x...(x + width))
      x += width
    }
    return spans
  }
}
