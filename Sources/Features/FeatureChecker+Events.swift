import Diagnostics
import Yams

/// Features that are made from events: what counts, and over which window.
extension FeatureChecker {
  mutating func total(
    _ kind: String, _ operand: Node, _ fields: [String: Node], _ entry: Node
  ) -> Parsed? {
    let condition = condition(fields)
    func measure(_ node: Node) -> Measure? {
      kind == "count" ? count(of: node, condition) : sum(of: node, condition)
    }
    let plus = measure(operand)
    let minus = fields["minus"].map { (node: $0, measure: measure($0)) }
    let window = window(fields, entry)
    guard let plus, let window else { return nil }
    var terms = [FeatureDefinition.Term(measure: plus, negative: false)]
    if let minus {
      guard let measure = minus.measure else { return nil }
      guard measure.value == plus.value else {
        reader.report(
          minus.node, "mixed_fields",
          "expected the same field on both sides, found \(plus.value.rawValue) minus \(measure.value.rawValue)"
        )
        return nil
      }
      terms.append(FeatureDefinition.Term(measure: measure, negative: true))
    }
    let kinds = terms.flatMap(\.measure.kinds)
    let money = plus.value == .amount
    return (
      .total(terms, window), plus.scale == 4 ? .decimal : .integer,
      money ? .money : plus.scale == 4 ? .number : .count,
      "events: " + kinds.joined(separator: ", ")
    )
  }

  mutating func window(_ fields: [String: Node], _ entry: Node) -> Window? {
    guard let node = fields["window"] else {
      reader.report(
        entry, "missing_key", "expected a window, found none",
        "write window: 30 days, or window: lifetime")
      return nil
    }
    guard let text = reader.text(node, "a window") else { return nil }
    let length: Window.Length
    switch Window.Length.parse(text) {
    case .success(let parsed): length = parsed
    case .failure(let error):
      reader.report(node, "bad_window", error.message, error.hint)
      return nil
    }
    guard let previous = fields["previous"] else { return Window(length) }
    guard let back = reader.integer(previous, 0...Window.maximumDays, "previous") else {
      return nil
    }
    let window = Window(length, previous: back)
    if length == .lifetime, back > 0 {
      reader.report(previous, "bad_window", "expected no previous window of a lifetime")
      return nil
    }
    if let reach = window.reach, reach > Window.maximumDays {
      reader.report(
        previous, "bad_window",
        "expected windows within \(Window.maximumDays) days, found one that starts \(reach) back")
      return nil
    }
    return window
  }

  // MARK: Operands

  mutating func count(of node: Node, _ condition: Condition?) -> Measure? {
    kinds(of: node).map { Measure(.count, of: $0, where: condition) }
  }

  /// The event kinds of a text or a list, nil after reporting a faulty one.
  mutating func kinds(of node: Node) -> [String]? {
    var kinds: [String] = []
    var sound = true
    for (text, place) in reader.texts(node, "an event kind") {
      if let kind = eventKind(text, place, field: nil) { kinds.append(kind) } else { sound = false }
    }
    return sound && !kinds.isEmpty ? kinds : nil
  }

  mutating func sum(of node: Node, _ condition: Condition?) -> Measure? {
    number(of: node).map { Measure(Measure.Value($0.number), of: $0.kinds, where: condition) }
  }

  /// Kinds with one field of theirs: `purchase.amount`, or several of the same field.
  private mutating func fields(
    of node: Node, _ what: String, _ hint: String
  ) -> (kinds: [String], field: (name: String, node: Node))? {
    var kinds: [String] = []
    var found: [(name: String, node: Node)] = []
    var sound = true
    for (text, place) in reader.texts(node, what) {
      let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        .map(String.init)
      guard parts.count == 2 else {
        reader.report(
          place, "bad_field", "expected a kind and a field, found '\(text)'", hint)
        sound = false
        continue
      }
      if let kind = eventKind(parts[0], place, field: parts[1]) {
        kinds.append(kind)
      } else {
        sound = false
      }
      found.append((parts[1], place))
    }
    guard let field = found.first else { return nil }
    for other in found where EventNumber(name: other.name) != nil && other.name != field.name {
      if EventNumber(name: field.name) == nil { continue }
      let names = [field.name, other.name].sorted().joined(separator: " and ")
      reader.report(node, "mixed_fields", "expected one field, found \(names)")
      return nil
    }
    return sound ? (kinds, field) : (kinds: [], field: field)
  }

  /// `purchase.amount`, `purchase.quantity` or `content_view.properties.seconds`.
  mutating func number(of node: Node) -> (kinds: [String], number: EventNumber)? {
    guard
      let (kinds, field) = fields(
        of: node, "a field such as purchase.amount",
        "write purchase.amount or purchase.quantity")
    else { return nil }
    guard let number = EventNumber(name: field.name) else {
      reader.report(
        field.node, "bad_field", "expected the field amount or quantity, found '\(field.name)'",
        Suggestion.hint(for: field.name, among: ["amount", "quantity"])
          ?? "or a number among the properties: properties.\(field.name)")
      return nil
    }
    return kinds.isEmpty ? nil : (kinds, number)
  }

  /// `product_view.item` or `page_view.properties.page`.
  mutating func key(of node: Node) -> (kinds: [String], key: EventKey)? {
    guard
      let (kinds, field) = fields(
        of: node, "a field such as product_view.item",
        "write product_view.item or page_view.properties.page")
    else { return nil }
    guard let key = key(field.name, field.node), !kinds.isEmpty else { return nil }
    return (kinds, key)
  }

  mutating func key(_ name: String, _ node: Node) -> EventKey? {
    if let key = EventKey(name: name) { return key }
    reader.report(
      node, "bad_field", "expected the field item or properties.NAME, found '\(name)'",
      Suggestion.hint(for: name, among: ["item"]) ?? "write item or properties.\(name)")
    return nil
  }

  /// The condition of `where:`, nil where there is none or after reporting a faulty one.
  mutating func condition(_ fields: [String: Node]) -> Condition? {
    guard let node = fields["where"], let text = reader.text(node, "a condition") else {
      return nil
    }
    do { return try ConditionParser.parse(text) } catch {
      reader.report(node, "bad_condition", error)
      return nil
    }
  }

  mutating func eventKind(_ text: String, _ node: Node, field: String?) -> String? {
    if eventKinds.contains(text) { return text }
    let suggestion = Suggestion.nearest(to: text, among: eventKinds)
    let full = suggestion.map { name in field.map { "\(name).\($0)" } ?? name }
    let hint =
      text.contains(".")
      ? "count takes a kind alone; a field is for sum"
      : full.map { "did you mean '\($0)'?" }
        ?? "kinds of your own are declared in 'kinds:' of sources.yaml"
    reader.report(node, "unknown_kind", "expected an event kind, found '\(text)'", hint)
    return nil
  }

  /// A plain decimal as `value * 10^scale`; nil where it is none, has more decimals or overflows.
  static func decimal(_ text: String, scale: Int) -> Int64? {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    let fraction = parts.count == 2 ? parts[1] : ""
    let digits = parts[0] + fraction
    guard fraction.count <= scale, !parts[0].isEmpty, digits.utf8.allSatisfy({ 48...57 ~= $0 }),
      parts.count == 1 || !fraction.isEmpty
    else { return nil }
    return Int64(digits + String(repeating: "0", count: scale - fraction.count))
  }
}
