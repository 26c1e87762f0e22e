import Columns
import Schedules
import Warehouse

/// Reading and writing of what was decided.
extension PastPublication {
  func sendTurned(_ facts: Facts, _ restated: [Key: [Restated]]) async throws -> Int {
    let sent = try await connection.copyIn(
      "COPY segments.delta (customer_id, segment_id, cause, action) FROM STDIN (FORMAT binary)"
    ) { writer in
      var encoder = BinaryCopyEncoder(columns: 4)
      for turned in facts.turned {
        for set in [turned.into, turned.out] {
          for row in set.rows {
            encoder.beginRow()
            encoder.append(int64: facts.customers.ids[row])
            encoder.append(int32: turned.segment)
            encoder.append(text: TransitionCause.late.rawValue)
            encoder.append(int16: 4)
            if encoder.count >= 256 << 10 { try await writer.write(bytes: encoder.take()) }
          }
        }
      }
      for key in restated.keys {
        encoder.beginRow()
        encoder.append(int64: key.customer)
        encoder.append(int32: key.segment)
        encoder.append(text: TransitionCause.late.rawValue)
        encoder.append(int16: 4)
      }
      encoder.finish()
      try await writer.write(bytes: encoder.take())
    }
    try await Publication.prepareDelta(on: connection)
    return sent
  }

  /// - Parameter sent: the rows of the deltas.
  func supersede(_ sent: Int) async throws -> [Key: [SpellRecord]] {
    var found: [Key: [SpellRecord]] = [:]
    func add(_ row: Row, left: SpellRecord.End?) throws {
      let customer = try row.get("customer_id", as: Int64.self)
      let segment = try row.get("segment_id", as: Int32.self)
      let record = SpellRecord(
        customer: customer, segment: segment,
        entered: SpellRecord.End(
          at: try row.get("valid_from"), version: try row.get("entered_version"),
          cause: try cause(row.get("entered_cause")), recordedIn: id), left: left)
      found[Key(customer: customer, segment: segment), default: []].append(record)
    }
    let ended = try await connection.query(
      SQL(file: "queries/segments/supersede_ended_spells.sql", id, new.asOf, after.asOf))
    for row in ended {
      try add(
        row,
        left: SpellRecord.End(
          at: try row.get("valid_to"), version: try row.get("left_version", as: Int32?.self),
          cause: try cause(row.get("left_cause")), recordedIn: try row.get("closed_in")))
    }
    let open = try await connection.query(
      SQL(file: "queries/segments/supersede_open_spells.sql", id, after.asOf))
    for row in open { try add(row, left: nil) }
    try await Publication.clearDelta(of: sent, on: connection)
    return found
  }

  func cause(_ text: String) throws -> TransitionCause {
    guard let cause = TransitionCause(rawValue: text) else {
      throw SegmentError(
        code: "segments.unknown_cause", message: "expected a cause, found '\(text)'",
        hint: "the database is of a newer release; update this program")
    }
    return cause
  }

  func write(_ changes: Changes) async throws {
    let ended = changes.records.filter { $0.left != nil }
    if !ended.isEmpty {
      _ = try await connection.copyIn(
        """
        COPY segments.ended_spell (
          customer_id, valid_from, valid_to, segment_id, opened_in, closed_in, entered_version,
          left_version, entered_cause, left_cause)
        FROM STDIN (FORMAT binary)
        """
      ) { writer in
        var encoder = BinaryCopyEncoder(columns: 10)
        for record in ended {
          guard let left = record.left else { continue }
          encoder.beginRow()
          encoder.append(int64: record.customer)
          encoder.append(instant: record.entered.at.microseconds)
          encoder.append(instant: left.at.microseconds)
          encoder.append(int32: record.segment)
          encoder.append(int32: id)
          encoder.append(int32: left.recordedIn)
          encoder.append(int32: record.entered.version)
          encoder.append(int32: left.version)
          encoder.append(text: record.entered.cause.rawValue)
          encoder.append(text: left.cause.rawValue)
          if encoder.count >= 256 << 10 { try await writer.write(bytes: encoder.take()) }
        }
        encoder.finish()
        try await writer.write(bytes: encoder.take())
      }
    }
    let open = changes.records.filter { $0.left == nil }
    if open.isEmpty { return }
    _ = try await connection.copyIn(
      """
      COPY segments.open_spell (
        customer_id, valid_from, segment_id, opened_in, entered_version, entered_cause)
      FROM STDIN (FORMAT binary)
      """
    ) { writer in
      var encoder = BinaryCopyEncoder(columns: 6)
      for record in open {
        encoder.beginRow()
        encoder.append(int64: record.customer)
        encoder.append(instant: record.entered.at.microseconds)
        encoder.append(int32: record.segment)
        encoder.append(int32: id)
        encoder.append(int32: record.entered.version)
        encoder.append(text: record.entered.cause.rawValue)
        if encoder.count >= 256 << 10 { try await writer.write(bytes: encoder.take()) }
      }
      encoder.finish()
      try await writer.write(bytes: encoder.take())
    }
  }

  struct Size {
    let members: Int64
    let entered: Int64
    let left: Int64
  }

  /// The sizes at the as-of, of every segment.
  func sizes(_ facts: Facts, _ changes: Changes) async throws -> [Int32: Size] {
    var stood: [Int32: (entered: Int64, left: Int64)] = [:]
    if around.same != nil {
      let rows = try await connection.query(
        SQL(file: "queries/segments/select_sizes_at.sql", new.asOf))
      for row in rows {
        stood[try row.get("segment_id")] = (try row.get("entered"), try row.get("left"))
      }
    }
    var sizes: [Int32: Size] = [:]
    for turned in facts.turned {
      let (was, moved) = (
        stood[turned.segment] ?? (0, 0), changes.here[turned.segment] ?? (0, 0)
      )
      sizes[turned.segment] = Size(
        members: Int64(turned.members + turned.into.population - turned.out.population),
        entered: was.entered + moved.entered, left: was.left + moved.left)
    }
    // Of segments that have left the catalogue it stays who left them.
    for (segment, was) in stood where sizes[segment] == nil {
      sizes[segment] = Size(members: 0, entered: was.entered, left: was.left)
    }
    return sizes
  }

  func write(_ sizes: [Int32: Size], _ changes: Changes) async throws {
    let segments = sizes.keys.sorted()
    let next = changes.next.keys.sorted()
    // Between the nights a segment has a size only where it moved: it had as many as here before.
    let members = next.map { segment -> Int64 in
      let (moved, size) = (changes.here[segment] ?? (0, 0), sizes[segment]?.members ?? 0)
      return size - moved.entered + moved.left
    }
    _ = try await connection.pipeline([
      SQL(file: "queries/segments/delete_sizes.sql", new.asOf),
      SQL(
        file: "queries/segments/insert_sizes.sql", new.asOf, segments,
        segments.map { sizes[$0]?.members ?? 0 }, segments.map { sizes[$0]?.entered ?? 0 },
        segments.map { sizes[$0]?.left ?? 0 }),
      SQL(
        file: "queries/segments/move_sizes.sql", after.asOf, next, members,
        next.map { changes.next[$0]?.entered ?? 0 }, next.map { changes.next[$0]?.left ?? 0 }),
    ])
  }
}
