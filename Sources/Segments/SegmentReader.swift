import Schedules
import Warehouse

/// What has been published, read for people: listings, sizes over time, members.
public struct SegmentReader: Sendable {
  private let pool: ConnectionPool

  /// A reader of one project's database.
  public init(pool: ConnectionPool) { self.pool = pool }

  /// A live segment with the size and movement of the live publication.
  public struct Listing: Sendable, Hashable, Codable {
    /// The name in the catalogue.
    public let segment: String
    /// The name for people.
    public let title: String
    /// Smaller wins the primary segment; nil comes last.
    public let priority: Int32?
    /// Customers in it.
    public let members: Int64
    /// Customers who were not in it at the publication before.
    public let entered: Int64
    /// Customers who were in it at the publication before and are no longer.
    public let left: Int64
    /// The instant published.
    public let asOf: Instant
    /// Hash of the normalised rule.
    public let ruleVersion: String
    /// Its view in schema `audience`.
    public let audienceView: String
  }

  /// The live segments, best priority first; none before the first publication.
  public func list() async throws -> [Listing] {
    try await pool.query(SQL(file: "queries/segments/list_segments.sql")).map {
      Listing(
        segment: try $0.get("segment"), title: try $0.get("title"),
        priority: try $0.get("priority"), members: try $0.get("members"),
        entered: try $0.get("entered"), left: try $0.get("left"), asOf: try $0.get("as_of"),
        ruleVersion: try $0.get("rule_version"), audienceView: try $0.get("audience_view"))
    }
  }

  /// The size of one segment at one publication.
  public struct Size: Sendable, Hashable, Codable {
    /// The instant published.
    public let asOf: Instant
    /// The name in the catalogue.
    public let segment: String
    /// Customers in it.
    public let members: Int64
    /// Customers who were not in it at the publication before.
    public let entered: Int64
    /// Customers who were in it at the publication before and are no longer.
    public let left: Int64
  }

  /// Sizes over time, oldest first.
  ///
  /// - Parameters:
  ///   - segment: one segment; nil for all.
  ///   - from: the first as-of; nil from the start.
  ///   - to: the last as-of, inclusive; nil to the end.
  /// - Throws: `segments.unknown_segment`.
  public func sizes(
    of segment: String? = nil, from: Instant? = nil, to: Instant? = nil
  ) async throws -> [Size] {
    if let segment { _ = try await row(of: segment) }
    return try await pool.query(
      SQL(file: "queries/segments/list_sizes.sql", segment, from, to)
    ).map {
      Size(
        asOf: try $0.get("as_of"), segment: try $0.get("segment"), members: try $0.get("members"),
        entered: try $0.get("entered"), left: try $0.get("left"))
    }
  }

  /// A member of a segment.
  public struct Member: Sendable, Hashable, Codable {
    /// The internal number.
    public let customerID: Int64
    /// The company's own key; nil where the customer is unknown by now.
    public let customerKey: String?
    /// As-of at which the customer entered; nil where members of another instant were asked for.
    public let since: Instant?
    /// Why the customer entered; nil where members of another instant were asked for.
    public let cause: String?
  }

  /// The members of a segment in the order of their internal number.
  ///
  /// - Parameters:
  ///   - asOf: the instant; nil for now.
  ///   - knownAt: what was known then; nil for what is known now. Counts only with `asOf`.
  ///   - limit: at most so many; nil for all, which are held in memory.
  /// - Throws: `segments.unknown_segment`.
  public func members(
    of segment: String, asOf: Instant? = nil, knownAt: Instant? = nil, limit: Int? = nil
  ) async throws -> [Member] {
    let id = try await row(of: segment).get("segment_id", as: Int32.self)
    let limit = limit.map(Int64.init)
    if let asOf {
      return try await pool.query(
        SQL(file: "queries/segments/list_members_at.sql", segment, asOf, knownAt, limit)
      ).map {
        Member(
          customerID: try $0.get("customer_id"), customerKey: try $0.get("customer_key"),
          since: nil, cause: nil)
      }
    }
    return try await pool.query(SQL(file: "queries/segments/list_members.sql", id, limit)).map {
      Member(
        customerID: try $0.get("customer_id"), customerKey: try $0.get("customer_key"),
        since: try $0.get("since"), cause: try $0.get("cause"))
    }
  }

  /// A rule that a segment has had.
  public struct Version: Sendable, Hashable, Codable {
    /// Hash of the normalised rule.
    public let ruleVersion: String
    /// The rule in its normal form.
    public let rule: String
    /// As-of of the first publication with it.
    public let asOf: Instant
    /// The run that published it first; nil outside a run.
    public let runID: Int64?
    /// When it was published first.
    public let publishedAt: Instant
    /// Who asked for that; nil where nobody said.
    public let author: String?
    /// Why; nil where nobody said.
    public let message: String?
  }

  /// Everything about one segment.
  public struct Detail: Sendable, Hashable, Codable {
    /// The name in the catalogue.
    public let segment: String
    /// The name for people.
    public let title: String
    /// What it is for; may be empty.
    public let description: String
    /// Smaller wins the primary segment; nil comes last.
    public let priority: Int32?
    /// False once it has left the catalogue.
    public let isLive: Bool
    /// Whether the rule reads a model score.
    public let usesScore: Bool
    /// Its view in schema `audience`; nil once it has left.
    public let audienceView: String?
    /// The promotion that its members get, as other systems name it; nil for none.
    public let promotion: String?
    /// Members in the live publication; nil once it has left.
    public let members: Int64?
    /// Customers who were not in it at the publication before; nil once it has left.
    public let entered: Int64?
    /// Customers who left since the publication before; nil once it has left.
    public let left: Int64?
    /// The instant of these numbers; nil once it has left.
    public let asOf: Instant?
    /// The rules it has had, newest first.
    public let versions: [Version]
  }

  /// One segment, live or not.
  ///
  /// - Throws: `segments.unknown_segment`.
  public func show(_ segment: String) async throws -> Detail {
    let row = try await row(of: segment)
    let versions = try await pool.query(
      SQL(
        file: "queries/segments/list_versions.sql", try row.get("segment_id", as: Int32.self)))
    return Detail(
      segment: try row.get("segment"), title: try row.get("title"),
      description: try row.get("description"), priority: try row.get("priority"),
      isLive: try row.get("is_live"), usesScore: try row.get("uses_score"),
      audienceView: try row.get("audience_view"), promotion: try row.get("promotion"),
      members: try row.get("members"), entered: try row.get("entered"), left: try row.get("left"),
      asOf: try row.get("as_of"),
      versions: try versions.map {
        Version(
          ruleVersion: try $0.get("rule_version"), rule: try $0.get("rule"),
          asOf: try $0.get("as_of"), runID: try $0.get("run_id"),
          publishedAt: try $0.get("published_at"), author: try $0.get("author"),
          message: try $0.get("message"))
      })
  }

  /// The as-of that is live; nil before the first publication.
  public func liveAsOf() async throws -> Instant? {
    try await pool.first(
      SQL(file: "queries/segments/select_publication_before.sql", Instant?.none)
    )?.get("as_of")
  }

  /// The names of all segments ever published, by name; also of those that have left the catalogue.
  public func publishedNames() async throws -> [String] {
    try await pool.query(SQL(file: "queries/segments/list_segment_names.sql")).map {
      try $0.get("name", as: String.self)
    }
  }

  /// A published segment, live or not.
  ///
  /// - Throws: `segments.unknown_segment`.
  func row(of segment: String) async throws -> Row {
    let query = SQL(file: "queries/segments/show_segment.sql", segment)
    if let row = try await pool.first(query) { return row }
    let names = try await publishedNames()
    throw SegmentError(
      code: "segments.unknown_segment",
      message: "expected a published segment, found '\(segment)'",
      hint: names.isEmpty
        ? "nothing has been published yet"
        : "published are: \(names.prefix(20).joined(separator: ", "))")
  }
}
