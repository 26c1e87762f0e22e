import Testing
import Warehouse

/// `strata warehouse distribute` where there is no Citus, as on one machine.
@Suite("strata warehouse distribute, through the binary")
struct DistributeCommandTests {
  struct Outcome: Decodable {
    let table: String
    let placement: String
    let outcome: String
    let statement: String?
  }

  @Test("without Citus: a dry run prints the statements, the act is refused with exit code 5")
  func withoutCitus() async throws {
    try await ClusterTests.withHome { strata in
      let dry = try await strata(
        "warehouse", "distribute", "--dry-run", "--shards", "24", "--project", "dags/retail")
      #expect(dry.code == 0, "\(dry.error)")
      let lines = dry.output.split(separator: "\n")
      #expect(
        lines.count
          == TablePlacement.all.count { $0.kind != .local } + TablePlacement.functions.count)
      #expect(lines.allSatisfy { $0.hasPrefix("SELECT create_") && $0.hasSuffix(";") })
      #expect(dry.output.contains("shard_count => 24"))
      #expect(dry.error.contains("lacks the extension citus"))
      let listed = try await strata(
        "warehouse", "distribute", "--dry-run", "--json", "--project", "dags/retail"
      ).json([Outcome].self)
      #expect(listed.count == lines.count)
      #expect(listed.allSatisfy { $0.outcome == "would place" })

      let act = try await strata("warehouse", "distribute", "--project", "dags/retail")
      #expect(act.code == 5)
      #expect(act.output.isEmpty)
      #expect(act.error.contains("expected the extension citus"))
      #expect(act.error.contains("CREATE EXTENSION citus"))
      let wrong = try await strata(
        "warehouse", "distribute", "--shards", "0", "--project", "dags/retail")
      #expect(wrong.code == 2)
    }
  }
}
