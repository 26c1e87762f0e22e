import Foundation
import Schedules
import TestSupport
import Testing
import Warehouse

@testable import Inputs

@Suite("Inputs: Online Retail through the database")
struct InputsOnlineRetailTests {
  @Test func theLoadReportsWhatTheFileHoldsAndASecondOneAddsNothing() async throws {
    guard let data = RealData.folder(from: #filePath) else { return }
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let path = package.appendingPathComponent("dags/online_retail/sources.yaml").path
    let catalogue = try SourceCatalogue.load(path, environment: ["STRATA_DATA": data])
    let source = try catalogue.source("invoices")
    try await withFreshDatabase { pool in
      let loader = Loader(pool: pool)
      let report = try await loader.load(source)
      #expect(report.state == .loaded)
      #expect(report.rowsRead == 541_909)
      #expect(report.rejected == ["customer_present": 135_080])
      #expect(report.rowsAccepted == 406_829)
      #expect(report.rowsDuplicate == 0)
      #expect(report.warnings == ["priced": 40])
      #expect(report.rowsWarned == 40)
      #expect(report.newCustomers == 4372)
      let revenue = try #require(report.totals.first)
      #expect(revenue.name == "revenue")
      #expect(revenue.all == "9747747.934")

      let facts = try #require(
        try await pool.first(
          """
          SELECT count(*) AS events, count(*) FILTER (WHERE k.name = 'refund') AS refunds,
            count(*) FILTER (WHERE amount = 0) AS free, count(DISTINCT customer_id) AS customers,
            sum(CASE k.name WHEN 'refund' THEN -amount ELSE amount END)::text AS revenue
          FROM facts.events JOIN facts.event_kind AS k USING (kind_id)
          """))
      #expect(try facts.get("events", as: Int64.self) == 406_829)
      #expect(try facts.get("refunds", as: Int64.self) == 8905)
      #expect(try facts.get("free", as: Int64.self) == 40)
      #expect(try facts.get("customers", as: Int64.self) == 4372)
      // The database's own numeric sum, against the loader's exact total.
      let accepted = try facts.get("revenue", as: String.self)
      #expect(
        Decimals.mantissa(accepted, scale: 4) == Decimals.mantissa(revenue.accepted, scale: 4))
      let rejected = try await pool.first("SELECT count(*) AS n FROM landing.rejected")
      #expect(try rejected?.get("n", as: Int64.self) == 135_080)
      let months = try await pool.first(
        "SELECT count(*) AS n FROM pg_inherits WHERE inhparent = 'facts.events'::regclass")
      #expect(try months?.get("n", as: Int64.self) == 13)

      let again = try await loader.load(source)
      #expect(again.state == .skipped)
      #expect(again.rowsAccepted == 0)

      // The same rows in a file of other bytes.
      let folder = try InputsFolder()
      let copy = try folder.unzip(data + "/online_retail.csv.gz", as: "copy.csv")
      let copied = try await loader.load(source.reading(file: copy))
      #expect(copied.state == .loaded)
      #expect(copied.rowsAccepted == 0)
      #expect(copied.rowsDuplicate == 406_829)
      #expect(copied.rowsRejected == 135_080)
      #expect(copied.warnings.isEmpty)
      #expect(copied.totals.first?.accepted == "0")
      #expect(copied.totals.first?.all == "9747747.934")
      let events = try await pool.first("SELECT count(*) AS n FROM facts.events")
      #expect(try events?.get("n", as: Int64.self) == 406_829)
    }
  }
}
