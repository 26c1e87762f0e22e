import Schedules

/// Rows of day tiles: customer, local day, and one value per measure.
public struct TileBatch: Sendable {
  /// The measures of a row, in order.
  public let measures: [Measure]
  /// One customer per row.
  public private(set) var ids: [Int64] = []
  /// One day per row, as days since 1970-01-01.
  public private(set) var days: [Int32] = []
  /// `rows x measures`, row-major, scaled by the measure.
  public private(set) var values: [Int64] = []

  /// An empty batch of rows with these measures.
  public init(measures: [Measure]) { self.measures = measures }

  /// The number of rows.
  public var count: Int { ids.count }

  /// Adds a row; `values` has one element per measure.
  public mutating func append(customer: Int64, day: Day, values row: some Collection<Int64>) {
    precondition(row.count == measures.count, "a tile row of \(row.count) values")
    ids.append(customer)
    days.append(day.number)
    values.append(contentsOf: row)
  }

  /// Adds a row whose values are read one by one from `next`.
  @inlinable
  public mutating func append(
    customer: Int64, day: Int32, next: () throws -> Int64
  ) rethrows {
    for _ in measures.indices { appendValue(try next()) }
    appendKey(customer, day)
  }

  @usableFromInline mutating func appendValue(_ value: Int64) { values.append(value) }
  @usableFromInline mutating func appendKey(_ customer: Int64, _ day: Int32) {
    ids.append(customer)
    days.append(day)
  }

  /// Drops the rows and keeps the memory.
  public mutating func removeAll() {
    ids.removeAll(keepingCapacity: true)
    days.removeAll(keepingCapacity: true)
    values.removeAll(keepingCapacity: true)
  }
}

/// Tiles that a sweep must be given: these measures of all customers on these days.
public struct TileRead: Sendable, Hashable {
  /// The days; may reach back without bound.
  public let days: DaySpan
  /// The measures, ordered by name, at least one.
  public let measures: [Measure]

  /// A read.
  public init(days: DaySpan, measures: [Measure]) {
    self.days = days
    self.measures = measures
  }
}
