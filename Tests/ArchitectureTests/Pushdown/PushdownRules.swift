import Warehouse

/// What Citus cannot push down to the shards, found in a statement.
struct Refusal: Equatable, CustomStringConvertible {
  enum Rule: String {
    case createTableAs = "create_table_as"
    case selectInto = "select_into"
    case renameSwap = "rename_swap"
    case uniqueWithoutKey = "unique_without_key"
    case trigger
    case rule
    case sqlFunction = "sql_function"
    case joinNotOnKey = "join_not_on_key"
    case localJoin = "local_join"
    case outerJoinSide = "outer_join_side"
    case correlated
    case pulled
    case globalWindow = "global_window"
    case groupingSets = "grouping_sets"
    case tableSample = "table_sample"
    case recursive
    case forUpdate = "for_update"
    case subqueryLimit = "subquery_limit"
    case subqueryGroup = "subquery_group"
    case subqueryDistinct = "subquery_distinct"
    case setOperation = "set_operation"
    case insertWithoutKey = "insert_without_key"
    case insertNotColocated = "insert_not_colocated"
    case subqueryInValues = "subquery_in_values"
    case conflictWithoutKey = "conflict_without_key"
    case changedKey = "changed_key"
    case volatileChange = "volatile_change"
    case rowAddress = "row_address"
    case mergeSource = "merge_source"
    case unread
  }

  let rule: Rule
  let detail: String
  var description: String { "\(rule.rawValue): \(detail)" }
}

/// Checks statements against what Citus 12 and 13 push down, by the placement of their tables.
///
/// Sources: Citus documentation, "SQL Support and Workarounds" and "Ingesting, Modifying Data";
/// trials by hand with Citus 13.0.5. Stricter than Citus where Citus would answer by pulling rows
/// of a big table to the coordinator: that works, and does not grow.
/// Temporary tables of a session, CTEs that change data and functions travel to the workers as
/// intermediate results, like small reference tables; local tables do not, for ours are big.
struct PushdownRules {
  /// How far the rows of a relation are from the shards.
  enum Reach {
    /// In shards; `keyed` where the column customer_id can be asked for, `bounded` where a list of
    /// customers says which rows.
    case distributed(keyed: Bool, bounded: Bool = false)
    /// On every node, or sent there: reference and staging tables, functions, one-row subqueries.
    case everywhere
    /// On the coordinator.
    case local

    var isDistributed: Bool {
      if case .distributed = self { true } else { false }
    }
    var isKeyed: Bool {
      if case .distributed(true, _) = self { true } else { false }
    }
    var isBounded: Bool {
      if case .distributed(_, true) = self { true } else { false }
    }
    var isLocal: Bool {
      if case .local = self { true } else { false }
    }
  }

  /// A relation as a scope sees it.
  struct Member {
    let alias: String
    let reach: Reach
  }

  /// Views over distributed tables, by `schema.name`; filled by ``check(_:)`` from CREATE VIEW.
  var views: [String: Reach] = [:]
  var refusals: [Refusal] = []
  /// Aliases of the select under check whose relation has customer_id.
  var keyed: Set<String> = []
  /// Common table expressions in sight.
  private var ctes: [String: Reach] = [:]

  static let aggregates: Set<String> = [
    "count", "sum", "min", "max", "avg", "array_agg", "string_agg", "bool_or", "bool_and", "every",
    "json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg", "jsonb_merge", "stddev",
    "variance", "percentile_cont", "percentile_disc", "mode",
  ]
  static let volatile: Set<String> = [
    "random", "clock_timestamp", "timeofday", "nextval", "setval", "gen_random_uuid",
    "pg_advisory_xact_lock", "pg_advisory_lock",
  ]

  init() {}

  /// What a text's statements are refused for.
  static func refusals(of text: String, after definitions: String = "") -> [Refusal] {
    var rules = PushdownRules()
    rules.check(definitions)
    rules.refusals = []
    rules.check(text)
    return rules.refusals
  }

  /// Checks every statement of a text; views that it creates are known from then on.
  mutating func check(_ text: String) {
    for statement in SQLLexer.statements(text) where !statement.isEmpty { check(statement) }
  }

  /// Empties ``refusals`` and returns what was in it.
  mutating func take() -> [Refusal] {
    defer { refusals = [] }
    return refusals
  }

  mutating func refuse(_ rule: Refusal.Rule, _ detail: String) {
    let refusal = Refusal(rule: rule, detail: detail)
    if !refusals.contains(refusal) { refusals.append(refusal) }
  }

  mutating func check(_ nodes: [SQLNode]) {
    let outside = ctes
    defer { ctes = outside }
    _ = check(SQLParser.statement(nodes))
  }

  /// Checks a statement and says how its rows stand, for a CTE's name.
  @discardableResult
  private mutating func check(_ statement: SQLStatement) -> Reach {
    switch statement {
    case .query(let query):
      return check(query, outer: [], isSubquery: false)
    case .insert(let insert):
      check(insert)
    case .update(let change):
      check(change, verb: "UPDATE")
    case .delete(let change):
      check(change, verb: "DELETE")
    case .merge(let change):
      checkMerge(change)
    case .other(let nodes):
      checkDefinition(nodes)
    }
    return .everywhere
  }

  mutating func define(
    _ definitions: [SQLDefinition], recursive: Bool
  ) {
    for definition in definitions {
      let (name, body) = (definition.name, definition.body)
      if recursive { ctes[name] = .everywhere }
      let reach: Reach
      if case .query(let query) = body {
        reach = check(query, outer: [], isSubquery: true)
        if recursive, reach.isDistributed { refuse(.recursive, "recursive CTE \(name)") }
      } else {
        reach = check(body)
      }
      // Fetched once and sent to the workers: good for the rows of listed customers.
      ctes[name] = definition.isMaterialized && reach.isBounded ? .everywhere : reach
    }
  }

  // MARK: Names

  func reach(schema: String?, name: String) -> Reach {
    guard let schema else { return ctes[name] ?? .everywhere }
    if schema == "pg_temp" { return .everywhere }
    if let view = views["\(schema).\(name)"] { return view }
    if schema == "audience" { return .distributed(keyed: true) }
    return switch TablePlacement.kind(schema: schema, name: name) {
    case .distributed: .distributed(keyed: true)
    case .reference: .everywhere
    case .local: .local
    case nil: .everywhere
    }
  }

  // MARK: Queries

  /// - Parameters:
  ///   - outer: the relations of the queries around it.
  ///   - isSubquery: whether its rows go on into another query on the shards.
  mutating func check(_ query: SQLQuery, outer: [Member], isSubquery: Bool) -> Reach {
    let outside = ctes
    defer { ctes = outside }
    define(query.ctes, recursive: query.isRecursive)
    var reaches: [Reach] = []
    for select in query.selects {
      reaches.append(
        check(
          select, outer: outer, isSubquery: isSubquery || query.selects.count > 1,
          orderBy: query.orderBy, locks: query.locks))
    }
    let distributed = reaches.filter(\.isDistributed)
    guard !distributed.isEmpty else {
      return reaches.contains(where: \.isLocal) ? .local : .everywhere
    }
    if query.selects.count > 1, !reaches.allSatisfy(\.isKeyed) {
      refuse(
        .setOperation, "set operation over a distributed table without customer_id in each part")
    }
    if isSubquery, query.hasLimit, !query.selects.allSatisfy({ isSingleShard($0) }) {
      refuse(.subqueryLimit, "LIMIT or OFFSET in a subquery over a distributed table")
    }
    return .distributed(
      keyed: reaches.allSatisfy(\.isKeyed), bounded: distributed.allSatisfy(\.isBounded))
  }

  private mutating func check(
    _ select: SQLSelect, outer: [Member], isSubquery: Bool, orderBy: [SQLNode] = [],
    locks: Bool = false
  ) -> Reach {
    if select.unread { refuse(.unread, "a FROM clause that the parser cannot read") }
    let members = members(of: select, outer: outer)
    let shards = members.filter(\.reach.isDistributed)
    joins(select, members, outer: outer)
    let parts =
      select.items + select.groupBy + (select.distinctOn ?? []) + [
        select.condition, select.having, select.windows, orderBy,
      ] + select.from.map(\.on)
    for part in parts { subqueries(of: part, scope: members, outer: outer) }
    guard !shards.isEmpty else {
      return members.contains(where: \.reach.isLocal) ? .local : .everywhere
    }
    let rows = describe(select)
    if select.into { refuse(.selectInto, "SELECT INTO over \(shards[0].alias)") }
    if isSingleShard(select) { return reach(of: select, members) }
    if locks { refuse(.forUpdate, "FOR UPDATE or SHARE over more than one shard (\(rows))") }
    windows(select, orderBy)
    let grouped = select.groupBy.map { ordinal($0, select) }
    if grouped.contains(where: Self.isGroupingSet) {
      refuse(.groupingSets, "grouping sets over \(rows)")
    }
    let byKey = grouped.contains { $0.isKey || $0.contains(where: \.isHole) }
    let aggregated = (select.items + [select.having]).contains(where: Self.aggregates(in:))
    if isSubquery, !grouped.isEmpty, !byKey {
      refuse(.subqueryGroup, "GROUP BY without customer_id in a subquery over \(rows)")
    }
    if isSubquery, let columns = select.distinctOn, !columns.contains(where: \.isKey) {
      refuse(.subqueryDistinct, "DISTINCT ON without customer_id in a subquery over \(rows)")
    } else if isSubquery, select.distinct, select.distinctOn == nil,
      !select.items.contains(where: \.isKey)
    {
      refuse(.subqueryDistinct, "DISTINCT without customer_id in a subquery over \(rows)")
    }
    for part in parts where Self.names("ctid", in: part) {
      refuse(.rowAddress, "ctid over \(rows): each shard has its own")
    }
    if aggregated, grouped.isEmpty { return .everywhere }
    return reach(of: select, members)
  }

  private func reach(of select: SQLSelect, _ members: [Member]) -> Reach {
    var lists: Set<String> = []
    conjuncts(select.condition) { nodes in
      guard let sign = nodes.firstIndex(where: { $0.isSign("=") }), sign + 1 < nodes.count,
        nodes[sign + 1].isWord("any"), let owner = Array(nodes[..<sign]).keyOwner
      else { return }
      lists.insert(owner.isEmpty ? members.first?.alias ?? "" : owner)
    }
    let shards = members.filter(\.reach.isDistributed)
    let bounded = shards.filter { $0.reach.isBounded || lists.contains($0.alias) }
    // Those that are joined on customer_id are bounded by each other.
    let ties = ties(select)
    let isBounded = shards.allSatisfy { shard in
      bounded.contains { $0.alias == shard.alias || ties.ties([$0.alias, shard.alias]) }
    }
    return .distributed(
      keyed: select.items.contains { $0.isKey || $0.contains { $0.isHole || $0.isSign("*") } },
      bounded: isBounded)
  }

  /// Whether a name stands in nodes, at any depth.
  static func names(_ name: String, in nodes: [SQLNode]) -> Bool {
    nodes.contains { $0.name == name || $0.nodes.map { names(name, in: $0) } == true }
  }

  func describe(_ select: SQLSelect) -> String {
    select.from.map { relation in
      if case .named(let schema?, let name) = relation.source { return "\(schema).\(name)" }
      return relation.alias
    }.joined(separator: ", ")
  }

  /// `GROUP BY 2` is the second column.
  func ordinal(_ nodes: [SQLNode], _ select: SQLSelect) -> [SQLNode] {
    guard nodes.count == 1, case .token(let token) = nodes[0], token.kind == .number,
      let place = Int(token.text), select.items.indices.contains(place - 1)
    else { return nodes }
    return select.items[place - 1]
  }

  private static func isGroupingSet(_ nodes: [SQLNode]) -> Bool {
    nodes.contains { $0.isWord("rollup") || $0.isWord("cube") || $0.isWord("sets") }
  }

  /// Whether an aggregate is called, outside of subqueries and window functions.
  static func aggregates(in nodes: [SQLNode]) -> Bool {
    for (place, node) in nodes.enumerated() {
      if let inner = node.nodes {
        if !SQLParser.isQuery(inner), aggregates(in: inner) { return true }
      } else if let name = node.name, aggregates.contains(name), place + 1 < nodes.count,
        nodes[place + 1].nodes != nil
      {
        var next = place + 2
        if next < nodes.count, nodes[next].isWord("filter") { next += 2 }
        if next >= nodes.count || !nodes[next].isWord("over") { return true }
      }
    }
    return false
  }

  private mutating func windows(_ select: SQLSelect, _ orderBy: [SQLNode]) {
    func partitions(_ nodes: [SQLNode]) -> Bool {
      guard let start = nodes.firstIndex(where: { $0.isWord("partition") }) else { return false }
      let end = nodes[start...].firstIndex {
        ["order", "rows", "range", "groups"].contains($0.name)
      }
      return Array(nodes[(start + 2)..<(end ?? nodes.count)]).split(",").contains(where: \.isKey)
    }
    func scan(_ nodes: [SQLNode]) {
      for (place, node) in nodes.enumerated() {
        if node.isWord("over"), place + 1 < nodes.count {
          var window = nodes[place + 1].nodes ?? []
          if let name = nodes[place + 1].name,
            let definition = select.windows.firstIndex(where: { $0.name == name }),
            definition + 2 < select.windows.count
          {
            window = select.windows[definition + 2].nodes ?? []
          }
          if !partitions(window) {
            refuse(
              .globalWindow, "a window without PARTITION BY customer_id over \(describe(select))")
          }
        } else if let inner = node.nodes, !SQLParser.isQuery(inner) {
          scan(inner)
        }
      }
    }
    for item in select.items + [orderBy] { scan(item) }
  }
}
