import CZlib
import Foundation
import Schedules
import TestSupport
import Testing
import Warehouse

/// The UCI Online Retail data set, where it is at hand; it is never part of the repository.
enum OnlineRetail {
  static let file: URL? = RealData.folder(from: #filePath).flatMap { folder in
    let file = URL(fileURLWithPath: folder).appendingPathComponent("online_retail.csv.gz")
    return FileManager.default.fileExists(atPath: file.path) ? file : nil
  }
}

@Suite("UCI Online Retail, through the binary", .enabled(if: OnlineRetail.file != nil))
struct OnlineRetailTests {
  struct LoadFacts: Decodable {
    struct Total: Decodable {
      let name: String
      let all: String
    }
    let rowsRead: Int
    let rowsAccepted: Int
    let rowsRejected: Int
    let rowsWarned: Int
    let rejected: [String: Int]
    let totals: [Total]
  }

  @Test("every row is accounted for, and each day's segments are those of SQL over the raw file")
  func nights() async throws {
    let file = try #require(OnlineRetail.file)
    let environment = ["STRATA_DATA": file.deletingLastPathComponent().path]
    try await Shop.open(project: "dags/online_retail", generate: false) { shop in
      let loaded = try await shop("sources", "load", "invoices", "--json", environment: environment)
      #expect(loaded.code == 0, "\(loaded.error)")
      let facts = try #require(try loaded.json([LoadFacts].self).first)
      #expect(facts.rowsRead == 541_909)
      #expect(facts.rowsAccepted == 406_829)
      #expect(facts.rejected["customer_present"] == 135_080)
      #expect(facts.rowsRejected == 135_080)
      #expect(facts.rowsWarned == 40)
      #expect(facts.totals.first { $0.name == "revenue" }?.all == "9747747.934")
      #expect(
        try await shop.count(
          """
          SELECT count(*) FROM facts.events JOIN facts.event_kind USING (kind_id)
          WHERE name = 'refund'
          """) == 8_905)

      let again = try await shop("sources", "load", "invoices", "--json", environment: environment)
      #expect(again.code == 0, "\(again.error)")
      #expect(try again.json([LoadFacts].self).first?.rowsAccepted == 0)
      #expect(try await shop.count("SELECT count(*) FROM facts.events") == 406_829)

      let raw = try await RawInvoices.copy(file, into: shop.pool)
      #expect(raw == 541_909)
      try await history(shop, environment)
    }
  }

  /// The first of the days whose history is compared: thirty, or with the long tests all 374.
  static let firstDay =
    ProcessInfo.processInfo.environment["STRATA_LONG_TESTS"] == nil ? "2011-11-10" : "2010-12-01"
  static let lastDay = "2011-12-09"

  /// Single nights, SQL over the raw file for each of their days, and one backfill of all of them.
  private func history(_ shop: Shop, _ environment: [String: String]) async throws {
    let days = try await shop.pool.query(
      """
      SELECT day::date::text AS day
      FROM generate_series(\(Self.firstDay)::date, \(Self.lastDay)::date, '1 day') AS day
      """
    ).map { try $0.get("day", as: String.self) }
    for day in days.dropLast() {
      let night = try await shop.night(day, environment: environment)
      guard night.code == 0 else { throw UnexpectedOutcome(night) }
    }
    let night = try await shop.night(Self.lastDay, environment: environment)
    #expect(night.code == 0, "\(night.error)")
    let report = try night.json(ReportFacts.self)
    #expect(report.segments.count == 5)
    for segment in report.segments {
      let share = Double(segment.members) / Double(segment.population)
      #expect((0.01...0.60).contains(share), "\(segment.name) holds \(share)")
    }
    try await compareWithSQL(shop, days.count)
    let single = try await RawInvoices.published(shop.pool)

    // The same days again in one backfill, of a database in which nothing was published.
    try await RawInvoices.forgetPublications(shop.pool)
    func backfill(_ more: String...) async throws -> Binary.Outcome {
      var binary = shop.strata
      binary.environment = environment
      return try await binary.run(
        ["backfill", "nightly_segments", "--project", shop.project, "--database", shop.database]
          + more)
    }
    let batch = try await backfill(
      "--from", Self.firstDay, "--to", Self.lastDay, "--reprocess", "completed")
    guard batch.code == 0 else { throw UnexpectedOutcome(batch) }
    try await compareWithSQL(shop, days.count)
    #expect(try await RawInvoices.published(shop.pool) == single)

    // The same days, some at a time, in any order: what is believed in the end is the same, and what
    // was believed in between is kept.
    try await RawInvoices.forgetPublications(shop.pool)
    var random = SplitMix64(seed: 374)
    let length = max(10, days.count / 20)
    let parts = stride(from: 0, to: days.count, by: length).map {
      days[$0..<min(days.count, $0 + length)]
    }.shuffled(using: &random)
    #expect(parts.compactMap(\.first) != parts.compactMap(\.first).sorted())
    // The day that is published last of all: until then others are believed of it.
    let lateDay = parts.last?.last ?? Self.lastDay
    var beliefs: [RawInvoices.Belief] = []
    for part in parts {
      let done = try await backfill(
        "--from", part.first ?? "", "--to", part.last ?? "", "--reprocess", "completed")
      guard done.code == 0 else { throw UnexpectedOutcome(done) }
      beliefs.append(try await RawInvoices.belief(shop.pool, on: lateDay))
    }
    try await compareWithSQL(shop, days.count)
    #expect(try await RawInvoices.published(shop.pool) == single)
    for belief in beliefs {
      let now = try await RawInvoices.belief(shop.pool, on: lateDay, knownAt: belief.knownAt)
      #expect(now.members == belief.members)
    }
    #expect(Set(beliefs.map(\.members)).count > 1)

    // All of them once more changes nothing.
    let records: SQL = """
      SELECT (SELECT count(*) FROM segments.open_spell) + (SELECT count(*) FROM segments.ended_spell)
      """
    let before = try await shop.count(records)
    let again = try await backfill(
      "--from", Self.firstDay, "--to", Self.lastDay, "--reprocess", "completed")
    guard again.code == 0 else { throw UnexpectedOutcome(again) }
    #expect(try await RawInvoices.published(shop.pool) == single)
    #expect(try await shop.count(records) == before)
  }

  private func compareWithSQL(_ shop: Shop, _ days: Int) async throws {
    let found = try #require(
      try await shop.pool.first(RawInvoices.differences(Self.firstDay, Self.lastDay)))
    let differing = try found.get("differing", as: Int64.self)
    #expect(differing == 0, "memberships that SQL over the raw file does not find, or others")
    #expect(try found.get("days", as: Int64.self) == Int64(days))
    #expect(try found.get("segments", as: Int64.self) == 5)
  }
}

/// The raw file in a table of text columns, and the five segments in SQL over it.
///
/// Nothing of the engine is used: PostgreSQL parses the CSV and computes the rules.
enum RawInvoices {
  static func copy(_ file: URL, into pool: ConnectionPool) async throws -> Int {
    try await pool.withConnection { connection in
      try await connection.script(
        """
        CREATE TABLE public.raw_invoice (
          invoice text, stock text, description text, quantity bigint, at timestamp,
          price numeric, customer text, country text);
        """)
      return try await connection.copyIn(
        "COPY public.raw_invoice FROM STDIN (FORMAT csv, HEADER true)"
      ) { writer in
        guard let stream = gzopen(file.path, "rb") else { return }
        defer { gzclose(stream) }
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        while true {
          let count = gzread(stream, &buffer, UInt32(buffer.count))
          if count <= 0 { break }
          try await writer.write(bytes: Array(buffer[..<Int(count)]))
        }
      }
    }
  }

  /// Memberships from one day to another, one by one: how many are in one of the two and not in the
  /// other, and of how many days and segments there are some.
  static func differences(_ first: String, _ last: String) -> SQL {
    """
    WITH lines AS MATERIALIZED (
      SELECT replace(customer, '.0', '') AS customer, at::date AS day,
        count(*) FILTER (WHERE invoice NOT LIKE 'C%') AS lines,
        coalesce(sum(abs(quantity * price)) FILTER (WHERE invoice NOT LIKE 'C%'), 0) AS bought,
        coalesce(sum(abs(quantity * price)) FILTER (WHERE invoice LIKE 'C%'), 0) AS refunded
      FROM public.raw_invoice WHERE customer IS NOT NULL
      GROUP BY 1, 2
    ), days AS (
      SELECT d::date AS day FROM generate_series(\(first)::date, \(last)::date, '1 day') AS d
    ), features AS (
      SELECT d.day, l.customer,
        coalesce(sum(lines) FILTER (WHERE l.day > d.day - 90), 0) AS lines_90d,
        coalesce(sum(bought) FILTER (WHERE l.day > d.day - 90), 0) AS revenue_90d,
        coalesce(sum(bought) FILTER (WHERE l.day > d.day - 180 AND l.day <= d.day - 90), 0)
          AS previous_90d,
        sum(bought) AS revenue, sum(refunded) AS refunds, sum(bought) - sum(refunded) AS ltv,
        d.day - max(l.day) FILTER (WHERE lines > 0) AS recency
      FROM days AS d JOIN lines AS l ON l.day <= d.day
      GROUP BY d.day, l.customer
    ), expected AS (
      SELECT f.day, v.segment, f.customer
      FROM features AS f CROSS JOIN LATERAL (VALUES
        ('high_value', revenue_90d > 1000 AND ltv > 2000),
        ('frequent_buyers', lines_90d >= 30 AND recency <= 30),
        ('growing', previous_90d >= 1 AND revenue_90d / nullif(previous_90d, 0) > 1.5),
        ('at_risk', ltv > 500 AND recency BETWEEN 61 AND 180),
        ('return_prone', revenue >= 1 AND refunds / nullif(revenue, 0) > 0.05)
      ) AS v (segment, is_member)
      WHERE v.is_member
    ), actual AS (
      SELECT d.day, c.segment, m.customer_key AS customer
      FROM days AS d CROSS JOIN segments.catalog AS c
      CROSS JOIN LATERAL segments.members_at(
        c.segment, (d.day + 1)::timestamp AT TIME ZONE 'Europe/London') AS m
    )
    SELECT count(*) FILTER (WHERE e.customer IS NULL OR a.customer IS NULL) AS differing,
      count(DISTINCT day) AS days, count(DISTINCT segment) AS segments
    FROM expected AS e FULL JOIN actual AS a USING (day, segment, customer)
    """
  }

  /// What was believed at some time of who was a member at the end of a day.
  struct Belief {
    let knownAt: Instant
    let members: String
  }

  /// What is believed, or was at a time that is known.
  static func belief(
    _ pool: ConnectionPool, on day: String, knownAt: Instant? = nil
  ) async throws -> Belief {
    let row = try await pool.first(
      """
      SELECT (SELECT max(published_at) FROM segments.publication) AS latest,
        (SELECT md5(coalesce(string_agg(m, ',' ORDER BY m), '')) FROM (
          SELECT c.segment || ' ' || m.customer_key AS m
          FROM segments.catalog AS c
          CROSS JOIN LATERAL segments.members_at(
            c.segment, (\(day)::date + 1)::timestamp AT TIME ZONE 'Europe/London',
            coalesce(\(knownAt)::timestamptz, 'infinity')) AS m) AS all_members) AS members
      """)
    return Belief(
      knownAt: try row?.get("latest", as: Instant.self) ?? Instant(seconds: 0),
      members: try row?.get("members", as: String.self) ?? "")
  }

  /// A hash of everything that readers see of the past: stays, transitions, sizes.
  static func published(_ pool: ConnectionPool) async throws -> [String] {
    let row = try await pool.first(
      """
      SELECT
        (SELECT md5(string_agg(h, ',' ORDER BY h)) FROM (
          SELECT concat_ws('|', customer_key, segment, valid_from, valid_to, entered_cause,
            left_cause) AS h FROM segments.history) AS stays) AS history,
        (SELECT md5(string_agg(t, ',' ORDER BY t)) FROM (
          SELECT concat_ws('|', as_of, customer_key, segment, transition, cause) AS t
          FROM segments.transitions) AS moves) AS transitions,
        (SELECT md5(string_agg(z::text, ',' ORDER BY z::text)) FROM segments.daily_size AS z)
          AS sizes
      """)
    return try ["history", "transitions", "sizes"].map {
      try row?.get($0, as: String.self) ?? ""
    }
  }

  /// Takes everything back that was published and stored of features; facts and runs stay.
  static func forgetPublications(_ pool: ConnectionPool) async throws {
    try await pool.withConnection {
      try await $0.script(
        """
        TRUNCATE segments.publication_record, segments.evaluation, segments.segment,
          segments.open_spell, segments.ended_spell CASCADE;
        DELETE FROM features.state;
        DROP SCHEMA audience CASCADE;
        CREATE SCHEMA audience;
        """)
    }
  }
}
