/// Subqueries in expressions: correlated, or fetched before.
extension PushdownRules {
  mutating func subqueries(of nodes: [SQLNode], scope: [Member], outer: [Member]) {
    for (place, node) in nodes.enumerated() {
      guard let inner = node.nodes else { continue }
      guard SQLParser.isQuery(inner), case .query(let query) = SQLParser.statement(inner) else {
        subqueries(of: inner, scope: scope, outer: outer)
        continue
      }
      subquery(query, inner, before: Array(nodes[..<place]), scope: scope, outer: outer)
    }
  }

  mutating func subquery(
    _ query: SQLQuery, _ nodes: [SQLNode], before: [SQLNode], scope: [Member], outer: [Member]
  ) {
    let around = outer + scope
    let inside = Set(query.selects.flatMap { $0.from.map(\.alias) })
    let named = Self.qualifiers(in: nodes).subtracting(inside)
    let correlated = around.filter { named.contains($0.alias) }
    let found = refusals.count
    let reach = check(query, outer: around, isSubquery: true)
    let isOuterDistributed = around.contains(where: \.reach.isDistributed)
    let holdsShards =
      reach.isDistributed
      || query.selects.contains { select in
        select.from.contains { relation in
          if case .named(let schema, let name) = relation.source {
            return self.reach(schema: schema, name: name).isDistributed
          }
          return false
        }
      }
    if correlated.isEmpty {
      // One row may be fetched before the rest is asked; a list must be the shards' own.
      let isKeyList =
        before.suffix(4).contains { $0.isWord("in") || $0.isWord("any") }
        && query.selects.allSatisfy { $0.items.first?.isKey == true }
        && before.contains { $0.name == "customer_id" } && isOuterDistributed
      if reach.isDistributed, !isKeyList, !query.selects.allSatisfy({ isSingleShard($0) }) {
        refuse(
          .pulled,
          "a subquery brings rows of \(query.selects.map(describe).joined(separator: ", "))"
            + " to the coordinator")
      }
      return
    }
    if holdsShards {
      // The subquery runs beside the outer rows only where their keys are equal.
      let tied = query.selects.allSatisfy { select in
        let ties = ties(select)
        let inner = members(named: select)
        return inner.allSatisfy { alias in
          correlated.contains { $0.reach.isDistributed && ties.ties([alias, $0.alias]) }
        }
      }
      if !tied {
        refusals.removeSubrange(min(found, refusals.count)...)
        refuse(
          .correlated,
          "a subquery over \(query.selects.map(describe).joined(separator: ", ")) is not "
            + "correlated on customer_id")
      }
    } else if reach.isLocal, isOuterDistributed {
      refuse(
        .correlated,
        "a subquery over \(query.selects.map(describe).joined(separator: ", ")), on the "
          + "coordinator only, is correlated with a distributed table")
    }
  }

  func members(named select: SQLSelect) -> [String] {
    select.from.filter { relation in
      if case .named(let schema, let name) = relation.source {
        return reach(schema: schema, name: name).isDistributed
      }
      return false
    }.map(\.alias)
  }

  /// The names before a dot, at any depth.
  static func qualifiers(in nodes: [SQLNode]) -> Set<String> {
    var names: Set<String> = []
    for (place, node) in nodes.enumerated() {
      if let inner = node.nodes {
        names.formUnion(qualifiers(in: inner))
      } else if let name = node.name, place + 1 < nodes.count, nodes[place + 1].isSign(".") {
        names.insert(name)
      }
    }
    return names
  }
}
