import Foundation
import Schedules
import Testing

@testable import Pipeline

/// A file of the folder `Golden` beside the tests.
func golden(_ name: String) throws -> String {
  let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  return try String(contentsOf: folder.appendingPathComponent("Golden/\(name)"), encoding: .utf8)
}

@Suite("Snapshots keep their bytes")
struct SnapshotTests {
  /// Written by the code before tasks had policies: `strata`'s own nightly DAG, and the hash that
  /// runs of that time are stored with.
  @Test("a snapshot from before the policies reads back and keeps its hash")
  func oldSnapshotKeepsItsHash() throws {
    let json = try JSONValue(parsing: golden("nightly_segments.snapshot.json"))
    #expect(json.hash == "244edb1e0f003e474ad55e7d715e3cbe9dbb853459b8281b500203251433126b")
    let snapshot = try json.decoded(as: DAGSnapshot.self)
    #expect(try snapshot.json().canonicalText == json.canonicalText)
    #expect(snapshot.parallelism == 16)
    #expect(snapshot.tasks.allSatisfy { $0.policy == TaskPolicy() && $0.role == .work })
  }

  @Test("the same DAG written today has the bytes of the old snapshot")
  func sameDefinitionSameBytes() throws {
    let old = try JSONValue(parsing: golden("nightly_segments.snapshot.json"))
    let parts = try old.decoded(as: DAGSnapshot.self)
    let again = DAGSnapshot(
      name: parts.name, summary: parts.summary, schedule: parts.schedule, catchUp: parts.catchUp,
      tasks: parts.tasks.map {
        TaskDefinition(
          id: $0.id, kind: $0.kind, config: $0.config, reads: $0.reads, after: $0.after,
          rule: $0.rule, retries: $0.retries, timeLimitMilliseconds: $0.timeLimitMilliseconds,
          failure: $0.failure)
      })
    #expect(try again.json().hash == old.hash)
  }

  @Test("a snapshot with every field reads back equal, and always has the same bytes")
  func everyField() throws {
    let snapshot = try everything.snapshot()
    let text = try snapshot.json().canonicalText
    #expect(try JSONValue(parsing: text).decoded(as: DAGSnapshot.self) == snapshot)
    // Sets have an order of their own in each process; within one, rebuild them.
    for _ in 0..<20 { #expect(try everything.snapshot().json().canonicalText == text) }
    for name in [
      "starts", "params", "deadline", "callbacks", "maxActiveRuns", "maxActiveTasks", "parallelism",
      "pool", "slots", "priority", "weight", "maxConcurrent", "dependsOnPast", "waitForDownstream",
      "isolation", "role", "group", "sensor", "mapping", "steers",
    ] {
      #expect(text.contains("\"\(name)\":"), "no \(name)")
    }
  }

  @Test("a task reads back with each field alone away from its default")
  func eachFieldAlone() throws {
    let webhook = Callback(on: [.failure, .retry], .webhook(url: "https://ops.example/hook"))
    let policies = [
      TaskPolicy(pool: "db"), TaskPolicy(slots: 2), TaskPolicy(priority: -5),
      TaskPolicy(weight: .downstream), TaskPolicy(maxConcurrent: 3),
      TaskPolicy(dependsOnPast: true), TaskPolicy(waitForDownstream: true),
      TaskPolicy(callbacks: [webhook]), TaskPolicy(isolation: .process(memoryLimitMegabytes: 512)),
      TaskPolicy(isolation: .process(memoryLimitMegabytes: nil)),
    ]
    var tasks = policies.map { TaskDefinition(id: "a", kind: "k", policy: $0) }
    tasks += [
      TaskDefinition(id: "a", kind: "k", role: .setup),
      TaskDefinition(id: "a", kind: "k", role: .teardown(of: ["b", "c"])),
      TaskDefinition(id: "a", kind: "k", group: "g.h"),
      TaskDefinition(id: "a", kind: "k", sensor: SensorPolicy(every: .seconds(5))),
      TaskDefinition(
        id: "a", kind: "k",
        mapping: Mapping(
          sources: [.output("b"), .literal([.integer(1), .null])], mode: .zip, limit: 7,
          maxActive: 2)),
      TaskDefinition(id: "a", kind: "k", steers: true),
    ]
    let plain = try JSONValue(encoding: TaskDefinition(id: "a", kind: "k"))
    guard case .object(let usual) = plain else { return #expect(Bool(false), "\(plain)") }
    for task in tasks {
      let json = try JSONValue(encoding: task)
      guard case .object(let members) = json else { return #expect(Bool(false), "\(json)") }
      #expect(members.count == usual.count + 1, "\(json)")
      #expect(try json.decoded(as: TaskDefinition.self) == task)
    }
  }
}
