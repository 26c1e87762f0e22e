import Columns
import Warehouse

/// Whose rows a statement reads.
enum CustomerChoice: Sendable {
  /// Everyone in a range; ``CustomerRange/all`` for everyone.
  case range(CustomerRange)
  /// Some customers, ascending.
  case only([Int64])

  /// Everyone.
  static let everyone = CustomerChoice.range(.all)

  /// `AND …` on a table's `customer_id`; empty for everyone.
  func condition(_ table: SQL) -> SQL {
    switch self {
    case .range(let range):
      range == .all ? "" : "AND \(fragment: range.condition(on: "\(fragment: table).customer_id"))"
    case .only(let customers): "AND \(fragment: table).customer_id = ANY (\(customers))"
    }
  }

  /// The customer where there is exactly one.
  var single: Int64? {
    guard case .only(let customers) = self, customers.count == 1 else { return nil }
    return customers.first
  }

  /// Those of some customers who are chosen.
  func chosen(of customers: [Int64]) -> Set<Int64> {
    switch self {
    case .range(let range):
      range == .all ? Set(customers) : Set(customers.lazy.filter(range.contains))
    case .only(let chosen): Set(chosen).intersection(customers)
    }
  }
}
