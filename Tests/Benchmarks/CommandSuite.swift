import Foundation

/// How soon the command answers.
struct CommandSuite: Suite {
  static let name = "cli"
  static let purpose = "cold starts, 20 each"
  private static let rounds = 20

  let bench: Workbench
  init(_ bench: Workbench) { self.bench = bench }

  func run() async throws -> [Measurement] {
    // The static release where there is one: that is what cron calls.
    let installed = bench.root.appendingPathComponent(
      ".build-install/release/strata"
    ).path
    let isInstalled = FileManager.default.isExecutableFile(atPath: installed)
    let program = isInstalled ? installed : bench.strata
    let kind = isInstalled ? "static release" : "release build"
    let retail = bench.root.appendingPathComponent("dags/retail").path
    // The first call makes the project's database.
    _ = try run(program, ["dags", "list", "--project", retail])
    let version = try milliseconds(program, ["--version"])
    let list = try milliseconds(program, ["dags", "list", "--project", retail])
    return [
      line("strata --version, \(kind)", version, 30),
      line("strata dags list, cluster up", list, 150),
    ]
  }

  private func line(_ what: String, _ ours: Double, _ most: Double) -> Measurement {
    Measurement(
      suite: Self.name, what: what, unit: "ms", ours: ours, peer: nil, goal: .atMost(most))
  }

  private func run(_ program: String, _ arguments: [String]) throws -> Finished {
    try ChildProcess(
      program: program, arguments: arguments, environment: ["STRATA_HOME": bench.home.path]
    ).run()
  }

  private func milliseconds(_ program: String, _ arguments: [String]) throws -> Double {
    let runs = try (0..<Self.rounds).map { _ in try run(program, arguments).seconds * 1000 }
    let fastest = runs.min() ?? 0
    say("  \(arguments.joined(separator: " ")): fastest \(ResultTable.value(fastest, "ms"))")
    return median(runs)
  }
}
