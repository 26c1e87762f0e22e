import Schedules
import Testing

@testable import Inputs

@Suite("Rows: reasons, warnings, totals")
struct CheckTests {
  private func check(_ rows: String, _ text: String = CatalogueTests.sound) async throws
    -> LoadReport
  {
    let folder = try TemporaryFolder()
    let source = try catalogue(text, in: folder).source("orders")
    let path = try folder.write("orders.csv", "\u{FEFF}id,type,who,at,pieces,price\r\n" + rows)
    return try await Loader.check(file: source.reading(file: path))
  }

  @Test(
    arguments: [
      ("1,purchase,c,2024-05-01,x,1", "bad_integer", "pieces"),
      ("1,purchase,c,2024-05-01,1.5,1", "bad_integer", "pieces"),
      ("1,purchase,c,2024-05-01,1,1.23456", "too_many_decimals", "price"),
      ("1,purchase,c,01/05/2024,1,1", "bad_timestamp", "at"),
      ("1,purchase,,2024-05-01,1,1", "customer_present", "who"),
      ("1,purchase,\"\",2024-05-01,1,1", "missing_customer", "customer"),
      ("1,purchase,c,,1,1", "missing_occurred_at", "occurred_at"),
      (",purchase,c,2024-05-01,1,1", "missing_event_id", "event_id"),
      ("1,,c,2024-05-01,1,1", "missing_kind", "kind"),
      ("1,bought,c,2024-05-01,1,1", "unknown_kind", "kind"),
      ("1,purchase,c,2024-05-01,-1,1", "negative_quantity", "quantity"),
      ("1,purchase,c,2024-05-01,1,-1", "negative_amount", "amount"),
      ("1,purchase,c,1850-05-01,1,1", "time_out_of_range", "occurred_at"),
      ("1,purchase,c,2024-05-01,4000000000000000000,922337203685477", "overflow", nil),
      ("1,purchase,c,2024-05-01,1", "field_count", nil),
      ("1,\"p\"x,c,2024-05-01,1,1", "bad_quoting", nil),
      ("1,purchase,\(String(repeating: "c", count: 1001)),2024-05-01,1,1", "too_long", "customer"),
      ("1,purchase,a\0b,2024-05-01,1,1", "bad_encoding", nil),
    ] as [(String, String, String?)])
  func aBadRowHasItsReason(_ row: String, _ reason: String, _ column: String?) async throws {
    let report = try await check(row + "\r\n2,refund,c,2024-05-02 10:00:00,1,2.5\r\n")
    #expect(report.rejected == [reason: 1])
    #expect(report.rowsAccepted == 1)
    #expect(report.samples.first?.line == 2)
    #expect(report.samples.first?.column == column)
    #expect(report.samples.first?.raw == String(row.replacing("\0", with: "\u{FFFD}").prefix(500)))
  }

  @Test func totalsArePartedAndExact() async throws {
    let report = try await check(
      "1,purchase,c,2024-05-01,3,0.1\n2,purchase,,2024-05-01,1,0.0001\n3,x,c,2024-05-01,1,y\n")
    #expect(
      report.totals == [
        ControlTotal(
          name: "revenue", accepted: "0.3", rejected: "0.0001", duplicate: "0", all: "0.3001")
      ])
    #expect(report.rowsUnmeasured == 1)
  }

  @Test func timesInAGapOrARepeatedHourAreWarnedOf() async throws {
    // Lisbon 2024: 01:00 to 02:00 on 31 March does not exist, 01:00 to 02:00 on 27 October does twice.
    let report = try await check(
      "1,purchase,c,2024-03-31 01:30:00,1,1\n2,purchase,c,2024-10-27 01:30:00,1,1\n")
    #expect(report.warnings == ["local_time_gap": 1, "local_time_repeated": 1])
    #expect(report.firstOccurredAt == Instant(rfc3339: "2024-03-31T01:00:00Z"))
    #expect(report.lastOccurredAt == Instant(rfc3339: "2024-10-27T00:30:00Z"))
  }

  @Test func mostlyAndStopEndTheLoadWithTheShare() async throws {
    let rows = (1...10).map { "\($0),purchase,\($0 < 3 ? "" : "c"),2024-05-01,1,1" }
      .joined(separator: "\n")
    func text(_ options: String) -> String {
      CatalogueTests.sound.replacing(
        "name: customer_present", with: "name: customer_present, \(options)")
    }
    #expect(try await check(rows, text("mostly: 0.8")).rowsRejected == 2)
    let low = await inputError { _ = try await check(rows, text("mostly: 0.81")) }
    #expect(low?.code == "inputs.contract_breached")
    #expect(
      low?.message
        == "source 'orders', check 'customer_present': expected at least 81 % of the rows to pass, "
        + "found 2 of 10 rows failing (80 % passed)")
    let stop = await inputError { _ = try await check(rows, text("on_fail: stop")) }
    #expect(stop?.code == "inputs.contract_breached")
  }

  @Test func checksOverMappedFieldsColumnsAndNullsHold() async throws {
    let checks = [
      "{range: amount, max: 10, name: dear, on_fail: warn}",
      "{accepted: kind, values: [purchase], on_fail: warn, name: sale}",
      "{range: at, min: 2024-01-01, name: recent}",
      "{check: \"price > 1 or pieces = 1\", name: sensible}",
    ]
    let text = CatalogueTests.sound.replacing(
      "    totals:", with: checks.map { "      - \($0)\n" }.joined() + "    totals:")
    let report = try await check(
      """
      1,purchase,c,2024-05-01,2,6
      2,refund,c,2024-05-01,1,0.5
      3,purchase,c,2023-12-31,2,6
      4,purchase,c,2024-05-01,2,0.5
      5,purchase,c,2024-05-01,,
      """, text)
    #expect(report.rejected == ["recent": 1, "sensible": 1])
    #expect(report.warnings == ["dear": 1, "sale": 1])
    #expect(report.rowsAccepted == 3)
    #expect(report.rowsWarned == 2)
  }
}
