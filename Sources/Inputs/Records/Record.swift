/// One value of a row as it stands in the file: bytes without quotes or escapes, or nothing.
struct Field {
  var base: UnsafeRawPointer?
  var count: Int
  /// No value: an unquoted empty CSV field, JSON's `null`, or a missing key.
  var isNull: Bool

  static var null: Field { Field(base: nil, count: 0, isNull: true) }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }
}

/// Why a row was rejected, where the loader itself found the fault.
enum RowReason: String, Sendable, CaseIterable {
  /// Quotes that do not follow RFC 4180.
  case badQuoting = "bad_quoting"
  /// More or fewer fields than the header.
  case fieldCount = "field_count"
  /// A line that is not one JSON object.
  case badJSON = "bad_json"
  /// Bytes that are not UTF-8, or a NUL.
  case badEncoding = "bad_encoding"
  /// Text that does not read as the column's declared type.
  case badInteger = "bad_integer"
  case badDecimal = "bad_decimal"
  case badBoolean = "bad_boolean"
  case badDate = "bad_date"
  case badTimestamp = "bad_timestamp"
  /// More decimals than the column or the destination keeps.
  case tooManyDecimals = "too_many_decimals"
  /// A number or a sum that 64 bits cannot hold.
  case overflow
  case missingEventID = "missing_event_id"
  case missingCustomer = "missing_customer"
  case missingTime = "missing_occurred_at"
  case missingKind = "missing_kind"
  /// An event kind that `facts.event_kind` lacks.
  case unknownKind = "unknown_kind"
  case negativeQuantity = "negative_quantity"
  case negativeAmount = "negative_amount"
  /// A currency that is not three capital letters.
  case badCurrency = "bad_currency"
  /// A time before 1900 or after 2199.
  case timeOutOfRange = "time_out_of_range"
  /// A time well after the load: a clock that is wrong, or a date that was never meant.
  case futureTime = "future_time"
  /// A merge of a customer with itself.
  case mergeSelf = "merge_self"
  /// A merge of a customer that became another one before.
  case alreadyMerged = "already_merged"
  /// A merge back into a customer that was merged away.
  case mergeCycle = "merge_cycle"
  /// An event id, customer key or item longer than an index entry may be.
  case tooLong = "too_long"
  /// An event id that came before in the same load with other content, or in an earlier one where
  /// the source takes no corrections.
  case conflictingRedelivery = "conflicting_redelivery"
}

/// A fault of one row, with the column where it was found.
struct RowFault: Equatable {
  var reason: RowReason
  /// A declared column's index; nil where the fault concerns the whole row.
  var column: Int?
}

/// What a scanner found at the front of the unread bytes.
enum Scan {
  /// A row of `length` bytes without its line end; `consumed` bytes with it.
  case record(length: Int, consumed: Int, lines: Int, fault: RowFault?)
  /// Nothing but a line end.
  case blank(consumed: Int)
  /// The row does not end within these bytes.
  case incomplete
}

/// Splits bytes into rows and rows into fields.
protocol RecordScanner: AnyObject {
  /// The fields of the row found last, valid until the next call.
  var fields: UnsafeMutablePointer<Field> { get }
  /// Looks at the front of `bytes`; at the end of the input the last row needs no line end.
  func scan(_ bytes: UnsafeRawBufferPointer, atEnd: Bool, arena: RowArena) -> Scan
}
