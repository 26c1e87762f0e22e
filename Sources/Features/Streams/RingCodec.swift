import Columns

/// Rings as bytes: five columns of ``ColumnCodec``, each after its length in eight bytes.
///
/// The columns are the reach (-1 for all time), counts, days (as steps from the entry before), `a`
/// and `b`.
public enum RingCodec {
  /// The bytes of a ring with its reach.
  public static func encode(_ column: RingColumn) -> [UInt8] {
    let ring = column.ring
    var previous: Int64 = 0
    let steps = ring.entries.map { entry in
      defer { previous = Int64(entry.day) }
      return Int64(entry.day) - previous
    }
    let parts = [
      [Int64(column.reach ?? -1)], ring.counts, steps, ring.entries.map(\.a),
      ring.entries.map(\.b),
    ]
    var bytes: [UInt8] = []
    for part in parts {
      let coded = ColumnCodec.encode(Dense(part))
      for shift in stride(from: UInt64(0), to: 64, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: UInt64(coded.count) >> shift))
      }
      bytes += coded
    }
    return bytes
  }

  /// The ring of the bytes.
  ///
  /// - Throws: ``FeatureError`` `features.damaged_column`, `features.damaged_state`.
  public static func decode(_ bytes: [UInt8], slot: RingSlot) throws -> RingColumn {
    var rest = bytes[...]
    var parts: [[Int64]] = []
    while !rest.isEmpty {
      var length: UInt64 = 0
      for (place, byte) in rest.prefix(8).enumerated() {
        length |= UInt64(byte) << UInt64(place * 8)
      }
      rest = rest.dropFirst(8)
      guard length <= UInt64(rest.count) else { throw damaged }
      parts.append(try ColumnCodec.decode(Array(rest.prefix(Int(length)))).values)
      rest = rest.dropFirst(Int(length))
    }
    guard parts.count == 5, let reach = parts[0].first else { throw damaged }
    var day: Int64 = 0
    let days = parts[2].map { step in
      day &+= step
      return day
    }
    return RingColumn(
      slot: slot, reach: reach < 0 ? nil : Int(reach),
      ring: try Ring(counts: parts[1], days: days, a: parts[3], b: parts[4]))
  }

  private static let damaged = FeatureError(
    code: "features.damaged_column", message: "expected a ring of five columns, found other bytes",
    hint: "delete the stored state: it is rebuilt from the events")
}
