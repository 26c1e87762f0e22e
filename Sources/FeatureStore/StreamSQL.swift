import Columns
import Features
import Schedules
import Warehouse

/// COPY of events for rings: who, when, which kind, which conditions hold, numbers and keys.
struct StreamSQL {
  private let tiles: TileSQL
  private let read: StreamRead
  private let shape: StreamShape
  private let knowledge: Knowledge

  init(_ tiles: TileSQL, _ read: StreamRead, _ knowledge: Knowledge = .now) {
    self.tiles = tiles
    self.read = read
    self.knowledge = knowledge
    shape = read.shape
  }

  /// The statement; `loads` is the condition on the load of the events `e`.
  func copy(where loads: SQL, _ customers: CustomerChoice) throws -> SQL {
    var columns: [String] = []
    for word in 0..<shape.words {
      let bits = shape.conditions.enumerated().filter { $0.offset / 62 == word }.map {
        "CASE WHEN \(ConditionSQL.text($0.element)) THEN \(1 << Int64($0.offset % 62))::bigint"
          + " ELSE 0 END"
      }
      columns.append("(\(bits.joined(separator: " | ")))::bigint")
    }
    for number in shape.numbers {
      let text = ConditionSQL.number(number)
      columns.append(number.scale == 4 ? "(\(text) * 10000)::bigint" : text)
    }
    columns += shape.keys.map { ConditionSQL.key($0) }
    let more = columns.map { ",\n       \($0)" }.joined()
    let lower: SQL = read.from.map { "AND e.occurred_at >= \($0)" } ?? ""
    var wanted = customers
    if case .again(let again) = read.purpose { wanted = .only(again) }
    let sql: SQL = """
      COPY (
        SELECT e.customer_id, e.occurred_at, e.kind_id\(unsafeText: more)
        FROM \(fragment: knowledge.events) AS e
        WHERE e.kind_id = ANY (\(try tiles.kindIDs(shape.kinds)))
          AND e.occurred_at < \(read.to) \(fragment: lower) AND \(fragment: loads)
          \(fragment: wanted.condition("e"))
      ) TO STDOUT WITH (FORMAT binary)
      """
    return sql.named("copy event streams")
  }

  /// The position of each kind in the rows' shape.
  func kinds() throws -> [Int16: Int32] {
    var kinds: [Int16: Int32] = [:]
    for (position, id) in try tiles.kindIDs(shape.kinds).enumerated() {
      kinds[id] = Int32(position)
    }
    return kinds
  }
}

/// Rows of a binary COPY as they become a batch.
struct StreamDecoding: Sendable {
  private var decoder = BinaryCopyDecoder()
  private let kinds: [Int16: Int32]
  private(set) var batch: StreamBatch

  init(_ shape: StreamShape, kinds: [Int16: Int32]) {
    batch = StreamBatch(shape: shape)
    self.kinds = kinds
  }

  /// Takes a message in; passes over the rows of some customers.
  mutating func take(_ message: UnsafeRawBufferPointer, without: Set<Int64>) throws {
    guard var row = try decoder.row(message) else { return }
    guard let customer = try row.int64(), let time = try row.instant(), let id = try row.int16(),
      let kind = kinds[id]
    else { throw Self.broken }
    if !without.isEmpty, without.contains(customer) { return }
    batch.customers.append(customer)
    batch.times.append(time)
    batch.kinds.append(kind)
    for _ in 0..<batch.shape.words { batch.bits.append(try row.int64() ?? 0) }
    for _ in batch.shape.numbers { batch.numbers.append(try row.int64() ?? StreamBatch.absent) }
    for _ in batch.shape.keys {
      batch.keys.append(try row.raw().map { EventKey.hash($0) } ?? 0)
    }
  }

  mutating func removeAll() { batch.removeAll() }

  private static let broken = FeatureStoreError(
    code: "feature_store.bad_copy", message: "expected a row of an event, found another")
}
