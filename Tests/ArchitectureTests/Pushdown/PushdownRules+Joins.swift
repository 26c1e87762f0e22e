/// Which relations of a FROM clause lie side by side.
extension PushdownRules {
  mutating func members(of select: SQLSelect, outer: [Member]) -> [Member] {
    var members: [Member] = []
    for relation in select.from {
      let reach: Reach
      switch relation.source {
      case .named(let schema, let name): reach = self.reach(schema: schema, name: name)
      case .function: reach = .everywhere
      case .query(let query):
        reach = check(
          query, outer: relation.isLateral ? outer + members : outer, isSubquery: true)
      }
      members.append(Member(alias: relation.alias, reach: reach))
    }
    return members
  }

  /// What ties the keys of relations together: `a.customer_id = b.customer_id`, USING, a constant.
  struct Ties {
    var sets: [Set<String>] = []

    mutating func tie(_ names: Set<String>) {
      let met = sets.filter { !$0.isDisjoint(with: names) }
      sets.removeAll { !$0.isDisjoint(with: names) }
      sets.append(met.reduce(names) { $0.union($1) })
    }

    func ties(_ names: [String]) -> Bool {
      names.count < 2 || sets.contains { set in names.allSatisfy(set.contains) }
    }
  }

  func ties(_ select: SQLSelect, extra: [SQLNode] = []) -> Ties {
    var ties = Ties()
    let single = select.from.count == 1 ? select.from[0].alias : nil
    var seen: [String] = []
    for relation in select.from {
      if relation.using.contains("customer_id") {
        let owner = seen.last { keyed.contains($0) } ?? seen.first
        if let owner { ties.tie([owner, relation.alias]) }
      }
      seen.append(relation.alias)
      conjuncts(relation.on) { tie($0, &ties, single) }
    }
    conjuncts(select.condition + extra) { tie($0, &ties, single) }
    return ties
  }

  func tie(_ nodes: [SQLNode], _ ties: inout Ties, _ single: String?) {
    guard let sign = nodes.firstIndex(where: { $0.isSign("=") }) else { return }
    func side(_ part: ArraySlice<SQLNode>) -> (owner: String?, constant: String?) {
      let part = Array(part)
      if let owner = part.keyOwner { return (owner.isEmpty ? single ?? "" : owner, nil) }
      // A parameter, a literal or a cast of one.
      if case .token(let token)? = part.first, [.parameter, .number, .string].contains(token.kind),
        part.count == 1 || part[1].isSign("::")
      {
        return (nil, "constant " + token.text)
      }
      return (nil, nil)
    }
    let (left, right) = (side(nodes[..<sign]), side(nodes[(sign + 1)...]))
    switch (left.owner, right.owner) {
    case (let a?, let b?): ties.tie([a, b])
    case (let a?, nil):
      if let constant = right.constant { ties.tie([a, constant]) }
    case (nil, let b?):
      if let constant = left.constant { ties.tie([b, constant]) }
    case (nil, nil): break
    }
  }

  /// The parts of a condition that must all hold; those under OR or NOT are not among them.
  func conjuncts(_ nodes: [SQLNode], _ body: ([SQLNode]) -> Void) {
    if nodes.contains(where: { $0.isWord("or") }) { return }
    var part: [SQLNode] = []
    var between = false
    func end() {
      if part.count == 1, let inner = part[0].nodes, !SQLParser.isQuery(inner) {
        conjuncts(inner, body)
      } else if !part.isEmpty {
        body(part)
      }
      part = []
    }
    for node in nodes {
      if node.isWord("between") { between = true }
      if node.isWord("and"), !between {
        end()
      } else {
        if node.isWord("and") { between = false }
        part.append(node)
      }
    }
    end()
  }

  func isSingleShard(_ select: SQLSelect) -> Bool {
    let shards = select.from.filter { relation in
      switch relation.source {
      case .named(let schema, let name): reach(schema: schema, name: name).isDistributed
      case .function: false
      case .query: true
      }
    }.map(\.alias)
    guard !shards.isEmpty else { return false }
    let ties = ties(select)
    return shards.allSatisfy { alias in
      ties.sets.contains { set in
        set.contains(alias) && set.contains { $0.hasPrefix("constant ") }
      }
    }
  }

  mutating func joins(
    _ select: SQLSelect, _ members: [Member], outer: [Member], extra: [SQLNode] = []
  ) {
    let shards = members.filter(\.reach.isDistributed)
    guard !shards.isEmpty else { return }
    keyed = Set(members.filter(\.reach.isKeyed).map(\.alias))
    let ties = ties(select, extra: extra)
    if !ties.ties(shards.map(\.alias)) {
      let names = shards.map(\.alias).joined(separator: ", ")
      refuse(.joinNotOnKey, "\(names) of \(describe(select)) are not joined on customer_id")
    }
    for member in members where member.reach.isLocal {
      refuse(.localJoin, "\(member.alias) of \(describe(select)) is on the coordinator only")
    }
    var left = false
    for (relation, member) in zip(select.from, members) {
      let right = member.reach.isDistributed
      let lost: Bool =
        switch relation.join {
        case .first, .inner: false
        case .left: right && !left
        case .right: left && !right
        case .full: left != right
        }
      if lost {
        refuse(
          .outerJoinSide, "the kept side of an outer join of \(describe(select)) is not distributed"
        )
      }
      left = left || right
    }
    for (relation, member) in zip(select.from, members)
    where relation.isSample && member.reach.isDistributed {
      refuse(.tableSample, member.alias)
    }
  }
}
