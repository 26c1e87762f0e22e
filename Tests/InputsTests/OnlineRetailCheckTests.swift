import Foundation
import TestSupport
import Testing

@testable import Inputs

@Suite("Online Retail, read without a database")
struct OnlineRetailCheckTests {
  @Test func everyRowIsCountedAndTheRevenueIsExact() async throws {
    guard let data = RealData.folder(from: #filePath) else { return }
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let path = package.appendingPathComponent("dags/online_retail/sources.yaml").path
    let catalogue = try SourceCatalogue.load(path, environment: ["STRATA_DATA": data])
    let report = try await Loader.check(file: catalogue.source("invoices"))
    #expect(report.rowsRead == 541_909)
    #expect(report.rowsRejected == 135_080)
    #expect(report.rejected == ["customer_present": 135_080])
    #expect(report.rowsAccepted == 406_829)
    #expect(report.warnings == ["priced": 40])
    #expect(report.totals.map(\.name) == ["revenue", "quantity"])
    #expect(report.totals.first?.all == "9747747.934")
    #expect(report.rowsUnmeasured == 0)
  }
}
