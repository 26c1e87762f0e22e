import CoreMetrics
import Foundation
import Testing

@testable import Telemetry

@Suite struct MetricsTests {
  @Test func textIsTheGoldenOne() throws {
    let registry = MetricRegistry([
      MetricDescription("jobs_total", "Jobs, \"all\"\nof them \\ each."),
      MetricDescription("queue_depth", "What waits."),
      MetricDescription("wait_seconds", "How long.", buckets: [0.1, 1]),
    ])
    let done = Counter(label: "jobs_total", dimensions: [("state", "done")], factory: registry)
    done.increment()
    done.increment(by: 2)
    FloatingPointCounter(
      label: "jobs_total", dimensions: [("state", "quoted \"\\\n")], factory: registry
    ).increment(by: 1.5)
    let depth = Meter(label: "queue_depth", dimensions: [], factory: registry)
    depth.set(7)
    depth.set(-2.5)
    let wait = Timer(label: "wait_seconds", dimensions: [], factory: registry)
    // A value on a bound belongs below it.
    for seconds in [0.1, 1.0, 0.5, 10.5] { wait.recordNanoseconds(Int64(seconds * 1e9)) }
    let golden = try String(
      contentsOf: Self.folder.appendingPathComponent("metrics.txt"), encoding: .utf8)
    #expect(registry.text() == golden)
  }

  @Test func anEmptyRegistryHasNoText() {
    #expect(MetricRegistry([MetricDescription("a", "b")]).text() == "")
  }

  @Test func oneNameAndLabelsAreOneSeriesWhoeverAsks() throws {
    let registry = MetricRegistry()
    for _ in 0..<3 {
      Counter(label: "a.b", dimensions: [("y", "1"), ("x", "2")], factory: registry).increment()
      Counter(label: "a.b", dimensions: [("x", "2"), ("y", "1")], factory: registry).increment()
    }
    let gone = Counter(label: "a.b", dimensions: [("x", "2"), ("y", "1")], factory: registry)
    gone.destroy()
    let reading = try PrometheusReading(registry.text())
    #expect(reading.samples == [.init(name: "a_b", labels: ["x": "2", "y": "1"], value: 6)])
  }

  @Test(arguments: [
    ("9 lives", "_9_lives"), ("strata.runs", "strata_runs"), ("é", "__"), ("", "_"),
    ("a:b_C1", "a:b_C1"),
  ])
  func namesAreMadeValid(label: String, name: String) {
    #expect(PrometheusText.name(label) == name)
  }

  @Test func whatIsNoNumberIsLeftOutOfHistograms() throws {
    let registry = MetricRegistry()
    let sizes = Recorder(label: "sizes", dimensions: [], aggregate: true, factory: registry)
    sizes.record(Double.nan)
    sizes.record(5)
    let reading = try PrometheusReading(registry.text())
    #expect(reading.value("sizes_count") == 1 && reading.value("sizes_sum") == 5)
    let last = Recorder(label: "last", dimensions: [], aggregate: false, factory: registry)
    last.record(Double.infinity)
    #expect(try PrometheusReading(registry.text()).value("last") == .infinity)
  }

  /// Random metrics with hostile labels are read back as they were counted.
  @Test(arguments: 0..<50) func randomMetricsAreReadBack(seed: UInt64) throws {
    var random = Draw(state: seed)
    let registry = MetricRegistry([
      MetricDescription("h", "help \\ \n\"", buckets: [-1, 0, 0.5, 20])
    ])
    let pieces = ["", "a", "\\", "\"", "\n", "{", "}", ",", "=", "é", "\r\n", "\\n", " "]
    var counts: [[String: String]: Double] = [:]
    var values: [Double] = []
    for _ in 0..<40 {
      let labels = Dictionary(
        (0..<random.below(3)).map { _ in
          (
            ["x", "y", "z"][random.below(3)],
            (0..<random.below(4)).map { _ in pieces[random.below(pieces.count)] }.joined()
          )
        }, uniquingKeysWith: { $1 })
      let amount = random.below(10)
      Counter(label: "c", dimensions: Array(labels), factory: registry).increment(by: amount)
      counts[labels, default: 0] += Double(amount)
      let value = Double(random.below(400)) / 8 - 10
      values.append(value)
      Recorder(label: "h", dimensions: [], aggregate: true, factory: registry).record(value)
    }
    let reading = try PrometheusReading(registry.text())
    for (labels, count) in counts { #expect(reading.value("c", labels) == count, "\(labels)") }
    #expect(reading.samples.count { $0.name == "c" } == counts.count)
    for bound in [-1, 0, 0.5, 20] {
      let text = PrometheusText.number(bound)
      #expect(
        reading.value("h_bucket", ["le": text]) == Double(values.count { $0 <= bound }), "\(text)")
    }
    #expect(reading.value("h_count") == 40)
    // Eighths are exact, so that no order of adding matters.
    #expect(reading.value("h_sum") == values.reduce(0, +))
    #expect(reading.types == ["c": "counter", "h": "histogram"])
    #expect(reading.help == ["h": "help \\ \n\""])
  }

  @Test func countingFromManyTasksLosesNothing() async throws {
    let registry = MetricRegistry()
    await withTaskGroup { group in
      for task in 0..<8 {
        group.addTask {
          for _ in 0..<1000 {
            Counter(label: "n", dimensions: [("t", "\(task % 2)")], factory: registry).increment()
          }
        }
      }
    }
    let reading = try PrometheusReading(registry.text())
    #expect(reading.value("n", ["t": "0"]) == 4000 && reading.value("n", ["t": "1"]) == 4000)
  }

  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Golden")
}

/// SplitMix64, small enough for this room's tests, which know no other room.
struct Draw {
  var state: UInt64

  mutating func below(_ bound: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Int((z ^ (z >> 31)) % UInt64(bound))
  }
}
