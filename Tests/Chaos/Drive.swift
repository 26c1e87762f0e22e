import ArgumentParser
import Dispatch
import Foundation
import Logging
import Orchestrator
import TestSupport
import Warehouse

/// The experiment: a server, a fleet, runs of random DAGs, faults, and the proof.
struct Drive: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs random DAGs on a fleet under random faults, and checks what came of it.",
    discussion: """
      Everything random follows from the seed but for the order in which processes get on. Ends with \
      0 where all holds, and with 1 and the evidence where something does not; the folder with the \
      cluster and the logs is kept then.
      """)

  @Option(help: "Seed of the DAGs, the faults, and what befalls attempts.") var seed: UInt64 = 1
  @Option(help: "Attempts to make before the faults end.") var attempts: Int = 20_000
  @Option(help: "Schedulers.") var schedulers: Int = 3
  @Option(help: "Workers.") var workers: Int = 6
  @Option(help: "Milliseconds of each lease.") var leaseMilliseconds: Int = 2000
  @Option(help: "Milliseconds between two faults, on average.") var faultMilliseconds: Int = 250
  @Option(help: "Runs under way at once.") var runs: Int = 16
  @Option(help: "Seconds after which no further runs are made, however few attempts there were.")
  var seconds: Int = 3600
  @Option(help: "Where the experiment's folder is made.") var folder: String?
  @Flag(help: "Keeps the folder in any case.") var keep = false

  func validate() throws {
    guard schedulers >= 1, workers >= 1, attempts >= 1, leaseMilliseconds >= 200,
      faultMilliseconds >= 10, runs >= 1
    else { throw ValidationError("expected at least one of each, and a lease of 200 ms or more") }
  }

  func run() async throws {
    LoggingSystem.bootstrap { _ in SwiftLogNoOpLogHandler() }
    // Inherited: a node that does not listen yet must not die of a clock's jump.
    signal(SIGUSR1, SIG_IGN)
    let work = Task { try await experiment() }
    let signals = [SIGINT, SIGTERM, SIGHUP].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { work.cancel() }
      source.resume()
      return source
    }
    defer { for source in signals { source.cancel() } }
    guard try await work.value else { throw ExitCode(1) }
  }

  /// Whether everything held.
  private func experiment() async throws -> Bool {
    let home = try makeHome()
    let logs = home + "/nodes"
    try FileManager.default.createDirectory(atPath: logs, withIntermediateDirectories: true)
    let server = try ChaosServer(home: home)
    var fleet = try Fleet(
      program: try Self.ownPath(), logs: logs, members: members(server.cluster))
    try fleet.startKeeper(home: home)
    var driver = ChaosDriver(options: self, server: server, fleet: fleet)
    var holds = false
    var failure: (any Error)?
    do {
      try await server.prepare()
      let summary = try await driver.run()
      holds = summary.violations.isEmpty
      print(summary.text)
    } catch {
      failure = error
    }
    // Not in the cancelled task: whatever happened, nothing survives.
    fleet = driver.fleet
    fleet.killAll()
    await server.pool.close()
    fleet.close()
    if holds && !keep {
      try server.remove()
    } else {
      say("kept: \(home)")
    }
    if let failure { throw failure }
    return holds
  }

  private func members(_ cluster: EmbeddedCluster) -> [Fleet.Member] {
    let names = [("scheduler", schedulers), ("worker", workers)].flatMap { role, count in
      (1...count).map { (role, "\(role)-\($0)") }
    }
    return names.enumerated().map { number, name in
      Fleet.Member(
        name: name.1,
        arguments: [
          "node", name.0, "--database", cluster.url(database: ChaosServer.database),
          "--seed", "\(seed &+ UInt64(number))", "--lease-milliseconds", "\(leaseMilliseconds)",
          // One scheduler in three runs tasks too, as `strata scheduler --workers` does.
          "--slots", name.0 == "worker" ? "4" : number % 3 == 0 ? "2" : "0",
        ])
    }
  }

  /// A folder that the server's owner can reach too, where that is not this user.
  private func makeHome() throws -> String {
    let base = folder ?? FileManager.default.temporaryDirectory.path
    var template = Array("\(base)/strata-chaos.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw ChaosError("cannot make a folder in \(base): \(String(cString: strerror(errno)))")
    }
    let home = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    chmod(home, 0o755)
    return home
  }

  static func ownPath() throws -> String {
    let linux = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path
    if FileManager.default.isExecutableFile(atPath: linux), linux != "/proc/self/exe" {
      return linux
    }
    guard let path = Bundle.main.executablePath else {
      throw ChaosError("cannot tell the path of this program")
    }
    return path
  }
}

/// What an experiment came to.
struct ChaosSummary {
  let seed: UInt64
  let runs: Int
  let attempts: Int
  let tasks: Int
  let faults: [Fault: Int]
  let seconds: Double
  let violations: [Violation]

  var text: String {
    let kinds = Fault.allCases.map { "\($0.rawValue) \(faults[$0, default: 0])" }
    let total = faults.values.reduce(0, +)
    let line =
      "chaos: seed \(seed), \(runs) runs, \(tasks) tasks, \(attempts) attempts, "
      + "\(total) faults (\(kinds.joined(separator: ", "))), \(Int(seconds.rounded())) s: "
      + (violations.isEmpty ? "every effect exactly once" : "\(violations.count) VIOLATIONS")
    let more = violations.count > 30 ? ["and \(violations.count - 30) more violations"] : []
    return ([line] + violations.prefix(30).map(\.text) + more).joined(separator: "\n")
  }
}

/// Something that must hold and did not, with the first lines of the evidence.
struct Violation: Sendable {
  let name: String
  let evidence: [String]

  var text: String {
    let shown = evidence.prefix(12).map { "  \($0)" }
    let more = evidence.count > 12 ? ["  and \(evidence.count - 12) more"] : []
    return (["VIOLATION: \(name)"] + shown + more).joined(separator: "\n")
  }
}
