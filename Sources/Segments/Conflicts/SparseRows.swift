import Columns

/// A set of rows as a list: four bytes for each, whatever the number of customers.
///
/// Differences from the rules are kept by what their customers share, the segment that won included. So
/// there may be thousands of small sets, for which a bit per customer would be too much.
public struct SparseRows: Sendable, Hashable {
  /// Distinct, ascending.
  public private(set) var rows: [Int32]

  /// A set of rows in any order, each once.
  public init(_ rows: some Sequence<Int>) {
    self.rows = rows.map(Int32.init)
    if !zip(self.rows, self.rows.dropFirst()).allSatisfy({ $0 < $1 }) { self.rows.sort() }
  }

  /// The rows of a set.
  public init(_ set: Bitset) {
    rows = []
    rows.reserveCapacity(set.population)
    set.forEach { rows.append(Int32($0)) }
  }

  /// How many rows there are.
  public var count: Int { rows.count }
  /// Whether there is none.
  public var isEmpty: Bool { rows.isEmpty }

  /// Whether a row is in the set.
  public func contains(_ row: Int) -> Bool {
    let place = place(of: row)
    return place < rows.count && rows[place] == row
  }

  /// Calls `body` with each row, ascending.
  func forEach(_ body: (Int) throws -> Void) rethrows {
    for row in rows { try body(Int(row)) }
  }

  /// Puts a row in, or takes it out.
  mutating func toggle(_ row: Int) {
    let place = place(of: row)
    if place < rows.count, rows[place] == row {
      rows.remove(at: place)
    } else {
      rows.insert(Int32(row), at: place)
    }
  }

  /// Adds rows, none of which is in the set.
  mutating func add(_ more: SparseRows) {
    let isLater = (rows.last ?? -1) < (more.rows.first ?? 0)
    rows += more.rows
    if !isLater { rows.sort() }
  }

  /// The rows that a test chooses.
  func filter(_ isChosen: (Int) -> Bool) -> SparseRows {
    var chosen = SparseRows([])
    chosen.rows = rows.filter { isChosen(Int($0)) }
    return chosen
  }

  /// Toggles the rows in a set of all.
  func toggle(in set: inout Bitset) { forEach { set[$0].toggle() } }

  private func place(of row: Int) -> Int {
    var (low, high) = (0, rows.count)
    while low < high {
      let middle = (low + high) >> 1
      if rows[middle] < row { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
