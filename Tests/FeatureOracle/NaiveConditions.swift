import Features

/// A property of an event, of one of JSON's types.
package enum ShopProperty: Equatable {
  case text(String)
  /// Times 10^4.
  case number(Int64)
  case boolean(Bool)

  var text: String {
    switch self {
    case .text(let text): text
    case .boolean(let flag): flag ? "true" : "false"
    case .number(let value):
      value % 10_000 == 0
        ? String(value / 10_000) : String(value / 10_000) + "." + String(value % 10_000 / 1000)
    }
  }
}

extension ShopEvent {
  /// Whether the event is like the condition: nil for unknown.
  package func matches(_ condition: Condition) -> Bool? {
    switch condition {
    case .all(let parts):
      let verdicts = parts.map(matches)
      if verdicts.contains(false) { return false }
      return verdicts.contains(nil) ? nil : true
    case .any(let parts):
      let verdicts = parts.map(matches)
      if verdicts.contains(true) { return true }
      return verdicts.contains(nil) ? nil : false
    case .not(let part): return matches(part).map { !$0 }
    case .missing(let field):
      switch field {
      case .item: return item == nil
      case .amount: return amount == nil
      case .quantity: return quantity == nil
      case .property(let name): return properties[name] == nil
      }
    case .among(let field, let values):
      let verdicts = values.map { matches(.test(field, .equal, $0)) }
      return verdicts.contains(true) ? true : verdicts.contains(nil) ? nil : false
    case .test(let field, let comparison, let literal):
      switch (value(field), literal) {
      case (.text(let left), .text(let right)):
        return comparison == .equal ? left == right : left != right
      case (.boolean(let left), .boolean(let right)):
        return comparison == .equal ? left == right : left != right
      case (.number(let left), .number(let right)):
        switch comparison {
        case .equal: return left == right
        case .unequal: return left != right
        case .greater: return left > right
        case .atLeast: return left >= right
        case .less: return left < right
        case .atMost: return left <= right
        }
      default: return nil
      }
    }
  }

  private func value(_ field: Condition.Field) -> ShopProperty? {
    switch field {
    case .item: item.map { .text($0) }
    case .amount: amount.map { .number($0) }
    case .quantity: quantity.map { .number($0 * 10_000) }
    case .property(let name): properties[name]
    }
  }

  package func passes(_ filter: EventFilter) -> Bool {
    filter.kinds.contains(kind) && (filter.condition.map { matches($0) == true } ?? true)
  }

  package func number(_ number: EventNumber) -> Int64? {
    switch number {
    case .amount: return amount
    case .quantity: return quantity
    case .property(let name):
      if case .number(let value) = properties[name] { return value }
      return nil
    }
  }

  package func key(_ key: EventKey) -> String? {
    switch key {
    case .item: item
    case .property(let name): properties[name]?.text
    }
  }
}
