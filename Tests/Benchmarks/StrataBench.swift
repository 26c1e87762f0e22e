import Foundation

/// Ours against its peers, in one run on one machine:
/// `strata-bench [SUITE] [--json] [--keep] [--airflow]`.
///
/// `--keep` leaves the databases and files of the suites behind, for profiles. `--airflow` installs
/// and measures Airflow and Prefect, which takes minutes; else their recorded numbers are shown.
@main
enum StrataBench {
  static var suites: [any Suite.Type] {
    [
      CommandSuite.self, IngestSuite.self, NightlySuite.self, BackfillSuite.self, MicroSuite.self,
      OnlineRetailSuite.self, ChurnSuite.self, OrchestratorSuite.self,
      RulesSuite.self, ConflictsSuite.self, PublishSuite.self, PlanSuite.self, GrowthSuite.self,
    ]
  }

  static func main() async {
    let words = CommandLine.arguments.dropFirst()
    if words.first == LargeRunProbe.flag {
      await LargeRunProbe.main(Array(words.dropFirst()))
      return
    }
    if words.first == LocalRunProbe.flag {
      await LocalRunProbe.main(Array(words.dropFirst()))
      return
    }
    if words.contains("--help") || words.contains("-h") {
      print("strata-bench [SUITE] [--json] [--keep] [--airflow]\n")
      for suite in suites { print("  \(suite.name): \(suite.purpose)") }
      exit(0)
    }
    let flags = ["--json", "--keep", "--airflow"]
    if let unknown = words.first(where: { $0.hasPrefix("-") && !flags.contains($0) }) {
      say("expected a flag of \(flags.joined(separator: ", ")), found '\(unknown)'")
      exit(2)
    }
    let asJSON = words.contains("--json")
    let wanted = words.filter { !$0.hasPrefix("-") }
    let names = suites.map { $0.name }
    if let unknown = wanted.first(where: { !names.contains($0) }) {
      say("expected a suite of \(names.joined(separator: ", ")), found '\(unknown)'")
      exit(2)
    }
    var rows: [Measurement] = []
    var failures: [(suite: String, reason: String)] = []
    do {
      let bench = try Workbench(
        keepsAll: words.contains("--keep"), measuresAirflow: words.contains("--airflow"))
      for suite in suites where wanted.isEmpty ? suite.isUsual : wanted.contains(suite.name) {
        say("\(suite.name): \(suite.purpose)")
        let start = ContinuousClock().now
        do {
          rows += try await suite.init(bench).run()
        } catch {
          say("\(suite.name): \(error)")
          failures.append((suite.name, "\(error)"))
        }
        let seconds = start.duration(to: ContinuousClock().now).inSeconds
        say("\(suite.name): \(Int(seconds)) s in all")
      }
      try bench.close()
    } catch {
      say("\(error)")
      failures.append(("setup", "\(error)"))
    }
    let table = ResultTable(rows: rows, failures: failures)
    if asJSON {
      print(json(rows, failures))
    } else {
      print(table.text)
    }
    exit(table.isMissed ? 1 : 0)
  }

  private static func json(
    _ rows: [Measurement], _ failures: [(suite: String, reason: String)]
  ) -> String {
    struct Line: Encodable {
      let suite: String
      let what: String
      let unit: String
      let ours: Double?
      let peer: Double?
      let ratio: Double?
      let isMet: Bool?
      let reason: String?
    }
    let lines =
      rows.map {
        Line(
          suite: $0.suite, what: $0.what, unit: $0.unit, ours: $0.ours, peer: $0.peer,
          ratio: $0.ratio, isMet: $0.isMet, reason: nil)
      }
      + failures.map {
        Line(
          suite: $0.suite, what: "not run", unit: "", ours: nil, peer: nil, ratio: nil,
          isMet: false, reason: $0.reason)
      }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      return String(decoding: try encoder.encode(lines), as: UTF8.self)
    } catch {
      say("cannot write JSON: \(error)")
      exit(1)
    }
  }
}

/// A set of measurements that belong together.
protocol Suite: Sendable, SendableMetatype {
  static var name: String { get }
  static var purpose: String { get }
  /// Whether it runs where no suite is named.
  static var isUsual: Bool { get }
  init(_ bench: Workbench)
  func run() async throws -> [Measurement]
}

extension Suite {
  static var isUsual: Bool { true }
}

/// Progress, on standard error: standard output is the result's.
func say(_ line: String) {
  FileHandle.standardError.write(Data((line + "\n").utf8))
}
