import Diagnostics
import Rules
import Schedules
import Warehouse

/// The overrides of a project: added and removed by people, never changed.
public struct OverrideStore: Sendable {
  private let pool: ConnectionPool
  private let clock: any WallClock

  /// The overrides in one project's database.
  public init(pool: ConnectionPool, clock: any WallClock = SystemClock()) {
    self.pool = pool
    self.clock = clock
  }

  /// The statement whose rows ``overrides(_:)`` reads: for a transaction of the caller's.
  ///
  /// - Parameters:
  ///   - knownAt: those that were known then; nil for now.
  ///   - asOf: those alone that count then; nil for all.
  public static func reading(knownAt: Instant? = nil, inForceAt asOf: Instant? = nil) -> SQL {
    SQL(file: "queries/segments/list_overrides.sql", knownAt, asOf)
  }

  /// The overrides of the rows of ``reading(knownAt:)``; those of customers who are gone are left out.
  public static func overrides(_ rows: [Row]) throws -> Overrides { Overrides(try list(rows)) }

  /// The same one by one.
  static func list(_ rows: [Row]) throws -> [Override] {
    try rows.compactMap { row in
      guard let customer = try row.get("customer_id", as: Int64?.self) else { return nil }
      return try override(row, customer)
    }
  }

  /// All overrides, expired and removed ones, too: they counted once.
  ///
  /// - Parameter knownAt: those that were known then; nil for now.
  public func load(knownAt: Instant? = nil) async throws -> Overrides {
    try Self.overrides(try await pool.query(Self.reading(knownAt: knownAt)))
  }

  private static func override(_ row: Row, _ customer: Int64) throws -> Override {
    let direction = try row.get("action", as: String.self)
    return Override(
      id: try row.get("override_id"), customerID: customer,
      customerKey: try row.get("customer_key"), segment: try row.get("segment"),
      direction: direction == "out" ? .out : .in, validFrom: try row.get("valid_from"),
      validTo: try row.get("valid_to", as: Instant?.self), author: try row.get("author"),
      reason: try row.get("reason"), recordedAt: try row.get("recorded_at"))
  }

  /// An override as it is listed.
  public struct Listing: Sendable, Hashable, Codable {
    /// Its number.
    public let id: Int64
    /// The customer, the company's own key.
    public let customerKey: String
    /// The segment's name.
    public let segment: String
    /// Which way it goes.
    public let direction: Override.Direction
    /// The first as-of at which it counts.
    public let validFrom: Instant
    /// When it expires; nil for never.
    public let expires: Instant?
    /// Who decided.
    public let author: String
    /// Why.
    public let reason: String
    /// When it was recorded.
    public let recordedAt: Instant
    /// When it was removed; nil unless it was.
    public let removedAt: Instant?
    /// Who removed it; nil unless it was removed.
    public let removedBy: String?
    /// Why it was removed; nil unless it was.
    public let removedBecause: String?
    /// Whether it counts now.
    public let isInForce: Bool
  }

  /// The overrides in the order in which they were recorded.
  ///
  /// - Parameter all: also those that count neither now nor later.
  public func list(all: Bool = false) async throws -> [Listing] {
    let now = clock.now()
    return try await pool.query(Self.reading()).compactMap { row in
      let validTo = try row.get("valid_to", as: Instant?.self)
      let validFrom = try row.get("valid_from", as: Instant.self)
      let isOver = validTo.map { $0 <= now || $0 <= validFrom } ?? false
      if isOver, !all { return nil }
      return Listing(
        id: try row.get("override_id"), customerKey: try row.get("customer_key"),
        segment: try row.get("segment"),
        direction: try row.get("action", as: String.self) == "out" ? .out : .in,
        validFrom: validFrom, expires: try row.get("expires_at"), author: try row.get("author"),
        reason: try row.get("reason"), recordedAt: try row.get("recorded_at"),
        removedAt: try row.get("removed_at"), removedBy: try row.get("removed_by"),
        removedBecause: try row.get("removed_because"),
        isInForce: !isOver && validFrom <= now)
    }
  }

  /// What to add.
  public struct Order: Sendable {
    /// The customer, the company's own key.
    public var customerKey: String
    /// The segment's name in the catalogue, or its SQL name.
    public var segment: String
    /// Which way it goes.
    public var direction: Override.Direction
    /// The first as-of at which it counts; nil for now.
    public var validFrom: Instant?
    /// When it expires; nil for never.
    public var expires: Instant?
    /// Who decided.
    public var author: String
    /// Why.
    public var reason: String

    /// An order from its parts.
    public init(
      customerKey: String, segment: String, direction: Override.Direction,
      validFrom: Instant? = nil, expires: Instant? = nil, author: String, reason: String
    ) {
      self.customerKey = customerKey
      self.segment = segment
      self.direction = direction
      self.validFrom = validFrom
      self.expires = expires
      self.author = author
      self.reason = reason
    }
  }

  /// Records an override: it counts from the next evaluation on whose as-of it is in force.
  ///
  /// - Throws: ``SegmentError`` `segments.unknown_segment`, `segments.unknown_customer`,
  ///   `segments.no_reason`, `segments.expired`, `segments.second_pin` where the customer is pinned
  ///   into another segment of the group at the same time, `segments.same_override`.
  public func add(_ order: Order, catalogue: SegmentCatalogue) async throws -> Override {
    let now = clock.now()
    let segment = try Self.name(order.segment, of: catalogue)
    try Self.check(order, now)
    return try await pool.transaction { connection in
      try await connection.execute(SQL(file: "queries/segments/lock_overrides.sql"))
      let customer = try await connection.first(
        SQL(
          file: "queries/features/find_customer.sql", order.customerKey,
          Instant(microseconds: .max)))
      guard let customerID = try customer?.get("customer_id", as: Int64?.self) else {
        throw SegmentError(
          code: "segments.unknown_customer",
          message: "expected a known customer's key, found '\(order.customerKey)'",
          hint: "facts.customers lists them")
      }
      let validFrom = order.validFrom ?? now
      let known = try Self.overrides(try await connection.query(Self.reading()))
      let new = Override(
        id: 0, customerID: customerID, customerKey: order.customerKey, segment: segment,
        direction: order.direction, validFrom: validFrom, validTo: order.expires,
        author: order.author, reason: order.reason, recordedAt: now)
      try OverrideConflict.check(new, against: known, catalogue)
      return try await Self.insert(new, on: connection)
    }
  }

  private static func insert(_ new: Override, on connection: Connection) async throws -> Override {
    let row = try await connection.first(
      SQL(
        file: "queries/segments/insert_override.sql", new.direction.rawValue, new.customerID,
        new.customerKey, new.segment, new.validFrom, new.validTo, new.recordedAt,
        new.author, new.reason))
    return Override(
      id: try row?.get("override_id") ?? 0, customerID: new.customerID,
      customerKey: new.customerKey, segment: new.segment, direction: new.direction,
      validFrom: new.validFrom, validTo: new.validTo, author: new.author, reason: new.reason,
      recordedAt: new.recordedAt)
  }

  /// Ends an override from now on; what it did before stays as it was.
  ///
  /// - Throws: ``SegmentError`` `segments.unknown_override`, `segments.override_over`,
  ///   `segments.no_reason`.
  public func remove(_ id: Int64, author: String, reason: String) async throws -> Listing {
    let now = clock.now()
    try Self.checkReason(reason)
    try await pool.transaction { connection in
      try await connection.execute(SQL(file: "queries/segments/lock_overrides.sql"))
      let rows = try await connection.query(Self.reading())
      guard let row = try rows.first(where: { try $0.get("override_id", as: Int64.self) == id })
      else {
        throw SegmentError(
          code: "segments.unknown_override",
          message: "expected an override's number, found \(id)",
          hint: "strata segments override list --all shows them")
      }
      if let over = try row.get("valid_to", as: Instant?.self), over <= now {
        throw SegmentError(
          code: "segments.override_over",
          message: "expected an override that counts, found \(id), which has not since \(over)")
      }
      _ = try await connection.query(
        SQL(file: "queries/segments/remove_override.sql", id, now, author, reason))
    }
    guard let listing = try await list(all: true).first(where: { $0.id == id }) else {
      throw SegmentError(
        code: "segments.unknown_override", message: "expected override \(id), found none",
        isPermanent: false)
    }
    return listing
  }

  // MARK: Checks

  private static func name(_ written: String, of catalogue: SegmentCatalogue) throws -> String {
    if let segment = catalogue.segment(named: written) { return segment.name }
    if let fallback = catalogue.policy.fallback, fallback.name == written { return written }
    let names = catalogue.segments.map(\.name) + [catalogue.policy.fallback?.name].compactMap { $0 }
    throw SegmentError(
      code: "segments.unknown_segment",
      message: "expected a segment of the catalogue, found '\(written)'",
      hint: Suggestion.hint(for: written, among: names, noun: "segments"))
  }

  private static func checkReason(_ reason: String) throws {
    guard reason.contains(where: { !$0.isWhitespace }) else {
      throw SegmentError(
        code: "segments.no_reason", message: "expected a reason, found none",
        hint: "say why, for those who read it later: --reason \"invited by sales\"")
    }
  }

  private static func check(_ order: Order, _ now: Instant) throws {
    try checkReason(order.reason)
    let from = order.validFrom ?? now
    if let expires = order.expires, expires <= from {
      throw SegmentError(
        code: "segments.expired",
        message: "expected an expiry after \(from), when the override begins, found \(expires)")
    }
  }
}

/// Whether an override can stand beside those that are there.
enum OverrideConflict {
  /// - Throws: `segments.second_pin`, `segments.same_override`.
  static func check(
    _ new: Override, against known: Overrides, _ catalogue: SegmentCatalogue
  ) throws {
    let group = catalogue.segment(named: new.segment)?.group
    for other in known.all where other.customerID == new.customerID && overlap(other, new) {
      if other.segment == new.segment, other.direction == new.direction {
        throw SegmentError(
          code: "segments.same_override",
          message: "expected an override that is not there yet, found number \(other.id) of "
            + "\(other.author)",
          hint: "remove it first to change it: strata segments override remove \(other.id)")
      }
      guard new.direction == .in, other.direction == .in, let group,
        catalogue.segment(named: other.segment)?.group == group
      else { continue }
      throw SegmentError(
        code: "segments.second_pin",
        message: "expected at most one pin in group '\(group)' for customer "
          + "'\(new.customerKey)', found one into '\(other.segment)' by \(other.author)",
        hint: "segments of a group exclude each other; remove the other first: "
          + "strata segments override remove \(other.id)")
    }
  }

  private static func overlap(_ left: Override, _ right: Override) -> Bool {
    let ends = [left.validTo, right.validTo].compactMap { $0 }
    let start = max(left.validFrom, right.validFrom)
    return ends.allSatisfy { start < $0 }
  }
}
