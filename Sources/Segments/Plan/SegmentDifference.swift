import Columns
import FeatureStore
import Features
import Rules
import Schedules
import Warehouse

/// How published memberships differ: between two instants, and between two segments.
public struct SegmentDifference: Sendable {
  private let pool: ConnectionPool

  /// Differences within one project's database.
  public init(pool: ConnectionPool) { self.pool = pool }

  /// Two instants compared, as believed now.
  public struct OfDates: Sendable, Hashable, Codable {
    /// One segment that had members at one of them.
    public struct Row: Sendable, Hashable, Codable {
      /// The segment.
      public let segment: String
      /// Members at the first instant.
      public let membersThen: Int64
      /// Members at the second.
      public let membersNow: Int64
      /// Members at the second and not at the first.
      public let entered: Int64
      /// Members at the first and not at the second.
      public let left: Int64
      /// Some of those who entered.
      public let sampleEntered: [String]
      /// Some of those who left.
      public let sampleLeft: [String]
    }

    /// The first instant.
    public let from: Instant
    /// The second.
    public let to: Instant
    /// The segments by name.
    public let segments: [Row]
  }

  /// Two segments compared, as believed now.
  public struct OfSegments: Sendable, Hashable, Codable {
    /// The first segment.
    public let first: String
    /// The second.
    public let second: String
    /// The instant compared.
    public let asOf: Instant
    /// Customers in both.
    public let inBoth: Int64
    /// Customers in the first only.
    public let inFirst: Int64
    /// Customers in the second only.
    public let inSecond: Int64
    /// Those in both over those in one of them; nil where both are empty.
    public let jaccard: Double?
    /// Some of those in both.
    public let sampleBoth: [String]
    /// Some of those in the first only.
    public let sampleFirst: [String]
    /// Some of those in the second only.
    public let sampleSecond: [String]
  }

  /// Compares two instants; each has the memberships of the last publication at it or before it.
  ///
  /// - Parameters:
  ///   - segment: one segment; nil for all.
  ///   - sample: at most so many customers of each segment and direction.
  /// - Throws: ``SegmentError`` `segments.unknown_segment`; `WarehouseError`.
  public func between(
    _ from: Instant, _ to: Instant, segment: String? = nil, sample: Int
  ) async throws -> OfDates {
    if let segment { try await check([segment]) }
    return try await pool.transaction(.repeatableRead, readOnly: true) { connection in
      let counts = try await connection.query(
        SQL(file: "queries/segments/count_differences.sql", from, to, segment))
      func draw(_ segment: String, entered: Bool, of total: Int64) async throws -> [String] {
        if total == 0 || sample == 0 { return [] }
        return try await connection.query(
          SQL(
            file: "queries/segments/draw_differences.sql", from, to, segment, entered,
            Int64(sample))
        ).map { try $0.get("customer_key", as: String?.self) ?? "-" }
      }
      var rows: [OfDates.Row] = []
      for row in counts {
        let name = try row.get("segment", as: String.self)
        let entered = try row.get("entered", as: Int64.self)
        let left = try row.get("left", as: Int64.self)
        rows.append(
          OfDates.Row(
            segment: name, membersThen: try row.get("members_then"),
            membersNow: try row.get("members_now"), entered: entered, left: left,
            sampleEntered: try await draw(name, entered: true, of: entered),
            sampleLeft: try await draw(name, entered: false, of: left)))
      }
      return OfDates(from: from, to: to, segments: rows)
    }
  }

  /// Compares two segments.
  ///
  /// - Parameters:
  ///   - asOf: the instant; nil for the live publication.
  ///   - sample: at most so many customers of each kind.
  /// - Throws: ``SegmentError`` `segments.unknown_segment`, `segments.nothing_published`;
  ///   `WarehouseError`.
  public func of(
    _ first: String, _ second: String, asOf: Instant? = nil, sample: Int
  ) async throws -> OfSegments {
    try await check([first, second])
    guard let live = try await SegmentReader(pool: pool).liveAsOf() else {
      throw SegmentError(
        code: "segments.nothing_published",
        message: "expected a publication to compare segments of, found none")
    }
    let instant = asOf ?? live
    return try await pool.transaction(.repeatableRead, readOnly: true) { connection in
      let counts = try await connection.first(
        SQL(file: "queries/segments/count_overlap.sql", first, second, instant))
      let both = try counts?.get("in_both", as: Int64.self) ?? 0
      let one = try counts?.get("in_first", as: Int64.self) ?? 0
      let other = try counts?.get("in_second", as: Int64.self) ?? 0
      func draw(_ isFirst: Bool, _ isSecond: Bool) async throws -> [String] {
        if sample == 0 { return [] }
        return try await connection.query(
          SQL(
            file: "queries/segments/draw_overlap.sql", first, second, instant, isFirst, isSecond,
            Int64(sample))
        ).map { try $0.get("customer_key", as: String?.self) ?? "-" }
      }
      let either = both + one + other
      return OfSegments(
        first: first, second: second, asOf: instant, inBoth: both, inFirst: one, inSecond: other,
        jaccard: either == 0 ? nil : Double(both) / Double(either),
        sampleBoth: try await draw(true, true), sampleFirst: try await draw(true, false),
        sampleSecond: try await draw(false, true))
    }
  }

  private func check(_ names: [String]) async throws {
    let known = try await pool.query(SQL(file: "queries/segments/list_segment_names.sql")).map {
      try $0.get("name", as: String.self)
    }
    for name in names where !known.contains(name) {
      throw SegmentError.unknownSegment(name, among: known)
    }
  }
}

extension SegmentDifference.OfDates {
  /// The comparison as people read it.
  public func text(zone: Zone, _ ink: TextStyle = TextStyle()) -> String {
    var lines = [
      "\(LocalText.moment(from, zone)) \(ink.sign("→", "->")) \(LocalText.moment(to, zone))", "",
    ]
    let names = segments.map { RuleTextLine.visible($0.segment) }
    let width = names.map(\.count).max() ?? 0
    let arrow = ink.sign("→", "->")
    for (row, name) in zip(segments, names) {
      let pad = String(repeating: " ", count: width - name.count)
      let moved =
        row.entered + row.left == 0
        ? "nobody moved"
        : "+\(LocalText.count(row.entered)) \(ink.sign("−", "-"))\(LocalText.count(row.left))"
      lines.append(
        "\(ink.bold(name))\(pad)  \(LocalText.count(row.membersThen)) \(arrow) "
          + "\(LocalText.plural(row.membersNow, "member"))  \(moved)")
      lines += Self.sample("entered", row.sampleEntered, of: row.entered)
      lines += Self.sample("left", row.sampleLeft, of: row.left)
    }
    if segments.isEmpty { lines.append("nobody was in a segment at either") }
    return lines.joined(separator: "\n")
  }

  /// `entered  a, b and 3 more`.
  static func sample(_ what: String, _ keys: [String], of total: Int64) -> [String] {
    if keys.isEmpty { return [] }
    let left = total - Int64(keys.count)
    let more = left > 0 ? " and \(LocalText.count(left)) more" : ""
    return [
      "    \(what)  \(keys.map { RuleTextLine.visible($0) }.joined(separator: ", "))\(more)"
    ]
  }
}

extension SegmentDifference.OfSegments {
  /// The comparison as people read it.
  public func text(zone: Zone, _ ink: TextStyle = TextStyle()) -> String {
    let (one, other) = (RuleTextLine.visible(first), RuleTextLine.visible(second))
    var lines = [
      "\(ink.bold("\(one) and \(other)")) as of \(LocalText.moment(asOf, zone))",
      jaccard.map { "overlap \(LocalText.percent($0)) (Jaccard)" } ?? "both are empty", "",
    ]
    let parts = [
      ("in both", inBoth, sampleBoth), ("only in \(one)", inFirst, sampleFirst),
      ("only in \(other)", inSecond, sampleSecond),
    ]
    let width = parts.map(\.0.count).max() ?? 0
    for (name, count, sample) in parts {
      let pad = String(repeating: " ", count: width - name.count)
      lines.append("\(name)\(pad)  \(LocalText.count(count))")
      lines += SegmentDifference.OfDates.sample("e.g.", sample, of: count)
    }
    return lines.joined(separator: "\n")
  }
}
