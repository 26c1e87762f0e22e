/// Where a version of a row lies in its table: the server's `ctid`.
///
/// It holds until somebody updates the row, or moves it by VACUUM FULL, CLUSTER or the like.
public struct TupleLocation: Bindable, ArrayElement, Hashable {
  /// The block, from 0.
  public var block: UInt32
  /// The place within the block, from 1.
  public var offset: UInt16

  /// A location; the server refuses none.
  public init(block: UInt32, offset: UInt16) {
    self.block = block
    self.offset = offset
  }

  /// `tid`.
  public static var sqlType: SQLType { .tid }
  /// Appends six bytes (source: `tidsend` in `tid.c`).
  public func encode(into bytes: inout [UInt8]) {
    bytes.appendBigEndian(block)
    bytes.appendBigEndian(offset)
  }
  /// The value of a `tid`.
  public static func decode(_ field: Field) throws -> TupleLocation {
    try field.expect([.tid])
    var reader = try field.reader()
    return TupleLocation(
      block: try reader.integer(UInt32.self), offset: try reader.whole(UInt16.self))
  }
  /// `'(0,1)'::tid`.
  public var sqlLiteral: String { "'(\(block),\(offset))'::tid" }
}
