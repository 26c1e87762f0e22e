import Diagnostics
import Schedules
import Yams

/// Compiles a source's mapping, totals and contract into a ``RowPlan``.
struct PlanBuilder {
  let reader: CatalogueReader
  private var compiler: ExpressionCompiler
  private let currency: String
  private(set) var plan: RowPlan
  /// Mapped fields by name, which contracts see before the columns.
  private var mapped: [String: Operand] = [:]

  init(reader: CatalogueReader, columns: [RowPlan.Column], zone: Zone, currency: String) {
    self.reader = reader
    self.currency = currency
    var names: [String: Operand] = [:]
    for (index, column) in columns.enumerated() {
      names[column.name] = Operand(register: index, type: column.type.value)
    }
    names["_line"] = Operand(register: columns.count, type: .number(scale: 0))
    compiler = ExpressionCompiler(columns: names, registers: columns.count + 1, zone: zone)
    plan = RowPlan(
      columns: columns, instructions: [], constants: [], registers: columns.count + 1,
      lineRegister: columns.count, fields: RowPlan.Fields(), checks: [], tableChecks: [],
      totals: [], watermark: nil)
  }

  /// Keeps the compiler's steps in the plan.
  private mutating func store() {
    plan.instructions = compiler.instructions
    plan.constants = compiler.constants
    plan.registers = compiler.registers
  }

  /// The operand of a scalar's expression; problems are noted.
  mutating func compile(_ node: Node, _ what: String) -> Operand? {
    guard let text = reader.text(node, of: what) else { return nil }
    defer { store() }
    do throws(ExpressionFault) {
      return try compiler.compile(try ExpressionParser.parse(text))
    } catch {
      reader.note(error, at: node)
      return nil
    }
  }

  // MARK: Mapping

  private static let eventFields = [
    "event_id", "kind", "customer", "occurred_at", "item", "quantity", "amount", "currency",
    "properties", "order", "profile",
  ]
  private static let customerFields = ["customer", "first_seen_at", "profile", "valid_from"]
  private static let mergeFields = ["from", "to", "merged_at"]

  /// The fields of a destination, the required ones first, with how many those are.
  private static func fields(
    of destination: SourceDefinition.Destination
  ) -> (known: [String], required: Int) {
    switch destination {
    case .events: (eventFields, 4)
    case .customers: (customerFields, 1)
    case .merges: (mergeFields, 3)
    }
  }

  /// Compiles `map:`.
  mutating func map(_ node: Node, into destination: SourceDefinition.Destination) {
    let isEvents = destination == .events
    let (known, required) = Self.fields(of: destination)
    let nodes = reader.fields(node, of: "map", known: known)
    for name in known.prefix(required) where nodes[name] == nil {
      reader.note(
        "inputs.missing_mapping", "expected '\(name)' in map, found none",
        hint: name == "event_id" ? "it tells a repeated delivery from a new event" : nil, at: node)
    }
    for name in known {
      guard let value = nodes[name] else { continue }
      switch name {
      case "properties": plan.fields.properties = properties(value, name)
      case "profile" where isEvents: plan.fields.profile = properties(value, name)
      case "profile": plan.fields.properties = properties(value, name)
      default: field(name, value)
      }
    }
    if isEvents, nodes["amount"] != nil, nodes["currency"] == nil {
      plan.fields.currency = compiler.constant(.text(Array(currency.utf8)), .text).register
    }
    store()
  }

  private mutating func field(_ name: String, _ node: Node) {
    guard let operand = compile(node, name) else { return }
    switch name {
    case "event_id": plan.fields.eventID = text(operand, name)
    case "customer", "from": plan.fields.customer = text(operand, name)
    case "to": plan.fields.target = text(operand, name)
    case "order": plan.fields.order = text(operand, name)
    case "item": plan.fields.item = text(operand, name)
    case "kind": plan.fields.kind = plain(operand, .text, name, node)?.register
    case "currency": plan.fields.currency = plain(operand, .text, name, node)?.register
    case "occurred_at", "first_seen_at", "merged_at", "valid_from": time(operand, name, node)
    case "quantity", "amount": number(operand, name, node)
    default: break
    }
    store()
  }

  private mutating func text(_ operand: Operand, _ name: String) -> Int {
    let text = compiler.text(of: operand)
    mapped[name] = text
    return text.register
  }

  private mutating func plain(
    _ operand: Operand, _ type: ValueType, _ name: String, _ node: Node
  ) -> Operand? {
    guard operand.type == type || operand.type == .null else {
      mismatch(name, type.name, operand, node)
      return nil
    }
    mapped[name] = operand
    return operand
  }

  private mutating func time(_ operand: Operand, _ name: String, _ node: Node) {
    guard operand.type == .timestamp || operand.type == .date else {
      return mismatch(name, "a timestamp or date", operand, node)
    }
    mapped[name] = operand
    if name == "valid_from" { plan.fields.validFrom = operand } else { plan.fields.time = operand }
  }

  private mutating func number(_ operand: Operand, _ name: String, _ node: Node) {
    guard case .number(let scale) = operand.type else {
      return mismatch(name, "a number", operand, node)
    }
    mapped[name] = operand
    let number = RowPlan.Number(register: operand.register, scale: scale)
    if name == "amount" { plan.fields.amount = number } else { plan.fields.quantity = number }
  }

  private func mismatch(_ name: String, _ wanted: String, _ found: Operand, _ node: Node) {
    reader.note(
      "inputs.type_mismatch", "\(name) expects \(wanted), found \(found.type.name)",
      hint: found.type == .text ? "declare the column's type in 'columns'" : nil, at: node)
  }

  private mutating func properties(_ node: Node, _ what: String) -> [RowPlan.Property] {
    var found: [RowPlan.Property] = []
    for (key, _, value) in reader.mapping(node, of: what) {
      guard let operand = compile(value, key) else { continue }
      var quoted: [UInt8] = []
      JSONWriter.append(string: key, to: &quoted)
      found.append(RowPlan.Property(key: quoted, operand: operand))
      mapped["\(what).\(key)"] = operand
    }
    return found
  }

  // MARK: Totals and watermark

  /// Compiles `totals:`.
  mutating func totals(_ node: Node) {
    for (name, _, value) in reader.mapping(node, of: "totals") {
      guard let operand = compile(value, name) else { continue }
      guard case .number(let scale) = operand.type else {
        mismatch(name, "a number", operand, value)
        continue
      }
      plan.totals.append(RowPlan.Total(name: name, register: operand.register, scale: scale))
    }
    if plan.totals.count > Staging.totalsLimit {
      reader.note(
        "inputs.bad_catalogue",
        "expected at most \(Staging.totalsLimit) totals, found "
          + "\(plan.totals.count)", at: node)
    }
  }

  /// Checks `watermark:`.
  mutating func watermark(_ name: String, at node: Node?, _ location: SourceDefinition.Location?) {
    guard let index = plan.columns.firstIndex(where: { $0.name == name }) else {
      return reader.note(
        "inputs.unknown_column", "expected a column for the watermark, found '\(name)'",
        hint: Suggestion.hint(for: name, among: plan.columns.map(\.name), noun: "columns"),
        at: node)
    }
    guard plan.columns[index].type == .timestamp else {
      return reader.note(
        "inputs.type_mismatch", "the watermark expects a timestamp column, found '\(name)'",
        at: node)
    }
    switch location {
    case .file, .files:
      reader.note(
        "inputs.bad_catalogue", "a watermark column belongs to a query source",
        hint: "a file's watermark is the latest time of its rows", at: node)
    case .query, .postgres, nil: break
    }
    plan.watermark = index
  }

  // MARK: Contract

  /// The steps of `contract:`; mapped fields stand before columns of the same name.
  mutating func contract(
    _ node: Node, into destination: SourceDefinition.Destination
  ) {
    guard let list = node.sequence else {
      return reader.note("inputs.bad_catalogue", "expected the contract as a list", at: node)
    }
    let columns = compiler.names
    compiler.names.merge(mapped) { _, field in field }
    for (index, entry) in list.enumerated() {
      check(entry, number: index + 1, into: destination)
    }
    compiler.names = columns
    if plan.checks.filter({ $0.onFail == .warn }).count > 60 {
      reader.note("inputs.bad_catalogue", "expected at most 60 checks that warn", at: node)
    }
  }

  private mutating func check(
    _ node: Node, number: Int, into destination: SourceDefinition.Destination
  ) {
    let kinds = ["not_null", "range", "accepted", "unique", "reference", "check"]
    let known = kinds + ["name", "on_fail", "mostly", "min", "max", "values", "to", "description"]
    let fields = reader.fields(node, of: "a check", known: known)
    let found = kinds.filter { fields[$0] != nil }
    guard found.count == 1, let kind = found.first, let subject = fields[kind] else {
      return reader.note(
        "inputs.bad_catalogue",
        "expected one of \(kinds.joined(separator: ", ")) in a check, found "
          + (found.isEmpty ? "none" : found.joined(separator: ", ")), at: node)
    }
    guard let text = reader.text(subject, of: kind) else { return }
    let plainName = text.unicodeScalars.allSatisfy {
      $0 == "_" || $0 == "." || $0.properties.isAlphabetic || $0.properties.numericType != nil
    }
    let fallback = kind == "check" || !plainName ? "\(kind)_\(number)" : "\(kind)_\(text)"
    let name = fields["name"].flatMap { reader.text($0, of: "name") } ?? fallback
    let taken =
      plan.checks.map(\.name) + plan.tableChecks.map(\.name)
      + RowReason.allCases.map(\.rawValue) + [Verdict.duplicate]
    if taken.contains(name) {
      reader.note(
        "inputs.duplicate_check", "expected each check's name once, found '\(name)' again",
        hint: "give it a name of its own with 'name:'", at: node)
    }
    let action = action(fields["on_fail"])
    let mostly = mostly(fields["mostly"])
    switch kind {
    case "unique", "reference":
      tableCheck(kind, text, name, action, mostly, fields, subject, destination)
    default:
      guard let value = compile(subject, kind),
        let register = condition(kind, value, fields, subject)
      else { return }
      plan.checks.append(
        RowPlan.Check(
          name: name, subject: kind == "check" ? nil : text, register: register, onFail: action,
          mostly: mostly))
    }
  }

  private func action(_ node: Node?) -> FailureAction {
    guard let node, let text = reader.text(node, of: "on_fail") else { return .reject }
    if let action = FailureAction(rawValue: text) { return action }
    reader.note(
      "inputs.bad_catalogue", "expected on_fail: reject, warn or stop, found '\(text)'",
      hint: Suggestion.hint(
        for: text, among: FailureAction.allCases.map(\.rawValue), noun: "known are"), at: node)
    return .reject
  }

  private func mostly(_ node: Node?) -> Double? {
    guard let node else { return nil }
    if let share = node.float ?? node.int.map(Double.init), share > 0, share <= 1 { return share }
    reader.note(
      "inputs.bad_catalogue",
      "expected mostly as a share such as 0.99, found "
        + "'\(node.scalar?.string ?? "")'", at: node)
    return nil
  }

  private mutating func condition(
    _ kind: String, _ value: Operand, _ fields: [String: Node], _ node: Node
  ) -> Int? {
    defer { store() }
    do throws(ExpressionFault) {
      switch kind {
      case "not_null":
        let missing = compiler.emit(.isNull, value, type: .boolean)
        return compiler.emit(.not, missing, type: .boolean).register
      case "range": return try range(value, fields, node)
      case "accepted": return try accepted(value, fields, node)
      default:
        guard value.type == .boolean else {
          throw ExpressionCompiler.mismatch("check", "a condition", value, 0)
        }
        return value.register
      }
    } catch {
      reader.note(error, at: node)
      return nil
    }
  }

  private mutating func range(
    _ value: Operand, _ fields: [String: Node], _ node: Node
  ) throws(ExpressionFault) -> Int {
    var result: Operand?
    for (key, relation) in [
      ("min", Instruction.Relation.greaterOrEqual), ("max", .lessOrEqual),
    ] {
      guard let bound = fields[key] else { continue }
      let limit = try compiler.compile(literal(bound, for: value))
      let holds = try compiler.compare(value, limit, relation, 0)
      result = result.map { compiler.emit(.and, $0, holds, type: .boolean) } ?? holds
    }
    guard let result else {
      throw ExpressionFault(message: "range expects min, max or both, found neither", at: 0)
    }
    return result.register
  }

  private mutating func accepted(
    _ value: Operand, _ fields: [String: Node], _ node: Node
  ) throws(ExpressionFault) -> Int {
    guard let list = fields["values"]?.sequence, !list.isEmpty else {
      throw ExpressionFault(message: "accepted expects 'values' with a list", at: 0)
    }
    var options: [Operand] = []
    for item in list { options.append(try compiler.compile(literal(item, for: value))) }
    return try compiler.isOneOf(value, options, 0).register
  }

  /// A YAML scalar as a literal of the type it is compared with.
  private func literal(_ node: Node, for value: Operand) throws(ExpressionFault) -> Expression {
    let text = node.scalar?.string ?? ""
    switch value.type {
    case .number: return try ExpressionParser.parse(text)
    case .boolean: return .boolean(node.bool ?? (text == "true"), at: 0)
    case .text, .date, .timestamp, .null: return .text(text, at: 0)
    }
  }

  private mutating func tableCheck(
    _ kind: String, _ subject: String, _ name: String, _ action: FailureAction,
    _ mostly: Double?, _ fields: [String: Node], _ node: Node,
    _ destination: SourceDefinition.Destination
  ) {
    if kind == "reference" {
      switch (subject, fields["to"]?.scalar?.string) {
      case ("customer", "customers"):
        plan.tableChecks.append(
          .init(name: name, kind: .customerExists, onFail: action, mostly: mostly))
      case ("order", "purchases") where plan.fields.order != nil:
        plan.tableChecks.append(
          .init(name: name, kind: .refundLinked, onFail: action, mostly: mostly))
      case ("order", "purchases"):
        reader.note(
          "inputs.missing_mapping", "expected 'order' in map, which the check refers to", at: node)
      default:
        reader.note(
          "inputs.bad_catalogue",
          "expected {reference: customer, to: customers} or {reference: order, to: purchases}",
          at: node)
      }
      return
    }
    let unique =
      switch destination {
      case .events: ["event_id", "customer", "item"]
      case .customers: ["customer"]
      case .merges: ["from"]
      }
    guard unique.contains(subject) else {
      return reader.note(
        "inputs.bad_catalogue", "expected a mapped field after unique, found '\(subject)'",
        hint: Suggestion.hint(for: subject, among: unique, noun: "fields"), at: node)
    }
    if subject == "event_id", action == .warn {
      reader.note(
        "inputs.bad_catalogue", "an event id stands once: unique: event_id cannot only warn",
        at: fields["on_fail"])
    }
    plan.tableChecks.append(
      .init(name: name, kind: .unique(field: subject), onFail: action, mostly: mostly))
  }
}
