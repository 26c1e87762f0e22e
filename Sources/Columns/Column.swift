/// Dense values, one per row, with a mask of the rows that have one.
public struct Dense<Element: Sendable & Equatable>: Sendable {
  /// One element per row; the element of a null row is unspecified.
  public var values: [Element]
  /// The rows that are not null; nil when every row has a value.
  public var present: Bitset?

  /// Values with an optional null mask of the same count.
  public init(_ values: [Element], present: Bitset? = nil) {
    precondition(present == nil || present?.count == values.count, "mask and values differ")
    self.values = values
    self.present = present
  }

  /// The number of rows.
  public var count: Int { values.count }

  /// The value of a row, nil where it is null.
  public subscript(row: Int) -> Element? {
    if let present, !present[row] { return nil }
    return values[row]
  }
}

extension Dense: Equatable {
  /// Equal rows; what stands under a null is ignored.
  public static func == (left: Dense, right: Dense) -> Bool {
    left.count == right.count && left.values.indices.allSatisfy { left[$0] == right[$0] }
  }
}

/// One typed column over the rows of a customer index.
public enum Column: Sendable, Equatable {
  /// Whole numbers, or decimals as `value / 10^scale` (money has scale 4): never floats.
  case integer(Dense<Int64>, scale: Int)
  /// Ratios, rates and scores, computed when read from scaled integers.
  case real(Dense<Double>)
  /// Codes into a dictionary of distinct UTF-8 strings; the dictionary is in no order.
  case text(Dense<Int32>, dictionary: [String])
  /// Truth values.
  case boolean(Dense<Bool>)
  /// Microseconds since 1970-01-01T00:00:00Z.
  case instant(Dense<Int64>)
  /// Days since 1970-01-01.
  case day(Dense<Int32>)

  /// The number of rows.
  public var count: Int {
    switch self {
    case .integer(let dense, _): dense.count
    case .real(let dense): dense.count
    case .text(let dense, _): dense.count
    case .boolean(let dense): dense.count
    case .instant(let dense): dense.count
    case .day(let dense): dense.count
    }
  }

  /// The rows that are not null; nil when every row has a value.
  public var present: Bitset? {
    switch self {
    case .integer(let dense, _): dense.present
    case .real(let dense): dense.present
    case .text(let dense, _): dense.present
    case .boolean(let dense): dense.present
    case .instant(let dense): dense.present
    case .day(let dense): dense.present
    }
  }
}
