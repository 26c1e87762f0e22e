import Testing

@testable import Warehouse

@Suite struct MigrationPlanTests {
  private let steps = [
    Migration(version: 1, name: "a", text: "SELECT 1"),
    Migration(version: 2, name: "b", text: "SELECT 2"),
    Migration(version: 3, name: "c", text: "SELECT 3"),
  ]

  private func applied(_ versions: Int...) -> [AppliedMigration] {
    versions.map { version in
      let step = steps.first { $0.version == version }
      return AppliedMigration(
        version: version, name: step?.name ?? "new", checksum: step?.checksum ?? "x")
    }
  }

  @Test func pendingIsWhatTheLedgerLacks() throws {
    #expect(try MigrationPlan.pending(steps, applied: []) == steps)
    #expect(try MigrationPlan.pending(steps, applied: applied(1, 2)).map(\.version) == [3])
    #expect(try MigrationPlan.pending(steps, applied: applied(1, 2, 3)).isEmpty)
  }

  @Test func anEditedMigrationIsRefused() {
    var ledger = applied(1, 2)
    ledger[0] = AppliedMigration(version: 1, name: "a", checksum: "other")
    let error = #expect(throws: WarehouseError.self) {
      try MigrationPlan.pending(steps, applied: ledger)
    }
    #expect(error?.code == "warehouse.edited_migration")
    #expect(error?.message.contains("0001_a.sql") == true)
  }

  @Test func aFutureSchemaIsRefused() {
    let error = #expect(throws: WarehouseError.self) {
      try MigrationPlan.pending(steps, applied: applied(1, 2, 3, 4))
    }
    #expect(error?.code == "warehouse.future_schema")
    #expect(error?.message.contains("4_new") == true)
  }

  @Test func aNewMigrationBelowAnAppliedOneIsRefused() {
    let error = #expect(throws: WarehouseError.self) {
      try MigrationPlan.pending(steps, applied: applied(1, 3))
    }
    #expect(error?.code == "warehouse.skipped_migration")
  }

  @Test func theCatalogueIsInOrder() throws {
    let catalogue = try Migration.catalogue()
    #expect(catalogue.first?.file == "0001_create_schemas.sql")
    #expect(catalogue.map(\.version) == catalogue.map(\.version).sorted())
    #expect(
      steps[0].checksum == "e004ebd5b5532a4b85984a62f8ad48a81aa3460c1ca07701f386135d72cdecf5")
  }
}
