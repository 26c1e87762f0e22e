import Warehouse

/// Statements that change rows or definitions.
extension PushdownRules {
  mutating func check(_ insert: SQLInsert) {
    define(insert.ctes, recursive: false)
    let isDistributed = isDistributed(insert.target)
    let name = describe(insert.target)
    if isDistributed {
      if let columns = insert.columns,
        !columns.contains(where: { $0.name == "customer_id" || $0.isHole })
      {
        refuse(.insertWithoutKey, "INSERT INTO \(name) without customer_id")
      }
      if Self.holdsQuery(insert.values) {
        refuse(.subqueryInValues, "a subquery in the VALUES of \(name)")
      }
      if let conflict = insert.conflict, !conflict.isEmpty,
        !conflict.contains(where: { $0.name == "customer_id" || $0.isHole })
      {
        refuse(.conflictWithoutKey, "ON CONFLICT without customer_id on \(name)")
      }
      changes(insert.changes, of: name)
    } else {
      subqueries(of: insert.values, scope: [], outer: [])
    }
    guard let query = insert.query else { return }
    let reach = check(query, outer: [], isSubquery: false)
    guard isDistributed, reach.isDistributed, !query.selects.allSatisfy(isSingleShard) else {
      return
    }
    // Rows that stay on their shard: the key of the target is the key of the source.
    let place = insert.columns?.split { $0.isSign(",") }
      .firstIndex { $0.count == 1 && $0.first?.name == "customer_id" }
    for select in query.selects {
      let key = place.flatMap { select.items.indices.contains($0) ? select.items[$0] : nil }
      if key?.isKey != true, key?.contains(where: \.isHole) != true {
        refuse(
          .insertNotColocated, "\(name).customer_id is not the customer_id of \(describe(select))")
      }
      let grouped = select.groupBy.map { ordinal($0, select) }
      if !grouped.isEmpty, !grouped.contains(where: { $0.isKey || $0.contains(where: \.isHole) }) {
        refuse(.insertNotColocated, "INSERT INTO \(name) groups \(describe(select)) otherwise")
      }
    }
    if query.hasLimit { refuse(.insertNotColocated, "INSERT INTO \(name) with LIMIT or OFFSET") }
  }

  mutating func check(_ change: SQLChange, verb: String) {
    define(change.ctes, recursive: false)
    let select = change.select
    let target = select.from[0]
    let members = members(of: select, outer: [])
    joins(select, members, outer: [])
    for part in [select.condition, change.assignments] + select.from.map(\.on) {
      subqueries(of: part, scope: members, outer: [])
    }
    if members.contains(where: \.reach.isDistributed), Self.names("ctid", in: select.condition) {
      refuse(.rowAddress, "ctid over \(describe(select)): each shard has its own")
    }
    if isDistributed(target) {
      changes(change.assignments, of: describe(target))
      volatile(select.condition, describe(target))
    } else if members.dropFirst().contains(where: \.reach.isDistributed) {
      // The join itself may be refused as well; this one names the cause.
      refusals.removeAll { $0.rule == .localJoin && $0.detail.hasPrefix(target.alias + " ") }
      refuse(.pulled, "\(verb) of \(describe(target)) brings rows of \(describe(select)) to it")
    }
  }

  mutating func checkMerge(_ change: SQLChange) {
    define(change.ctes, recursive: false)
    let select = change.select
    let members = members(of: select, outer: [])
    // ON stands after the source: the parser leaves it with the source's relation.
    joins(select, members, outer: [])
    if isDistributed(select.from[0]), !members.dropFirst().allSatisfy(\.reach.isDistributed) {
      refuse(
        .mergeSource, "MERGE INTO \(describe(select.from[0])) from a table that is not distributed")
    }
  }

  private mutating func changes(_ nodes: [SQLNode], of name: String) {
    for (place, node) in nodes.enumerated() where node.name == "customer_id" {
      let before = place == 0 ? nil : nodes[place - 1]
      let isTarget = before == nil || before?.isSign(",") == true || before?.isWord("set") == true
      if isTarget, place + 1 < nodes.count, nodes[place + 1].isSign("=") {
        refuse(.changedKey, "customer_id of \(name) is changed")
      }
    }
    volatile(nodes, name)
  }

  private mutating func volatile(_ nodes: [SQLNode], _ name: String) {
    for (place, node) in nodes.enumerated() {
      if let inner = node.nodes {
        volatile(inner, name)
      } else if let function = node.name, Self.volatile.contains(function), place + 1 < nodes.count,
        nodes[place + 1].nodes != nil
      {
        refuse(.volatileChange, "\(function)() in a change of \(name)")
      }
    }
  }

  static func holdsQuery(_ nodes: [SQLNode]) -> Bool {
    nodes.contains { node in
      node.nodes.map { SQLParser.isQuery($0) || holdsQuery($0) } ?? false
    }
  }

  func isDistributed(_ relation: SQLRelation) -> Bool {
    guard case .named(let schema, let name) = relation.source else { return false }
    return reach(schema: schema, name: name).isDistributed
  }

  func describe(_ relation: SQLRelation) -> String {
    if case .named(let schema?, let name) = relation.source { return "\(schema).\(name)" }
    return relation.alias
  }

  // MARK: Definitions

  mutating func checkDefinition(_ nodes: [SQLNode]) {
    let words = nodes.map { $0.name ?? "" }
    switch words.first {
    case "copy":
      if nodes.count > 1, let query = nodes[1].nodes, SQLParser.isQuery(query) { check(query) }
    case "prepare", "declare", "explain":
      if let start = words.firstIndex(where: {
        ["select", "with", "insert", "update", "delete"].contains($0)
      }) {
        check(Array(nodes[start...]))
      }
    case "do":
      for node in nodes { body(of: node) }
    case "create": create(nodes, words)
    case "alter": alter(nodes, words)
    case "comment", "drop", "grant", "revoke", "truncate", "analyze", "vacuum", "lock", "set",
      "reset", "show", "begin", "commit", "listen", "notify", "refresh":
      break
    default:
      // A fragment: a condition, a list. Its subqueries belong to a statement over big tables.
      subqueries(
        of: nodes, scope: [Member(alias: "", reach: .distributed(keyed: true))], outer: [])
      for (place, word) in words.enumerated()
      where ["from", "join", "into", "update"].contains(word) {
        if let table = table(nodes, at: place + 1),
          reach(schema: table.schema, name: table.name)
            .isDistributed
        {
          refuse(
            .unread, "a fragment that names \(table.schema).\(table.name): write one statement")
        }
      }
    }
  }

  /// The table that a name at a place says, and the place after it.
  private func table(
    _ nodes: [SQLNode], at place: Int
  ) -> (schema: String, name: String, end: Int)? {
    guard place + 2 < nodes.count, let schema = nodes[place].name, nodes[place + 1].isSign("."),
      let name = nodes[place + 2].name
    else { return nil }
    return (schema, name, place + 3)
  }

  private mutating func create(_ nodes: [SQLNode], _ words: [String]) {
    let kinds = Set(words.prefix(6))
    if kinds.contains("function") || kinds.contains("procedure") {
      function(nodes, words)
    } else if kinds.contains("view") {
      guard let start = words.firstIndex(of: "view"), let body = words.firstIndex(of: "as"),
        case .query(let query) = SQLParser.statement(Array(nodes[(body + 1)...]))
      else { return }
      let reach = check(query, outer: [], isSubquery: true)
      if let table = table(nodes, at: start + 1) {
        views["\(table.schema).\(table.name)"] = reach
      }
    } else if kinds.contains("trigger") || kinds.contains("rule") {
      let isRule = kinds.contains("rule")
      for (place, word) in words.enumerated() where word == "on" || word == "to" {
        if let table = table(nodes, at: place + 1),
          reach(schema: table.schema, name: table.name)
            .isDistributed
        {
          refuse(isRule ? .rule : .trigger, "\(table.schema).\(table.name)")
        }
      }
    } else if kinds.contains("index") {
      guard words.contains("unique"), let on = words.firstIndex(of: "on"),
        let table = table(nodes, at: words[on + 1] == "only" ? on + 2 : on + 1)
      else { return }
      unique(table.schema, table.name, nodes[table.end...].compactMap(\.nodes).first ?? [])
    } else if kinds.contains("table") {
      createTable(nodes, words)
    }
  }

  private mutating func createTable(_ nodes: [SQLNode], _ words: [String]) {
    if let start = words.firstIndex(of: "as"), start + 1 < nodes.count {
      let query = nodes[start + 1].nodes ?? Array(nodes[(start + 1)...])
      guard case .query(let parsed) = SQLParser.statement(query) else { return }
      if check(parsed, outer: [], isSubquery: false).isDistributed {
        refuse(
          .createTableAs,
          "CREATE TABLE AS over \(parsed.selects.map(describe).joined(separator: ", "))")
      }
      return
    }
    guard var start = words.firstIndex(of: "table") else { return }
    if words.dropFirst(start + 1).first == "if" { start += 3 }
    guard let table = table(nodes, at: start + 1), table.end < nodes.count,
      let columns = nodes[table.end].nodes
    else { return }
    for column in columns.split(",") { key(column, of: table.schema, table.name) }
  }

  /// A column or constraint of a distributed table that is unique without customer_id.
  private mutating func key(_ nodes: [SQLNode], of schema: String, _ name: String) {
    let words = nodes.map { $0.name ?? "" }
    guard
      let place = words.firstIndex(where: { $0 == "primary" || $0 == "unique" || $0 == "exclude" })
    else { return }
    if words[place] != "exclude", let columns = nodes[place...].compactMap(\.nodes).first,
      ["primary", "unique", "constraint"].contains(words[0])
    {
      unique(schema, name, columns)
    } else if words[place] != "exclude" {
      unique(schema, name, [nodes[0]])
    } else {
      unique(schema, name, nodes[place...].compactMap(\.nodes).first ?? [])
    }
  }

  private mutating func unique(_ schema: String, _ name: String, _ columns: [SQLNode]) {
    guard reach(schema: schema, name: name).isDistributed else { return }
    if !columns.contains(where: { $0.name == "customer_id" || $0.isHole }) {
      refuse(.uniqueWithoutKey, "\(schema).\(name)")
    }
  }

  private mutating func alter(_ nodes: [SQLNode], _ words: [String]) {
    guard words.dropFirst().first == "table" else { return }
    var start = 2
    while ["if", "exists", "only"].contains(words.dropFirst(start).first) { start += 1 }
    guard let table = table(nodes, at: start),
      reach(schema: table.schema, name: table.name)
        .isDistributed
    else { return }
    for action in Array(nodes[table.end...]).split(",") {
      let verbs = action.map { $0.name ?? "" }
      if verbs.first == "rename", verbs.dropFirst().first == "to" {
        refuse(.renameSwap, "\(table.schema).\(table.name)")
      } else if verbs.first == "add" {
        var rest = Array(action.dropFirst())
        if rest.first?.isWord("column") == true { rest.removeFirst() }
        key(rest, of: table.schema, table.name)
      }
    }
  }

  private mutating func function(_ nodes: [SQLNode], _ words: [String]) {
    let language = words.firstIndex(of: "language").flatMap {
      $0 + 1 < words.count ? words[$0 + 1] : nil
    }
    let found = refusals
    let bodies = nodes.filter {
      if case .token(let token) = $0 {
        token.kind == .string && token.text.count > 6
      } else {
        false
      }
    }
    if language == "plpgsql" {
      for node in bodies { body(of: node) }
      return
    }
    guard language == "sql" else { return }
    let hasParameters = nodes.first { $0.nodes != nil }?.nodes?.isEmpty == false
    for case .token(let token) in bodies {
      for statement in SQLLexer.statements(token.text) {
        if hasParameters, names(statement) {
          refusals = found
          refuse(.sqlFunction, "a function in SQL with parameters over a distributed table")
        }
      }
    }
  }

  /// Whether a distributed table is named, at any depth.
  private func names(_ nodes: [SQLNode]) -> Bool {
    nodes.indices.contains { place in
      if let inner = nodes[place].nodes { return names(inner) }
      return table(nodes, at: place).map { reach(schema: $0.schema, name: $0.name).isDistributed }
        ?? false
    }
  }

  /// The statements of a PL/pgSQL body, each from its verb on.
  private mutating func body(of node: SQLNode) {
    guard case .token(let token) = node, token.kind == .string else { return }
    let verbs: Set<String> = [
      "select", "insert", "update", "delete", "with", "copy", "create", "alter", "merge", "perform",
    ]
    for statement in SQLLexer.statements(token.text) {
      guard let start = statement.firstIndex(where: { verbs.contains($0.name ?? "") }) else {
        continue
      }
      var rest = Array(statement[start...])
      if rest[0].isWord("perform") { rest[0] = .token(SQLToken(kind: .word, text: "select")) }
      // SELECT … INTO sets variables there.
      let found = refusals.contains { $0.rule == .selectInto }
      check(rest)
      if !found { refusals.removeAll { $0.rule == .selectInto } }
    }
  }
}
