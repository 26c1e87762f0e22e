import Foundation
import Logging
import Synchronization
import Testing

@testable import Telemetry

@Suite struct LogOutputTests {
  private func lines(
    _ format: LogFormat, level: Logger.Level = .trace, _ body: (inout Logger) -> Void
  ) -> [String] {
    let written = Written()
    var logger = Logger(label: "strata.worker") { label in
      LineLogHandler(
        label: label, format: format, logLevel: level,
        now: { Date(timeIntervalSince1970: 1_773_108_000.125) }, write: { written.add($0) })
    }
    body(&logger)
    return written.lines
  }

  @Test func aLineOfTextHasTimeLevelLabelMessageAndWords() {
    let found = lines(.text) { logger in
      logger[metadataKey: "worker"] = "7"
      logger.warning("re\nconnecting", metadata: ["error": "no \"way\"", "empty": "", "n": "1"])
      logger.info("plain")
    }
    #expect(
      found == [
        "2026-03-10T02:00:00.125Z warning strata.worker: re connecting empty=\"\" "
          + "error=\"no \\\"way\\\"\" n=1 worker=7\n",
        "2026-03-10T02:00:00.125Z info strata.worker: plain worker=7\n",
      ])
  }

  @Test func aLineOfJSONIsOneObject() throws {
    let found = lines(.json) { logger in
      logger[metadataKey: "worker"] = "7"
      logger.error(
        "broken \u{1B}[31m\u{2028}\r\n\"\\é",
        metadata: ["list": ["a", ["k": "v"]], "number": .stringConvertible(5)])
    }
    let line = try #require(found.first)
    #expect(found.count == 1 && line.hasSuffix("}\n"))
    #expect(line.dropLast().unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x2028 })
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(object["time"] as? String == "2026-03-10T02:00:00.125Z")
    #expect(object["level"] as? String == "error")
    #expect(object["label"] as? String == "strata.worker")
    #expect(object["message"] as? String == "broken \u{1B}[31m\u{2028}\r\n\"\\é")
    #expect(object["source"] as? String == "TelemetryTests")
    let metadata = try #require(object["metadata"] as? [String: Any])
    #expect(metadata["worker"] as? String == "7" && metadata["number"] as? String == "5")
    #expect((metadata["list"] as? [Any])?.first as? String == "a")
  }

  @Test func linesBelowTheLevelAreNotWritten() {
    let found = lines(.text, level: .warning) { logger in
      logger.info("no")
      logger.critical("yes")
    }
    #expect(found.count == 1 && found.allSatisfy { $0.contains("critical strata.worker: yes") })
  }

  @Test func metadataOfTheCallWinsOverThatOfTheLogger() {
    let found = lines(.text) { logger in
      logger[metadataKey: "k"] = "logger"
      logger.info("m", metadata: ["k": "call"])
    }
    #expect(found.first?.hasSuffix(" m k=call\n") == true)
  }
}

private final class Written: Sendable {
  private let all = Mutex<[String]>([])

  var lines: [String] { all.withLock { $0 } }

  func add(_ line: String) { all.withLock { $0.append(line) } }
}
