import CZlib
import Foundation
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

  @Test("every row is accounted for, and the segments are those of SQL over the raw file")
  func night() async throws {
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

      let night = try await shop.night("2011-12-09", environment: environment)
      #expect(night.code == 0, "\(night.error)")
      let report = try night.json(ReportFacts.self)
      #expect(report.segments.count == 5)
      let raw = try await RawInvoices.copy(file, into: shop.pool)
      #expect(raw == 541_909)
      for segment in report.segments {
        let share = Double(segment.members) / Double(segment.population)
        #expect((0.01...0.60).contains(share), "\(segment.name) holds \(share)")
        let differences = try await shop.count(RawInvoices.differences(segment.name))
        #expect(differences == 0, "\(segment.name) differs from SQL over the raw file")
      }
    }
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

  /// How many customers are in one of the two and not in the other.
  static func differences(_ segment: String) -> SQL {
    let rule: SQL =
      switch segment {
      case "high_value": "revenue_90d > 1000 AND ltv > 2000"
      case "frequent_buyers": "lines_90d >= 30 AND recency <= 30"
      case "growing": "previous_90d >= 1 AND revenue_90d / nullif(previous_90d, 0) > 1.5"
      case "at_risk": "ltv > 500 AND recency BETWEEN 61 AND 180"
      case "return_prone": "revenue >= 1 AND refunds / nullif(revenue, 0) > 0.05"
      default: "false"
      }
    return """
      WITH lines AS (
        SELECT replace(customer, '.0', '') AS customer, at::date AS day,
          invoice LIKE 'C%' AS is_refund, abs(quantity * price) AS amount
        FROM public.raw_invoice WHERE customer IS NOT NULL
      ), features AS (
        SELECT customer,
          count(*) FILTER (WHERE NOT is_refund AND day > date '2011-12-09' - 90) AS lines_90d,
          coalesce(sum(amount) FILTER (
            WHERE NOT is_refund AND day > date '2011-12-09' - 90), 0) AS revenue_90d,
          coalesce(sum(amount) FILTER (
            WHERE NOT is_refund AND day > date '2011-12-09' - 180
              AND day <= date '2011-12-09' - 90), 0) AS previous_90d,
          coalesce(sum(amount) FILTER (WHERE NOT is_refund), 0) AS revenue,
          coalesce(sum(amount) FILTER (WHERE is_refund), 0) AS refunds,
          coalesce(sum(CASE WHEN is_refund THEN -amount ELSE amount END), 0) AS ltv,
          date '2011-12-09' - max(day) FILTER (WHERE NOT is_refund) AS recency
        FROM lines GROUP BY customer
      ), expected AS (SELECT customer FROM features WHERE \(fragment: rule)),
      actual AS (
        SELECT customer_key AS customer FROM segments.membership WHERE segment = \(segment))
      SELECT count(*) FROM expected FULL JOIN actual USING (customer)
      WHERE expected.customer IS NULL OR actual.customer IS NULL
        OR NOT EXISTS (SELECT FROM expected)
      """
  }
}
