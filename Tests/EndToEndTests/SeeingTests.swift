import Foundation
import Subprocess
import TestSupport
import Testing
import Warehouse

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// What a user sees of runs, through the binary: timelines, calendars, logs, metrics, lineage.
@Suite("Seeing runs, through the binary")
struct SeeingTests {
  @Test("a run's timeline, its graph, its log and the calendar of its DAG")
  func oneRun() async throws {
    try await Shop.open { shop in
      let events = shop.strata.home.appendingPathComponent("events.ndjson")
      let night = try await shop.night(
        environment: ["STRATA_OPENLINEAGE": events.absoluteString])
      #expect(night.code == 0, "\(night.error)")

      let shown = try await shop("runs", "show", "1")
      #expect(shown.code == 0 && shown.output.hasPrefix("run 1 of nightly_segments: success\n"))
      #expect(shown.output.contains("+ publish "))
      #expect(shown.output.unicodeScalars.allSatisfy { $0.isASCII }, "NO_COLOR asks for plain text")
      let unicode = try await shop(
        "runs", "show", "1", environment: ["NO_COLOR": "", "LANG": "C.UTF-8"])
      #expect(unicode.output.contains("✓ publish ") && !unicode.output.contains("\u{1B}"))

      let graph = try await shop("dags", "graph", "nightly_segments", "--run", "1")
      #expect(graph.code == 0 && graph.output.contains("success"))
      let other = try await shop("dags", "graph", "nightly_segments", "--run", "99")
      #expect(other.code == 2)

      let log = try await shop("tasks", "log", "1", "extract", "--follow", "--json")
      #expect(log.code == 0)
      let lines = log.output.split(separator: "\n")
      #expect(lines.count >= 6)
      for line in lines {
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        #expect(
          Set(object?.keys.map(\.self) ?? []) == [
            "at", "attempt", "level", "message", "metadata", "task",
          ])
      }
      let watched = try await shop("runs", "watch", "1", "--json")
      #expect(watched.code == 0 && watched.output.split(separator: "\n").count == 8)

      // The shop's days are long past: a calendar that reaches back to them.
      let calendar = try await shop(
        "runs", "calendar", "nightly_segments", "--months", "120", "--json")
      let days = try calendar.json([CalendarDay].self)
      #expect(days.first == CalendarDay(day: Shop.lastDay, state: "success", runs: [1], missing: 0))
      #expect(days.dropFirst().allSatisfy { $0.state == "missing" && $0.missing == 1 })
      let unknown = try await shop("runs", "calendar", "nightly_segment")
      #expect(unknown.code == 2 && unknown.error.contains("nightly_segments"))

      let told = try String(contentsOf: events, encoding: .utf8).split(separator: "\n")
      #expect(told.count == 16)
      #expect(told.first?.contains("\"eventType\":\"START\"") == true)
      #expect(told.last?.contains("\"eventType\":\"COMPLETE\"") == true)
    }
  }

  @Test("a lineage target that nobody can reach is refused before anything runs")
  func badLineage() async throws {
    try await Shop.open(generate: false) { shop in
      let outcome = try await shop("runs", "list", "--lineage", "events.ndjson")
      #expect(outcome.code == 2 && outcome.error.contains("orchestrator.bad_lineage_target"))
    }
  }

  @Test("a scheduler serves its metrics and health, and logs as JSON")
  func daemon() async throws {
    try await Shop.open { shop in
      let daemon = try Daemon(
        shop, ["scheduler", "--metrics-port", "0", "--log-format", "json", "--log-level", "info"])
      let port = try await daemon.metricsPort()
      // It serves metrics before it has signed on as a worker.
      _ = try await daemon.line(with: "\"working\"")
      #expect(try await httpGet("/health", port: port).hasPrefix("HTTP/1.1 200 OK\r\n"))
      let metrics = try await httpGet("/metrics", port: port)
      #expect(metrics.contains("strata_workers{role=\"scheduler\",state=\"live\"} 1\n"))
      #expect(metrics.contains("strata_attempts_started_total "))
      daemon.stop()
      for line in try await daemon.end() {
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        #expect(object?["level"] is String && object?["message"] is String, "\(line)")
      }
    }
  }

  /// The interpreter with prometheus_client and openlineage-python; nil where none was named.
  static let python = ProcessInfo.processInfo.environment["STRATA_SEEING_PEERS"]

  @Test(
    "Prometheus' and OpenLineage's own libraries read what is told",
    .enabled(if: SeeingTests.python != nil))
  func peers() async throws {
    let python = try #require(Self.python)
    try await Shop.open { shop in
      let events = shop.strata.home.appendingPathComponent("events.ndjson")
      #expect(
        try await shop.night(environment: ["STRATA_OPENLINEAGE": events.absoluteString]).code == 0)
      let daemon = try Daemon(shop, ["scheduler", "--metrics-port", "0"])
      let answer = try await httpGet("/metrics", port: try await daemon.metricsPort())
      daemon.stop()
      _ = try await daemon.end()
      let body = try #require(answer.range(of: "\r\n\r\n"))
      let metrics = shop.strata.home.appendingPathComponent("metrics.txt")
      try Data(answer[body.upperBound...].utf8).write(to: metrics)
      let script = Binary.root.appendingPathComponent("Tests/EndToEndTests/peers/read_seeing.py")
      let result = try await Subprocess.run(
        .path(FilePath(python)), arguments: [script.path, metrics.path, events.path],
        output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
      #expect(result.terminationStatus.isSuccess, "\(result.standardError)")
      print("prometheus_client and openlineage read metrics and events: \(result.standardOutput)")
      #expect(result.standardOutput.hasSuffix(" 16\n"))
    }
  }
}

/// A day of `runs calendar --json`.
private struct CalendarDay: Decodable, Equatable {
  let day: String
  let state: String
  let runs: [Int64]
  let missing: Int
}

/// A daemon of the binary, with its standard error as lines.
private final class Daemon {
  private let process = Process()
  private var chunks: AsyncStream<Data>.AsyncIterator
  private var buffer = Data()
  private var said: [String] = []

  init(_ shop: Shop, _ arguments: [String]) throws {
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: Binary.path)
    process.arguments = arguments + ["--project", shop.project, "--database", shop.database]
    process.currentDirectoryURL = Binary.root
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["STRATA_HOME": shop.strata.home.path, "NO_COLOR": "1"]) { $1 }
    process.standardError = pipe
    let (stream, continuation) = AsyncStream<Data>.makeStream()
    chunks = stream.makeAsyncIterator()
    pipe.fileHandleForReading.readabilityHandler = { handle in
      let data = handle.availableData
      if data.isEmpty {
        handle.readabilityHandler = nil
        continuation.finish()
      } else {
        continuation.yield(data)
      }
    }
    try process.run()
  }

  deinit { if process.isRunning { process.terminate() } }

  /// The next line of its standard error; nil once that is closed.
  private func line() async -> String? {
    while true {
      if let end = buffer.firstIndex(of: 10) {
        let line = String(decoding: buffer[..<end], as: UTF8.self)
        buffer = buffer[buffer.index(after: end)...]
        said.append(line)
        return line
      }
      guard let more = await chunks.next() else { return nil }
      buffer.append(more)
    }
  }

  /// The first line with these words, of those that it has said and those to come.
  func line(with words: String) async throws -> String {
    if let line = said.first(where: { $0.contains(words) }) { return line }
    while let line = await line() {
      if line.contains(words) { return line }
    }
    throw CancellationError()
  }

  /// The port that it says it serves metrics on.
  func metricsPort() async throws -> Int {
    let line = try await line(with: "/metrics")
    let start = line.prefix(upTo: line.range(of: "/metrics")?.lowerBound ?? line.endIndex)
    return try #require(Int(String(start.reversed().prefix { $0.isNumber }.reversed())))
  }

  /// Asks it to drain.
  func stop() { process.terminate() }

  /// Waits for its end, and returns all that it has said.
  func end() async throws -> [String] {
    while await line() != nil {}
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return said
  }
}
