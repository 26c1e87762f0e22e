import Schedules

/// 2000-01-01, the server's epoch, in days and microseconds since 1970-01-01.
private let epochDays: Int32 = 10_957
private let epochMicroseconds: Int64 = 946_684_800_000_000

/// The microseconds of a timestamp column; the server's `infinity` is no instant.
private func microseconds(_ field: Field) throws -> Int64 {
  var reader = try field.reader()
  let value = try reader.whole(Int64.self)
  guard value != .max, value != .min else { throw infinite(field, negative: value == .min) }
  let (sum, overflow) = value.addingReportingOverflow(epochMicroseconds)
  guard !overflow else { throw field.fault("expected a year below 294000, found a later one") }
  return sum
}

private func infinite(_ field: Field, negative: Bool) -> WarehouseError {
  WarehouseError(
    code: "warehouse.infinite_date",
    message: "column '\(field.column)': expected a finite date or time, found "
      + (negative ? "-infinity" : "infinity"),
    hint: "select nullif(column, 'infinity') and read it as an optional")
}

extension Instant: Bindable, ArrayElement {
  /// `timestamptz`.
  public static var sqlType: SQLType { .timestamptz }
  /// Appends microseconds since 2000-01-01.
  public func encode(into bytes: inout [UInt8]) {
    bytes.appendBigEndian(microseconds &- epochMicroseconds)
  }
  /// The value of a `timestamptz`; `warehouse.infinite_date` for `infinity`.
  public static func decode(_ field: Field) throws -> Instant {
    try field.expect([.timestamptz])
    return Instant(microseconds: try Warehouse.microseconds(field))
  }
  /// `'2024-03-10T03:00:00Z'::timestamptz`.
  public var sqlLiteral: String { "'\(self)'::timestamptz" }
}

extension LocalTime: Bindable, ArrayElement {
  /// `timestamp`, without a zone.
  public static var sqlType: SQLType { .timestamp }
  /// Appends microseconds since 2000-01-01.
  public func encode(into bytes: inout [UInt8]) {
    bytes.appendBigEndian(microseconds &- epochMicroseconds)
  }
  /// The value of a `timestamp`; `warehouse.infinite_date` for `infinity`.
  public static func decode(_ field: Field) throws -> LocalTime {
    try field.expect([.timestamp])
    return LocalTime(microseconds: try Warehouse.microseconds(field))
  }
  /// `'2024-03-10T03:00:00'::timestamp`.
  public var sqlLiteral: String { "'\(self)'::timestamp" }
}

extension Day: Bindable, ArrayElement {
  /// `date`.
  public static var sqlType: SQLType { .date }
  /// Appends days since 2000-01-01.
  public func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(number &- epochDays) }
  /// The value of a `date`; `warehouse.infinite_date` for `infinity`.
  public static func decode(_ field: Field) throws -> Day {
    try field.expect([.date])
    var reader = try field.reader()
    let value = try reader.whole(Int32.self)
    guard value != .max, value != .min else { throw infinite(field, negative: value == .min) }
    return Day(number: value &+ epochDays)
  }
  /// `'2024-03-10'::date`.
  public var sqlLiteral: String { "'\(self)'::date" }
}

extension Duration: Bindable, ArrayElement {
  /// `interval`, in microseconds.
  public static var sqlType: SQLType { .interval }
  /// Appends microseconds, no days, no months. Parts below a microsecond are cut.
  public func encode(into bytes: inout [UInt8]) {
    bytes.appendBigEndian(wholeMicroseconds)
    bytes.appendBigEndian(Int32(0))
    bytes.appendBigEndian(Int32(0))
  }
  /// The value of an `interval` without months; a day counts as 24 hours.
  public static func decode(_ field: Field) throws -> Duration {
    try field.expect([.interval])
    var reader = try field.reader()
    let time = try reader.integer(Int64.self)
    let days = try reader.integer(Int32.self)
    let months = try reader.whole(Int32.self)
    guard months == 0 else {
      throw field.fault("expected an interval without months, found \(months) months")
    }
    return .microseconds(time) + .seconds(Int64(days) * 86_400)
  }
  /// `'… microseconds'::interval`.
  public var sqlLiteral: String { "'\(wholeMicroseconds) microseconds'::interval" }

  private var wholeMicroseconds: Int64 {
    components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
  }
}
