/// A table, view, function or subquery of a FROM clause.
struct SQLRelation {
  enum Source {
    /// A table, view or common table expression, with its schema where it is named.
    case named(schema: String?, name: String)
    case function
    case query(SQLQuery)
  }
  enum Join { case first, inner, left, right, full }

  var source: Source
  /// The name that columns are qualified by.
  var alias: String
  var join: Join
  var isLateral: Bool
  /// The columns of USING.
  var using: [String]
  /// The condition of ON.
  var on: [SQLNode]
  /// TABLESAMPLE.
  var isSample = false
}

/// One SELECT, or the query part of UPDATE, DELETE and MERGE.
struct SQLSelect {
  var distinct = false
  /// The columns of DISTINCT ON; nil without.
  var distinctOn: [[SQLNode]]?
  var items: [[SQLNode]] = []
  /// SELECT … INTO.
  var into = false
  var from: [SQLRelation] = []
  var condition: [SQLNode] = []
  var groupBy: [[SQLNode]] = []
  var having: [SQLNode] = []
  var windows: [SQLNode] = []
  /// Whether a part of FROM could not be read.
  var unread = false
}

/// SELECTs under set operations, with what stands around them.
struct SQLQuery {
  var ctes: [SQLDefinition] = []
  var isRecursive = false
  var selects: [SQLSelect] = []
  var orderBy: [SQLNode] = []
  var hasLimit = false
  var locks = false
}

/// A common table expression.
struct SQLDefinition {
  var name: String
  var isMaterialized: Bool
  var body: SQLStatement
}

/// A statement, as far as the rules look at it.
indirect enum SQLStatement {
  case query(SQLQuery)
  case insert(SQLInsert)
  case update(SQLChange)
  case delete(SQLChange)
  case merge(SQLChange)
  /// Any other statement: its nodes.
  case other([SQLNode])
}

struct SQLInsert {
  var ctes: [SQLDefinition] = []
  var target: SQLRelation
  /// Nil where none are listed.
  var columns: [SQLNode]?
  /// Nil for VALUES.
  var query: SQLQuery?
  var values: [SQLNode] = []
  /// The columns of ON CONFLICT; nil without.
  var conflict: [SQLNode]?
  /// What DO UPDATE sets, with its condition.
  var changes: [SQLNode] = []
}

struct SQLChange {
  var ctes: [SQLDefinition] = []
  /// The target first, then the tables of FROM or USING.
  var select: SQLSelect
  var assignments: [SQLNode] = []
}

/// Finds clauses in the nodes of a statement. It takes valid SQL for granted: PostgreSQL checks
/// that.
struct SQLParser {
  private let nodes: [SQLNode]
  private var place = 0

  private init(_ nodes: [SQLNode]) { self.nodes = nodes }

  static func statement(_ nodes: [SQLNode]) -> SQLStatement {
    var parser = SQLParser(nodes)
    return parser.statement()
  }

  /// Whether a group is a subquery.
  static func isQuery(_ nodes: [SQLNode]) -> Bool {
    guard let first = nodes.first else { return false }
    if let inner = first.nodes, nodes.count == 1 || nodes[1].isSetOperation {
      return isQuery(inner)
    }
    return first.isWord("select") || first.isWord("with") || first.isWord("values")
  }

  private var node: SQLNode? { place < nodes.count ? nodes[place] : nil }
  private func ahead(_ count: Int) -> SQLNode? {
    place + count < nodes.count ? nodes[place + count] : nil
  }

  private mutating func accept(_ words: String...) -> Bool {
    for (offset, word) in words.enumerated() {
      guard let node = ahead(offset), node.isWord(word) else { return false }
    }
    place += words.count
    return true
  }

  private mutating func statement() -> SQLStatement {
    let start = place
    let (ctes, recursive) = with()
    if accept("insert", "into") { return .insert(insert(ctes)) }
    if accept("update") {
      _ = accept("only")
      return .update(update(ctes))
    }
    if accept("delete", "from") { return .delete(change(ctes)) }
    if accept("merge", "into") { return .merge(change(ctes)) }
    if let node,
      node.isWord("select") || node.isWord("values") || node.nodes.map(Self.isQuery) == true
    {
      var query = query()
      query.ctes = ctes
      query.isRecursive = recursive
      return .query(query)
    }
    return .other(Array(nodes[start...]))
  }

  private mutating func with() -> ([SQLDefinition], Bool) {
    guard accept("with") else { return ([], false) }
    let recursive = accept("recursive")
    var ctes: [SQLDefinition] = []
    while let name = node?.name {
      place += 1
      if node?.nodes != nil { place += 1 }
      guard accept("as") else { break }
      let isInline = accept("not")
      let isMaterialized = accept("materialized") && !isInline
      guard let body = node?.nodes else { break }
      ctes.append(
        SQLDefinition(name: name, isMaterialized: isMaterialized, body: Self.statement(body)))
      place += 1
      guard let node, node.isSign(",") else { break }
      place += 1
    }
    return (ctes, recursive)
  }

  // MARK: Queries

  private mutating func query() -> SQLQuery {
    var query = SQLQuery()
    repeat {
      if let inner = node?.nodes {
        var parser = SQLParser(inner)
        if case .query(let part) = parser.statement() {
          query.selects += part.selects
          query.ctes += part.ctes
          query.hasLimit = query.hasLimit || part.hasLimit
        }
        place += 1
      } else {
        query.selects.append(select())
      }
    } while setOperation()
    tail(&query)
    return query
  }

  private mutating func setOperation() -> Bool {
    guard accept("union") || accept("intersect") || accept("except") else { return false }
    _ = accept("all") || accept("distinct")
    return true
  }

  private mutating func tail(_ query: inout SQLQuery) {
    while let node {
      if accept("order", "by") {
        query.orderBy = clause()
      } else if accept("limit") || accept("offset") || accept("fetch") {
        // LIMIT with a bound that may be null is a limit as well.
        query.hasLimit = true
        _ = clause()
      } else if accept("for") {
        query.locks = ["update", "share", "no", "key"].contains(self.node?.name ?? "")
        _ = clause()
      } else {
        _ = node
        place += 1
      }
    }
  }

  private mutating func select() -> SQLSelect {
    var select = SQLSelect()
    if accept("values") {
      _ = clause()
      return select
    }
    place += 1
    _ = accept("all")
    if accept("distinct") {
      select.distinct = true
      if accept("on"), let columns = node?.nodes {
        select.distinctOn = columns.split(",")
        place += 1
      }
    }
    select.items = clause().split(",")
    if accept("into") {
      select.into = true
      _ = clause()
    }
    if accept("from") { from(&select) }
    if accept("where") { select.condition = clause() }
    if accept("group", "by") { select.groupBy = clause().split(",") }
    if accept("having") { select.having = clause() }
    if accept("window") { select.windows = clause() }
    return select
  }

  /// The nodes up to the next clause.
  private mutating func clause() -> [SQLNode] {
    let start = place
    while let node, !isClause(node) { place += 1 }
    return Array(nodes[start..<place])
  }

  private func isClause(_ node: SQLNode) -> Bool {
    guard case .token(let token) = node, token.kind == .word else { return false }
    switch token.text {
    case "from": return !(place > 0 && nodes[place - 1].isWord("distinct") && isComparison)
    case "group", "order": return ahead(1)?.isWord("by") == true
    case "on": return ahead(1)?.isWord("conflict") == true
    case "for": return ["update", "share", "no", "key"].contains(ahead(1)?.name ?? "")
    case "window": return ahead(2)?.isWord("as") == true
    case "fetch": return ["first", "next"].contains(ahead(1)?.name ?? "")
    case "values": return ahead(1)?.nodes != nil
    case "when": return ["matched", "not"].contains(ahead(1)?.name ?? "")
    case "where", "having", "limit", "offset", "union", "intersect", "except", "returning", "into",
      "set", "loop":
      return true
    default: return false
    }
  }

  /// IS [NOT] DISTINCT FROM.
  private var isComparison: Bool {
    guard place >= 2 else { return false }
    return nodes[place - 2].isWord("is") || nodes[place - 2].isWord("not")
  }

  // MARK: FROM

  private mutating func from(_ select: inout SQLSelect) {
    var join = SQLRelation.Join.first
    while place < nodes.count {
      guard var relation = relation(join) else {
        if node?.isHole == true { place += 1 } else { select.unread = true }
        break
      }
      if accept("tablesample") {
        relation.isSample = true
        place += 2
      }
      if accept("using"), let columns = node?.nodes {
        relation.using = columns.compactMap(\.name)
        place += 1
      } else if node?.isWord("on") == true, ahead(1)?.isWord("conflict") != true {
        place += 1
        let start = place
        while let node, !isClause(node), !node.isSign(","), !isJoin { place += 1 }
        relation.on = Array(nodes[start..<place])
      }
      select.from.append(relation)
      guard let next = separator() else { break }
      join = next
    }
    // Fragments of Swift may stand where a clause could.
    while node?.isHole == true { place += 1 }
  }

  private var isJoin: Bool {
    guard let name = node?.name else { return false }
    if name == "join" { return true }
    return ["left", "right", "full", "inner", "cross", "natural"].contains(name)
      && (ahead(1)?.isWord("join") == true || ahead(1)?.isWord("outer") == true)
  }

  private mutating func separator() -> SQLRelation.Join? {
    if let node, node.isSign(",") {
      place += 1
      return .inner
    }
    if accept("join") || accept("inner", "join") || accept("cross", "join") { return .inner }
    // NATURAL joins say nothing of their columns: they count as joins on nothing.
    if accept("natural", "join") { return .inner }
    for (word, join) in [("left", SQLRelation.Join.left), ("right", .right), ("full", .full)] {
      if accept(word, "outer", "join") || accept(word, "join") { return join }
    }
    return nil
  }

  private mutating func relation(_ join: SQLRelation.Join) -> SQLRelation? {
    let lateral = accept("lateral")
    _ = accept("only")
    guard let first = node else { return nil }
    var source: SQLRelation.Source
    var alias = ""
    if let inner = first.nodes {
      place += 1
      guard Self.isQuery(inner), case .query(let query) = Self.statement(inner) else { return nil }
      source = .query(query)
    } else if let name = first.name {
      place += 1
      var schema: String?
      alias = name
      source = .named(schema: nil, name: name)
      if node?.isSign(".") == true, let second = ahead(1)?.name {
        schema = name
        alias = second
        source = .named(schema: schema, name: second)
        place += 2
      }
      if node?.nodes != nil, !isTarget {
        source = .function
        place += 1
        if accept("with", "ordinality") {}
      }
    } else {
      return nil
    }
    if accept("as") {
      alias = node?.name ?? alias
      place += 1
      if node?.nodes != nil, !isTarget { place += 1 }
    } else if let name = node?.name, !Self.reserved.contains(name), !isJoin {
      alias = name
      place += 1
      if node?.nodes != nil, !isTarget { place += 1 }
    }
    return SQLRelation(
      source: source, alias: alias, join: join, isLateral: lateral, using: [], on: [])
  }

  /// Set while the target of an INSERT is read, whose columns look like a function's arguments.
  private var isTarget = false

  private static let reserved: Set<String> = [
    "where", "group", "having", "window", "order", "limit", "offset", "fetch", "for", "union",
    "intersect", "except", "on", "using", "set", "returning", "values", "select", "with", "join",
    "inner", "cross", "natural", "default", "overriding", "tablesample", "loop", "into", "when",
    "from", "do",
  ]

  // MARK: Changes

  private mutating func target() -> SQLRelation {
    isTarget = true
    defer { isTarget = false }
    return relation(.first)
      ?? SQLRelation(
        source: .function, alias: "", join: .first, isLateral: false, using: [], on: [])
  }

  private mutating func insert(_ ctes: [SQLDefinition]) -> SQLInsert {
    var insert = SQLInsert(ctes: ctes, target: target())
    if let columns = node?.nodes, !Self.isQuery(columns) {
      insert.columns = columns
      place += 1
    }
    while accept("overriding") { place += 2 }
    if accept("values") {
      insert.values = clause()
    } else if let node, node.isWord("select") || node.isWord("with") || node.nodes != nil {
      let start = place
      while place < nodes.count, !conflictOrReturning { place += 1 }
      if case .query(let query) = Self.statement(Array(nodes[start..<place])) {
        insert.query = query
      }
    }
    if accept("on", "conflict") {
      insert.conflict = node?.nodes ?? []
      if node?.nodes != nil { place += 1 }
      while let node, !node.isWord("returning") {
        insert.changes.append(node)
        place += 1
      }
    }
    return insert
  }

  private var conflictOrReturning: Bool {
    guard let node else { return true }
    return node.isWord("returning")
      || node.isWord("on") && ahead(1)?.isWord("conflict") == true
  }

  private mutating func update(_ ctes: [SQLDefinition]) -> SQLChange {
    var change = SQLChange(ctes: ctes, select: SQLSelect())
    let target = target()
    if accept("set") { change.assignments = clause() }
    if accept("from") { from(&change.select) }
    // The target joins the others as the first of them.
    if !change.select.from.isEmpty { change.select.from[0].join = .inner }
    change.select.from.insert(target, at: 0)
    if accept("where") { change.select.condition = clause() }
    return change
  }

  /// DELETE FROM and MERGE INTO: target, USING, ON or WHERE.
  private mutating func change(_ ctes: [SQLDefinition]) -> SQLChange {
    var change = SQLChange(ctes: ctes, select: SQLSelect())
    let target = target()
    if accept("using") { from(&change.select) }
    if !change.select.from.isEmpty { change.select.from[0].join = .inner }
    change.select.from.insert(target, at: 0)
    if accept("where") { change.select.condition = clause() }
    while place < nodes.count, !nodes[place].isWord("returning") {
      change.assignments.append(nodes[place])
      place += 1
    }
    return change
  }
}

extension SQLNode {
  var isSetOperation: Bool { isWord("union") || isWord("intersect") || isWord("except") }
}

extension [SQLNode] {
  /// The parts between a sign at this level.
  func split(_ sign: String) -> [[SQLNode]] {
    split { $0.isSign(sign) }.map(Array.init)
  }

  /// Whether this is the column customer_id, qualified or not, and nothing else (but its name).
  var isKey: Bool { keyOwner != nil }

  /// The qualifier of the column customer_id ("" without one), where this is that column.
  var keyOwner: String? {
    var nodes = self
    if nodes.count >= 2, nodes[nodes.count - 2].isWord("as") { nodes.removeLast(2) }
    if nodes.count == 1, nodes[0].name == "customer_id" { return "" }
    if nodes.count == 3, nodes[1].isSign("."), nodes[2].name == "customer_id" {
      return nodes[0].name
    }
    return nil
  }
}
