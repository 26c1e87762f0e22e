import Foundation
import TestSupport
import Testing
import Warehouse

/// Bad input gets a message that says what, where and what to do, and a documented exit code.
@Suite("Bad inputs, through the binary")
struct BadInputTests {
  /// A project folder of its own, with one source over one file.
  struct Folder {
    let url: URL
    static let sources = """
      version: 1
      sources:
        - name: orders
          file: orders.csv
          format: csv
          into: events
          columns: {id: text, customer: text, at: timestamp, amount: decimal}
          map: {event_id: id, kind: "'purchase'", customer: customer, occurred_at: at, amount: amount}
      """
    static let features = """
      version: 1
      features:
        - {name: orders_30d, count: purchase, window: 30 days, description: Orders}
      """
    static let segments = """
      version: 1
      segments:
        - {name: buyers, title: Buyers, rule: "orders_30d >= 1"}
      """
    static let orders = """
      id,customer,at,amount
      1,anna,2024-05-01T10:00:00Z,12.50
      2,bert,2024-05-02T10:00:00Z,7.00

      """

    init() throws {
      url = FileManager.default.temporaryDirectory
        .appendingPathComponent("strata-bad-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
      try write("project.yaml", "name: bad\nzone: UTC\ncurrency: EUR\n")
      try write("sources.yaml", Self.sources)
      try write("features.yaml", Self.features)
      try write("segments.yaml", Self.segments)
      try write("orders.csv", Self.orders)
    }

    func write(_ name: String, _ text: String) throws {
      try Data(text.utf8).write(to: url.appendingPathComponent(name))
    }

    func remove() { try? FileManager.default.removeItem(at: url) }
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let command: [String]
    let code: Int
    let says: [String]
    let spoil: @Sendable (Folder) throws -> Void
    var testDescription: String { name }
  }

  static let load = ["sources", "load", "orders"]
  static let validate = ["segments", "validate"]

  static let cases: [Case] = [
    Case(name: "missing file", command: load, code: 2, says: ["orders.csv"]) {
      try FileManager.default.removeItem(at: $0.url.appendingPathComponent("orders.csv"))
    },
    Case(name: "wrong delimiter", command: load, code: 2, says: ["delimiter", "';'"]) {
      try $0.write("orders.csv", Folder.orders.replacing(",", with: ";"))
    },
    Case(name: "binary file", command: load, code: 2, says: ["orders.csv"]) {
      try Data((0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 37) })
        .write(to: $0.url.appendingPathComponent("orders.csv"))
    },
    Case(name: "truncated gz", command: load, code: 2, says: ["orders.csv"]) {
      // The first bytes of a gzip member, and then nothing.
      try Data([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0x4B])
        .write(to: $0.url.appendingPathComponent("orders.csv"))
    },
    Case(
      name: "unknown column in the mapping", command: load, code: 2,
      says: ["sources.yaml:", "custmer", "customer"]
    ) {
      try $0.write(
        "sources.yaml", Folder.sources.replacing("customer: customer,", with: "customer: custmer,"))
    },
    Case(
      name: "unknown attribute in a rule", command: validate, code: 2,
      says: ["segments.yaml:3:", "orders_30", "orders_30d"]
    ) {
      try $0.write("segments.yaml", Folder.segments.replacing("orders_30d", with: "orders_30"))
    },
    Case(
      name: "YAML syntax error", command: validate, code: 2, says: ["segments.yaml:4:"]
    ) {
      try $0.write("segments.yaml", Folder.segments + "\n    - {name: open, rule: [")
    },
    Case(name: "no project", command: validate, code: 2, says: ["project.yaml", "--project"]) {
      try FileManager.default.removeItem(at: $0.url.appendingPathComponent("project.yaml"))
    },
  ]

  @Test(arguments: cases)
  func isRefused(item: Case) async throws {
    let folder = try Folder()
    defer { folder.remove() }
    try await Shop.open(project: folder.url.path, generate: false) { shop in
      // The sound project works, so that what is refused is the fault.
      let sound = try await shop.strata.run(
        item.command + ["--project", shop.project, "--database", shop.database])
      #expect(sound.code == 0, "\(sound.error)")
      let before = try await shop.count("SELECT count(*) FROM facts.events")
      try item.spoil(folder)
      let refused = try await shop.strata.run(
        item.command + ["--project", shop.project, "--database", shop.database])
      #expect(refused.code == item.code, "\(refused.status) \(refused.error)")
      for text in item.says { #expect(refused.error.contains(text), "\(refused.error)") }
      #expect(try await shop.count("SELECT count(*) FROM facts.events") == before)
    }
  }

  @Test("a database that is down: exit code 4, and where it was looked for")
  func databaseDown() async throws {
    let strata = Binary(home: FileManager.default.temporaryDirectory)
    let outcome = try await strata(
      "segments", "list", "--project", "dags/retail", "--database",
      "host=/nonexistent-strata-socket port=5432 dbname=x connect_timeout=2")
    #expect(outcome.code == 4)
    #expect(outcome.error.contains("/nonexistent-strata-socket"))
  }

  @Test("a schema of a newer release: exit code 2, nothing is changed")
  func futureSchema() async throws {
    try await Shop.open(generate: false) { shop in
      try await shop.pool.execute(
        "INSERT INTO strata.migration (version, name, checksum) VALUES (9999, 'later', 'x')")
      let outcome = try await shop("segments", "list")
      #expect(outcome.code == 2, "\(outcome.error)")
      #expect(outcome.error.contains("9999"))
    }
  }

  @Test(
    "usage errors exit with 2",
    arguments: [
      ["run"], ["run", "no_such_dag", "--project", "dags/retail"], ["nonsense"],
      ["run", "nightly_segments", "--date", "2024-02-30", "--project", "dags/retail"],
      ["run", "nightly_segments", "--date", "2024-02-03", "--interval", "a..b"],
      ["run", "nightly_segments", "--param", "days=3", "--project", "dags/retail"],
      ["segments", "list", "--no-such-flag"],
    ])
  func usage(arguments: [String]) async throws {
    try await Shop.open(generate: false) { shop in
      let outcome = try await shop.strata.run(arguments + ["--database", shop.database])
      #expect(outcome.code == 2, "\(outcome.status) \(outcome.error)")
      #expect(!outcome.error.isEmpty)
    }
  }
}
