import CLibPQ

/// What the server answered, kept as libpq holds it until the last row is let go.
///
/// @unchecked Sendable: a `PGresult` is never changed after it was received, and reading one from
/// several threads is allowed (libpq manual, "Behavior in Threaded Programs").
final class ResultSet: @unchecked Sendable {
  let pointer: OpaquePointer
  let columns: [String]
  private let positions: [String: Int]

  init(_ pointer: OpaquePointer) {
    self.pointer = pointer
    // The columns of a COPY have no names.
    columns = (0..<PQnfields(pointer)).map { column in
      PQfname(pointer, column).map { String(cString: $0) } ?? ""
    }
    positions = Dictionary(
      columns.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
  }

  deinit { PQclear(pointer) }

  var rows: [Row] { (0..<PQntuples(pointer)).map { Row(result: self, number: $0) } }

  func position(of column: String) throws -> Int {
    guard let position = positions[column] else {
      throw WarehouseError(
        code: "warehouse.unknown_column",
        message: "expected a column '\(column)', found \(columns.joined(separator: ", "))")
    }
    return position
  }
}

/// One row of an answer; columns are decoded when they are read.
public struct Row: Sendable {
  let result: ResultSet
  let number: Int32

  /// The names of the columns, in order.
  public var columns: [String] { result.columns }

  /// The value of a named column.
  ///
  /// - Throws: `warehouse.unknown_column`; `warehouse.decode` for another type or for NULL where
  ///   `type` is not optional.
  public func get<T: Bindable>(_ column: String, as type: T.Type = T.self) throws -> T {
    try get(result.position(of: column), as: type)
  }

  /// The value of a column by its position, from 0.
  public func get<T: Bindable>(_ index: Int, as type: T.Type = T.self) throws -> T {
    guard columns.indices.contains(index) else {
      throw WarehouseError(
        code: "warehouse.unknown_column",
        message: "expected a column from 0 to \(columns.count - 1), found \(index)")
    }
    let column = Int32(index)
    var bytes: UnsafeRawBufferPointer?
    if PQgetisnull(result.pointer, number, column) == 0 {
      bytes = UnsafeRawBufferPointer(
        start: PQgetvalue(result.pointer, number, column),
        count: Int(PQgetlength(result.pointer, number, column)))
    }
    return try withExtendedLifetime(result) {
      try T.decode(
        Field(bytes: bytes, oid: PQftype(result.pointer, column), column: columns[index]))
    }
  }
}
