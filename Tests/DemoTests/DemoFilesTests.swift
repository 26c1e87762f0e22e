import Foundation
import Schedules
import Testing

@testable import Demo

/// A small shop in a temporary folder, removed with the object.
final class SmallShop {
  let folder: URL
  let summary: DemoSummary

  init(customers: Int = 300, days: Int = 200, seed: UInt64 = 7) throws {
    folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("strata-demo-\(UUID().uuidString)")
    summary = try Demo.generate(customers: customers, days: days, seed: seed, into: folder)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: folder.appendingPathComponent(name)))
  }

  func lines(_ name: String) throws -> [Substring] {
    String(decoding: try bytes(name), as: UTF8.self).split(separator: "\n")
  }
}

/// FNV-1a of some bytes: enough to notice any change.
private func digest(_ bytes: [UInt8]) -> UInt64 {
  bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
}

@Suite struct DemoFilesTests {
  @Test func theSameRecipeGivesTheSameBytes() throws {
    let one = try SmallShop(customers: 60, days: 90)
    let two = try SmallShop(customers: 60, days: 90)
    let other = try SmallShop(customers: 60, days: 90, seed: 8)
    #expect(one.summary == two.summary)
    for file in one.summary.files {
      #expect(try one.bytes(file.name) == two.bytes(file.name), "\(file.name)")
      #expect(try one.bytes(file.name) != other.bytes(file.name), "\(file.name)")
    }
  }

  /// Pins the bytes over machines and changes; whoever means to change them raises `Demo.version`.
  @Test func bytesArePinned() throws {
    let shop = try SmallShop(customers: 60, days: 90)
    let all = try shop.summary.files.map(\.name).sorted().flatMap { try shop.bytes($0) }
    #expect(Demo.version == 1)
    #expect(digest(all) == 15_143_590_698_094_281_126)
  }

  @Test func aCustomerDoesNotDependOnTheOthers() throws {
    let few = try SmallShop(customers: 40, days: 30)
    let many = try SmallShop(customers: 80, days: 30)
    let head = try few.lines("truth/customers.csv")
    #expect(try Array(many.lines("truth/customers.csv").prefix(head.count)) == head)
  }

  @Test func filesHoldWhatTheSummarySays() throws {
    let shop = try SmallShop()
    for file in shop.summary.files {
      let header = file.name.hasSuffix(".ndjson") ? 0 : 1
      #expect(try shop.lines(file.name).count == file.rows + header, "\(file.name)")
      #expect(try shop.bytes(file.name).count == file.bytes, "\(file.name)")
    }
    let sources = shop.summary.files.filter { file in
      SourceFile.allCases.contains { $0.rawValue == file.name }
    }
    let flawed = sources.flatMap { $0.flaws.filter { $0.key != "late" }.values }.reduce(0, +)
    #expect(sources.map(\.rows).reduce(0, +) == shop.summary.events + flawed)
    let share = Double(flawed) / Double(shop.summary.events)
    #expect(share > 0.012 && share < 0.028)
    #expect(Demo.summary(in: shop.folder) == shop.summary)
  }

  @Test func everyKindOfEventHappens() throws {
    let shop = try SmallShop()
    let web = try shop.lines("web.ndjson").joined()
    let fromOthers: Set<EventKind> = [
      .purchase, .refund, .emailSent, .emailOpen, .emailClick, .supportContact,
    ]
    for kind in EventKind.allCases where !fromOthers.contains(kind) {
      #expect(web.contains("\"type\":\"\(kind.name)\""), "\(kind)")
    }
    #expect(try shop.lines("orders.csv").contains { $0.contains(",sale,") })
    #expect(try shop.lines("orders.csv").contains { $0.contains(",return,") })
    for action in ["sent", "open", "click", "bounce"] {
      #expect(try shop.lines("email.csv").contains { $0.contains(",\(action),") })
    }
    #expect(try shop.lines("support.csv").count > 10)
    #expect(try shop.lines("store.csv").count > 10)
  }

  @Test func webRowsAreJSONInUTC() throws {
    let shop = try SmallShop(customers: 60, days: 200)
    let zone = try Zone(Demo.zoneName)
    var summer = 0
    for line in try shop.lines("web.ndjson") {
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      guard let text = object?["at"] as? String, let at = Instant(rfc3339: text) else { continue }
      let local = zone.localTime(at: at)
      #expect(local.microsecondsOfDay >= 6 * 3_600_000_000, "\(line)")
      #expect(local.day <= shop.summary.lastDay && local.day >= shop.summary.firstDay)
      if zone.offset(at: at) == 3600 { summer += 1 }
    }
    #expect(summer > 100)
  }

  @Test func daysFollowEachOtherButForLateRows() throws {
    let shop = try SmallShop()
    var latest = ""
    var behind = 0
    for line in try shop.lines("orders.csv").dropFirst() {
      let date = String(line.split(separator: ",", omittingEmptySubsequences: false)[3].prefix(10))
      if date < latest { behind += 1 } else { latest = date }
    }
    let orders = shop.summary.files.first { $0.name == "orders.csv" }
    #expect(behind <= orders?.flaws["late"] ?? 0)
  }

  @Test func progressCountsTheDays() throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("strata-demo-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    var seen: [DemoProgress] = []
    let summary = try Demo.generate(customers: 5, days: 10, into: folder) { seen.append($0) }
    #expect(seen.map(\.day) == Array(1...10))
    #expect(seen.last?.events == summary.events)
  }

  @Test(arguments: [(0, 10), (10, 0), (10_000_000, 10), (10, 4000)])
  func badRecipesAreRefused(customers: Int, days: Int) {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("strata-no-demo")
    let error = #expect(throws: DemoError.self) {
      try Demo.generate(customers: customers, days: days, into: folder)
    }
    #expect(error?.code == "demo.bad_recipe")
    #expect(!FileManager.default.fileExists(atPath: folder.path))
  }

  @Test func aFileInTheWayIsReported() throws {
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("strata-demo-\(UUID().uuidString)")
    try Data().write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let error = #expect(throws: DemoError.self) {
      try Demo.generate(customers: 5, days: 5, into: file)
    }
    #expect(error?.code == "demo.write_failed")
    #expect(Demo.summary(in: file) == nil)
  }
}
