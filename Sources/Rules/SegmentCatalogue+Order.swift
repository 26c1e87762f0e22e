extension SegmentCatalogue {
  /// The names so that each follows those it refers to; notes each cycle once, with its path.
  static func dependencyOrder(
    _ names: [String], _ references: [String: [RuleChecker.Reference]], _ faults: FaultList
  ) -> [String] {
    var order: [String] = []
    var state: [String: Visit] = [:]
    for name in names where state[name] == nil {
      walk(from: name, references, &state, &order, faults)
    }
    return order
  }

  private enum Visit { case open, closed }

  /// Depth first with a stack of its own: catalogues may chain a thousand segments.
  private static func walk(
    from root: String, _ references: [String: [RuleChecker.Reference]],
    _ state: inout [String: Visit], _ order: inout [String], _ faults: FaultList
  ) {
    var path: [(name: String, next: Int)] = [(root, 0)]
    state[root] = .open
    while let (name, next) = path.last {
      let targets = references[name] ?? []
      guard next < targets.count else {
        state[name] = .closed
        order.append(name)
        path.removeLast()
        continue
      }
      path[path.count - 1].next += 1
      let target = targets[next]
      switch state[target.name] {
      case nil:
        state[target.name] = .open
        path.append((target.name, 0))
      case .open:
        let start = path.firstIndex { $0.name == target.name } ?? 0
        let cycle = path[start...].map(\.name) + [target.name]
        faults.segment = name
        faults.add(
          "cycle",
          "expected segments without a circle, found "
            + cycle.map { RuleText.visible($0) }.joined(separator: " → "),
          hint: "write one of these rules without the reference", at: target.location)
        faults.segment = nil
      case .closed: break
      }
    }
  }
}
