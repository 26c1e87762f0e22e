import Foundation
import Testing

/// The house's law: which room may import which, checked on the import lines of every file.
///
/// SwiftPM refuses undeclared imports but lets transitive ones through, hence this test.
@Suite("Who may import whom")
struct ImportTests {
  /// Room -> the project's own modules that it may import.
  static let rooms: [String: Set<String>] = {
    var rooms: [String: Set<String>] = [
      "CLibPQ": [], "CXGBoost": [], "CZlib": [],
      "Diagnostics": [],
      "Schedules": [],
      "Columns": [],
      "Telemetry": [],
      "SQLCatalog": [],
      "Warehouse": ["CLibPQ", "SQLCatalog", "Columns", "Schedules"],
      "Pipeline": ["Diagnostics", "Schedules"],
      "Features": ["Diagnostics", "Columns", "Schedules"],
      "Rules": ["Diagnostics", "Columns", "Schedules"],
      "Learning": ["Columns", "CXGBoost"],
      "Demo": ["Columns", "Schedules"],
      "Inputs": ["Diagnostics", "Warehouse", "Columns", "Schedules", "CZlib"],
      "FeatureStore": ["Features", "Rules", "Warehouse", "Columns", "Schedules"],
      "Models": [
        "Diagnostics", "Learning", "Features", "FeatureStore", "Rules", "Warehouse", "Columns",
        "Schedules",
      ],
      "Orchestrator": ["Diagnostics", "Pipeline", "Warehouse", "Schedules", "Telemetry"],
      // Diagnostics: overrides name segments, and misspelt ones get a suggestion.
      "Segments": [
        "Diagnostics", "Rules", "Features", "FeatureStore", "Warehouse", "Columns", "Schedules",
      ],
      "Reporting": ["Columns", "Schedules"],
    ]
    let lower = Set(rooms.keys).subtracting(["CLibPQ", "CXGBoost", "CZlib"])
    rooms["Tasks"] = lower.subtracting(["Demo"])
    rooms["DAGs"] = ["Pipeline", "Tasks", "Schedules"]
    rooms["strata"] = lower.union(["Tasks", "DAGs"])
    rooms["strata-webhook"] = []
    return rooms
  }()

  /// Packages from outside, and the rooms that may use them.
  static let packages: [String: Set<String>] = [
    "ArgumentParser": ["strata"],
    "Yams": ["Diagnostics", "Inputs", "Features", "Rules", "Models"],
    "Crypto": ["Warehouse", "Pipeline", "Rules", "Inputs", "Features", "FeatureStore", "Models"],
    "Subprocess": ["Warehouse", "Orchestrator"],
    "SystemPackage": ["Warehouse", "Orchestrator"],
    // Its libraries double the time that a process takes to start.
    "FoundationNetworking": ["strata-webhook"],
    "Logging": ["Telemetry", "Warehouse", "Orchestrator", "Tasks", "strata"],
    "CoreMetrics": ["Telemetry", "Orchestrator"],
    "FlyingSocks": ["Telemetry"],
  ]

  /// The platform's own modules.
  static let platform: Set<String> = [
    "Foundation", "FoundationEssentials", "Dispatch", "Synchronization", "Glibc", "Darwin", "Musl",
    "os", "System",
  ]

  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  struct Arrow: CustomStringConvertible {
    let file: String
    let room: String
    let module: String
    var description: String { "\(file): \(room) imports \(module)" }
  }

  static func arrows() throws -> [Arrow] {
    var arrows: [Arrow] = []
    let pattern = try Regex(
      #"^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|internal|package|private|fileprivate)\s+)?import\s+"#
        + #"(?:(?:struct|class|enum|protocol|func|typealias|var|let|actor)\s+)?(\w+)"#)
    let places = [("Sources", nil), ("dags", "DAGs"), ("sql", "SQLCatalog")]
    for (folder, fixed) in places {
      let base = root.appendingPathComponent(folder)
      let files = try FileManager.default.subpathsOfDirectory(atPath: base.path)
      for file in files where file.hasSuffix(".swift") {
        let room = fixed ?? String(file.prefix { $0 != "/" })
        let text = try String(contentsOf: base.appendingPathComponent(file), encoding: .utf8)
        for line in text.split(separator: "\n") {
          guard let match = try pattern.firstMatch(in: String(line)),
            let module = match.output[1].substring
          else { continue }
          arrows.append(Arrow(file: "\(folder)/\(file)", room: room, module: String(module)))
        }
      }
    }
    return arrows
  }

  @Test("every arrow of the sources stands in the table")
  func arrowsAreAllowed() throws {
    let arrows = try Self.arrows()
    #expect(arrows.count > 40, "the parser of import lines finds too few of them")
    for arrow in arrows where !Self.platform.contains(arrow.module) {
      let allowed =
        Self.rooms[arrow.room]?.contains(arrow.module) == true
        || Self.packages[arrow.module]?.contains(arrow.room) == true
      #expect(allowed, "\(arrow)")
    }
  }

  @Test("every room of the sources stands in the table, and holds something")
  func roomsAreKnown() throws {
    let folder = Self.root.appendingPathComponent("Sources")
    for room in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
      #expect(Self.rooms[room] != nil, "Sources/\(room) is not in the table")
      let files = try FileManager.default.subpathsOfDirectory(
        atPath: folder.appendingPathComponent(room).path)
      #expect(
        files.contains {
          ($0.hasSuffix(".swift") || $0.hasSuffix(".h")) && $0 != "Placeholder.swift"
        },
        "Sources/\(room) is empty")
    }
  }

  @Test("the table has no cycle: every arrow points down")
  func tableIsAcyclic() {
    var done: Set<String> = []
    var waiting = Set(Self.rooms.keys)
    while let next = waiting.first(where: { Self.rooms[$0, default: []].isSubset(of: done) }) {
      done.insert(next)
      waiting.remove(next)
    }
    #expect(waiting.isEmpty, "these rooms import each other: \(waiting.sorted())")
  }

  @Test("the top level holds what the architecture lists and nothing else")
  func topLevel() throws {
    let allowed: Set<String> = [
      "Package.swift", "Makefile", "README.md", "LICENSE", "Sources", "Tests", "dags", "sql",
      "fixtures",
    ]
    // A build writes Package.resolved; it is ignored by git.
    let found = try FileManager.default.contentsOfDirectory(atPath: Self.root.path)
      .filter { !$0.hasPrefix(".") && $0 != "Package.resolved" }
    #expect(Set(found).subtracting(allowed) == [])
  }
}
