/// A part of all customers, for mapped tasks: every customer is in exactly one of the ranges that are
/// made together.
///
/// Where the warehouse is sharded a range is whole shards (buckets of the hash of `customer_id` that
/// Citus shards by), else a span of `customer_id`.
/// ```swift
/// let ranges = try await CustomerRange.read(count: 8, on: connection)   // the items of a mapped task
/// let only = range.condition(on: "t.customer_id")                        // in each of its tasks
/// let sql: SQL = "COPY (SELECT … FROM facts.customer_day AS t WHERE \(fragment: only)) TO STDOUT"
/// ```
public struct CustomerRange: Sendable, Hashable, Codable {
  /// The first and the last hash of a shard, both inside.
  public struct Bucket: Sendable, Hashable, Codable {
    /// The first hash inside.
    public let low: Int32
    /// The last hash inside.
    public let high: Int32

    /// The hashes from `low` through `high`.
    public init(low: Int32, high: Int32) {
      self.low = low
      self.high = high
    }
  }

  /// What is inside.
  public enum Extent: Sendable, Hashable, Codable {
    /// Customers from `first` (nil: from the smallest) to before `end` (nil: to the greatest).
    case identifiers(first: Int64?, end: Int64?)
    /// Customers whose hash is in a bucket.
    case hashes(Bucket)
  }

  /// Its place among the ranges made together, from 0.
  public let number: Int
  /// How many were made together.
  public let count: Int
  /// What is inside.
  public let extent: Extent

  /// Every customer: one range of one.
  public static let all = CustomerRange(
    number: 0, count: 1, extent: .identifiers(first: nil, end: nil))

  /// Cuts the span of known customers into equal parts; the outer ones are open, so that customers
  /// who arrive later are in one as well.
  ///
  /// Ids are given out one after another, so that equal spans hold about equally many customers.
  /// - Parameters:
  ///   - count: at most so many ranges, at least 1; fewer where there are fewer ids.
  ///   - first: the smallest id; nil without customers.
  ///   - last: the greatest id; nil without customers.
  public static func ranges(count: Int, first: Int64?, last: Int64?) -> [CustomerRange] {
    guard let first, let last, first <= last, count > 1 else { return [all] }
    // Wider than 64 bits where the ids span all of Int64.
    let width = UInt64(bitPattern: last) &- UInt64(bitPattern: first)
    let parts = UInt64(min(count, width >= UInt64(Int.max) ? count : Int(width) + 1))
    let cuts = (1..<parts).map { part -> Int64 in
      let product = width.multipliedFullWidth(by: part)
      let offset = parts.dividingFullWidth(product).quotient
      return Int64(bitPattern: UInt64(bitPattern: first) &+ offset &+ 1)
    }
    return numbered(
      (0...cuts.count).map { place in
        .identifiers(
          first: place == 0 ? nil : cuts[place - 1], end: place == cuts.count ? nil : cuts[place])
      })
  }

  /// Gathers neighbouring shards into ranges, of about equally many shards.
  ///
  /// - Parameters:
  ///   - count: at most so many ranges, at least 1; fewer where there are fewer shards.
  ///   - shards: the buckets of a table in ascending order, without gaps, over all of Int32.
  /// - Throws: `warehouse.shards` where they are not.
  public static func ranges(
    count: Int, shards: [Bucket]
  ) throws(WarehouseError) -> [CustomerRange] {
    var next: Int64 = Int64(Int32.min)
    for shard in shards {
      guard Int64(shard.low) == next, shard.low <= shard.high else { throw gap(next, shard) }
      next = Int64(shard.high) + 1
    }
    guard next == Int64(Int32.max) + 1 else { throw gap(next, nil) }
    let parts = max(1, min(count, shards.count))
    return numbered(
      (0..<parts).map { part in
        .hashes(
          Bucket(
            low: shards[shards.count * part / parts].low,
            high: shards[shards.count * (part + 1) / parts - 1].high))
      })
  }

  private static func gap(_ next: Int64, _ shard: Bucket?) -> WarehouseError {
    WarehouseError(
      code: "warehouse.shards",
      message: "expected shards that cover every hash once, found "
        + (shard.map { "one of \($0.low) to \($0.high) where \(next) is next" }
          ?? "none from \(next) on"))
  }

  private static func numbered(_ extents: [Extent]) -> [CustomerRange] {
    extents.enumerated().map { CustomerRange(number: $0, count: extents.count, extent: $1) }
  }

  /// The ranges of this database: shards where `facts.customers` is distributed, else spans of ids.
  ///
  /// - Parameter count: at most so many.
  public static func read(
    count: Int, on connection: Connection
  ) async throws -> [CustomerRange] {
    let catalogue = try await connection.first(
      SQL(file: "queries/distribution/find_catalogue.sql"))
    if try catalogue?.get("found", as: Bool.self) == true {
      let shards = try await connection.query(SQL(file: "queries/distribution/list_shards.sql"))
        .map { Bucket(low: try $0.get("low"), high: try $0.get("high")) }
      if !shards.isEmpty { return try ranges(count: count, shards: shards) }
    }
    let bounds = try await connection.first(
      SQL(file: "queries/distribution/find_customer_bounds.sql"))
    return ranges(
      count: count, first: try bounds?.get("first"), last: try bounds?.get("last"))
  }

  /// Ranges of known extents that were made together, in order; nil where they do not hold every
  /// customer exactly once.
  ///
  /// - Parameter extents: spans of ids, or hashes, in ascending order.
  public static func ranges(of extents: [Extent]) -> [CustomerRange]? {
    guard let first = extents.first, let last = extents.last else { return nil }
    switch (first, last) {
    case (.identifiers(nil, _), .identifiers(_, nil)): break
    case (.hashes(let low), .hashes(let high)) where low.low == .min && high.high == .max: break
    default: return nil
    }
    for (left, right) in zip(extents, extents.dropFirst()) {
      switch (left, right) {
      case (.identifiers(let first, let end?), .identifiers(let next?, let last))
      where end == next && first.map({ $0 < end }) ?? true && last.map({ next < $0 }) ?? true:
        continue
      case (.hashes(let one), .hashes(let next))
      where Int64(one.high) + 1 == Int64(next.low) && one.low <= one.high && next.low <= next.high:
        continue
      default: return nil
      }
    }
    return numbered(extents)
  }

  /// Whether this range may share a customer with another.
  public func overlaps(_ other: CustomerRange) -> Bool {
    switch (extent, other.extent) {
    case (.identifiers(let first, let end), .identifiers(let otherFirst, let otherEnd)):
      let isBefore = end.flatMap { end in otherFirst.map { end <= $0 } } ?? false
      let isAfter = otherEnd.flatMap { end in first.map { end <= $0 } } ?? false
      return !isBefore && !isAfter
    case (.hashes(let one), .hashes(let two)): return one.low <= two.high && two.low <= one.high
    // A span of ids has customers of every hash.
    case (.identifiers, .hashes), (.hashes, .identifiers): return true
    }
  }

  /// The condition that rows of this range fulfil, with bound values; `true` for every customer.
  ///
  /// Citus sends a condition on the hash to every shard, and each tests its own rows; it prunes by
  /// values of `customer_id` alone. So a few ranges per worker are right, not a range per shard.
  /// - Parameter column: the customer's column as the statement names it.
  public func condition(on column: SQL = "customer_id") -> SQL {
    switch extent {
    case .identifiers(nil, nil): "true"
    case .identifiers(let first?, nil): "\(fragment: column) >= \(first)"
    case .identifiers(nil, let end?): "\(fragment: column) < \(end)"
    case .identifiers(let first?, let end?):
      "\(fragment: column) >= \(first) AND \(fragment: column) < \(end)"
    case .hashes(let bucket):
      "hashint8(\(fragment: column)) BETWEEN \(bucket.low) AND \(bucket.high)"
    }
  }

  /// Whether a customer is inside: the same verdict as ``condition(on:)``.
  public func contains(_ customer: Int64) -> Bool {
    switch extent {
    case .identifiers(let first, let end):
      return first.map { customer >= $0 } ?? true && end.map { customer < $0 } ?? true
    case .hashes(let bucket):
      let hash = Self.hash(of: customer)
      return bucket.low <= hash && hash <= bucket.high
    }
  }

  /// PostgreSQL's `hashint8`, by which Citus shards a bigint column.
  ///
  /// Source: PostgreSQL, `hashint8` (hashfunc.c) and `hash_bytes_uint32` (hashfn.c): Bob Jenkins'
  /// lookup3 over the folded halves, so that equal smaller integers hash alike.
  public static func hash(of customer: Int64) -> Int32 {
    var low = UInt32(truncatingIfNeeded: customer)
    let high = UInt32(truncatingIfNeeded: customer >> 32)
    low ^= customer >= 0 ? high : ~high
    let start: UInt32 = 0x9E37_79B9 &+ 4 &+ 3_923_095
    var (a, b, c) = (start &+ low, start, start)
    func turned(_ value: UInt32, _ bits: UInt32) -> UInt32 {
      value << bits | value >> (32 - bits)
    }
    c = (c ^ b) &- turned(b, 14)
    a = (a ^ c) &- turned(c, 11)
    b = (b ^ a) &- turned(a, 25)
    c = (c ^ b) &- turned(b, 16)
    a = (a ^ c) &- turned(c, 4)
    b = (b ^ a) &- turned(a, 14)
    c = (c ^ b) &- turned(b, 24)
    return Int32(bitPattern: c)
  }
}
