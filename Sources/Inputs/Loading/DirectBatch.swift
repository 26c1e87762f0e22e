import Schedules

/// What a load decides about a batch of staged rows that go straight into the facts; no I/O.
struct DirectBatch {
  /// A good row that is not accepted, because another one has its event id.
  struct Mark {
    let row: Int
    let isDuplicate: Bool
    let warned: Int64?
    let totals: [Int128?]

    var reason: String {
      isDuplicate ? Verdict.duplicate : RowReason.conflictingRedelivery.rawValue
    }
  }

  let rows: StagedRows
  /// The rows that passed every check of their own and are the first with their event id, in order
  /// of the id.
  let byID: [Int]
  /// The same rows in order of time.
  let byTime: [Int]
  let marks: [Mark]
  /// Rows that did not pass.
  private let failed: [Int]
  /// The span of the accepted rows, microseconds since 1970; nil without one.
  let span: (first: Int64, last: Int64)?

  /// Judges some rows; `previous` is the batch before, in which an id may stand too.
  init(_ rows: StagedRows, _ slice: Range<Int>, after previous: DirectBatch?) {
    self.rows = rows
    let layout = rows.layout
    var good: [Int] = []
    var failed: [Int] = []
    for row in slice {
      if rows.isNull(row, layout.reason) { good.append(row) } else { failed.append(row) }
    }
    self.failed = failed
    let order = Self.sortedByID(good, rows)
    var accepted: [Int] = []
    accepted.reserveCapacity(order.count)
    var marks: [Mark] = []
    var before = 0
    for row in order {
      var first: (rows: StagedRows, row: Int)?
      if let last = accepted.last, Self.compare(rows, last, rows, row) == 0 {
        first = (rows, last)
      } else if let previous {
        while before < previous.byID.count,
          Self.compare(previous.rows, previous.byID[before], rows, row) < 0
        { before += 1 }
        if before < previous.byID.count,
          Self.compare(previous.rows, previous.byID[before], rows, row) == 0
        {
          first = (previous.rows, previous.byID[before])
        }
      }
      guard let first else {
        accepted.append(row)
        continue
      }
      let content = first.rows.integer(first.row, layout.content)
      marks.append(
        Mark(
          row: row, isDuplicate: rows.integer(row, layout.content) == content,
          warned: rows.integer(row, layout.warned),
          totals: (0..<layout.totals).map { total in
            rows.integer(row, layout.total(total)).map { Int128($0) }
          }))
    }
    byID = accepted
    self.marks = marks
    let times = accepted.map { rows.microseconds($0, layout.time) ?? 0 }
    if let first = times.min(), let last = times.max() {
      span = (first, last)
    } else {
      span = nil
    }
    let byPlace = zip(times, accepted).sorted { ($0.0, $0.1) < ($1.0, $1.1) }
    byTime = byPlace.map(\.1)
  }

  private static func compare(
    _ one: StagedRows, _ row: Int, _ other: StagedRows, _ another: Int
  ) -> Int {
    one.withValue(row, one.layout.eventID) { left in
      other.withValue(another, other.layout.eventID) { Bytes.compare(left, $0) }
    }
  }

  /// Rows by event id, those of one id in the order of the source.
  private static func sortedByID(_ good: [Int], _ rows: StagedRows) -> [Int] {
    // Sources number their events: they are mostly in order already.
    let isSorted = zip(good, good.dropFirst()).allSatisfy { compare(rows, $0, rows, $1) <= 0 }
    if isSorted { return good }
    return good.sorted { left, right in
      let order = compare(rows, left, rows, right)
      return order == 0 ? left < right : order < 0
    }
  }

  /// The months of the accepted rows, as months since 1970-01.
  func months() -> Set<Int32> {
    var found: Set<Int32> = []
    var end = Int64.min
    for row in byTime {
      guard let time = rows.microseconds(row, rows.layout.time), time >= end else { continue }
      let (year, month, _) = LocalTime(microseconds: time).day.components
      found.insert(Int32((year - 1970) * 12 + month - 1))
      let next = Day(year: year, month: month, day: 1)?.adding(months: 1)
      end = next.map { Int64($0.number) * 86_400_000_000 } ?? .max
    }
    return found
  }

  /// Kinds and currencies of the accepted rows with an amount.
  func currencies() -> Set<Int64> {
    let layout = rows.layout
    var found: Set<Int64> = []
    var last: Int64 = -1
    for row in byTime where !rows.isNull(row, layout.amount) {
      let kind = rows.integer(row, layout.kind) ?? 0
      let code = rows.withValue(row, layout.currency) { text in
        text.reduce(kind) { $0 << 8 | Int64($1) }
      }
      if code == last { continue }
      last = code
      found.insert(code)
    }
    return found
  }

  // MARK: Rows to write, in binary COPY form

  /// `landing.event_key`: content, load_id, line, source_id, event_id; in order of the id.
  func keys(source: Int16, load: Int64) -> [UInt8] {
    let layout = rows.layout
    let buffer = CopyBuffer(capacity: byID.count * 72)
    for row in byID {
      buffer.beginRow(fields: 5)
      rows.withField(row, layout.content) { buffer.field($0) }
      buffer.integer(load)
      rows.withField(row, layout.line) { buffer.field($0) }
      buffer.integer(source)
      rows.withField(row, layout.eventID) { buffer.field($0) }
    }
    return CopyBuffer.header + buffer.take() + CopyBuffer.trailer
  }

  /// `facts.events`: customer_id, ingested_at, load_id, source_id, then the fields of
  /// ``eventFields``; in order of time. `customers` has the customer of each row of ``byTime``.
  func events(
    customers: [Int64], ingested: Instant, source: Int16, load: Int64
  ) -> [UInt8] {
    let layout = rows.layout
    let fields = [
      layout.time, layout.kind, layout.item, layout.quantity, layout.amount, layout.currency,
      layout.properties, layout.eventID,
    ]
    let buffer = CopyBuffer(capacity: byTime.count * 160)
    for (row, customer) in zip(byTime, customers) {
      buffer.beginRow(fields: 4 + fields.count)
      buffer.integer(customer)
      buffer.timestamp(ingested.microseconds)
      buffer.integer(load)
      buffer.integer(source)
      for field in fields { rows.withField(row, field) { buffer.field($0) } }
    }
    return CopyBuffer.header + buffer.take() + CopyBuffer.trailer
  }

  /// The columns that ``events(customers:ingested:source:load:)`` writes.
  static let eventColumns = [
    "customer_id", "ingested_at", "load_id", "source_id", "occurred_at", "kind_id", "item",
    "quantity", "amount", "currency", "properties", "event_id",
  ]

  /// `landing.rejected`: load_id, line, reason, column_name, raw. Duplicates are not kept; empty
  /// where there is nothing to keep.
  func rejected(load: Int64) -> [UInt8] {
    let layout = rows.layout
    let buffer = CopyBuffer(capacity: failed.count * 256)
    func begin(_ row: Int) {
      buffer.beginRow(fields: 5)
      buffer.integer(load)
      rows.withField(row, layout.line) { buffer.field($0) }
    }
    for row in failed {
      begin(row)
      for field in [layout.reason, layout.column, layout.raw] {
        rows.withField(row, field) { buffer.field($0) }
      }
    }
    for mark in marks where !mark.isDuplicate {
      begin(mark.row)
      for var text in [mark.reason, "event_id"] {
        text.withUTF8 { buffer.text(UnsafeRawBufferPointer($0)) }
      }
      rows.withField(mark.row, layout.raw) { buffer.field($0) }
    }
    if buffer.count == 0 { return [] }
    return CopyBuffer.header + buffer.take() + CopyBuffer.trailer
  }
}
