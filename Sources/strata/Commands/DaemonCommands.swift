import ArgumentParser
import DAGs
import Foundation
import Orchestrator
import Pipeline
import Tasks
import Telemetry

/// What `scheduler` and `worker` have in common.
struct DaemonSettings: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Seconds that it may stand still before others take its attempts over.", valueName: "s"))
  var lease = 30

  @Option(
    help: ArgumentHelp("Seconds that attempts may go on after SIGTERM.", valueName: "s"))
  var drainTimeout = 60

  @Option(
    name: .customLong("queues"),
    help: ArgumentHelp("The queues to serve, with commas between.", valueName: "names"))
  var queueNames = "default"

  @Option(
    help: ArgumentHelp(
      "Serve metrics for Prometheus (/metrics) and /health on this port.", valueName: "port"))
  var metricsPort: Int?

  @Option(
    help: ArgumentHelp(
      "The address to serve them on; 0.0.0.0 for every one of the machine.", valueName: "address"))
  var metricsHost = "127.0.0.1"

  @OptionGroup var resources: ResourceOptions

  var queues: [String] {
    queueNames.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
  }

  func validate() throws {
    guard lease >= 1 else {
      throw ValidationError("expected --lease of at least 1 second, found \(lease)")
    }
    guard drainTimeout >= 0 else {
      throw ValidationError("expected --drain-timeout of 0 or more, found \(drainTimeout)")
    }
    if let metricsPort, !(0...65_535).contains(metricsPort) {
      throw ValidationError("expected --metrics-port from 0 to 65535, found \(metricsPort)")
    }
    guard !queues.isEmpty, !queues.contains("") else {
      throw ValidationError("expected names of queues, found '\(queueNames)'")
    }
  }

  /// Serves until SIGTERM or SIGINT.
  func serve(_ global: GlobalOptions, schedules: Bool, slots: Int) async throws {
    let settings = self
    try resources.settle()
    // Before anything that counts is made.
    if metricsPort != nil { MetricRegistry.bootstrap(orchestratorMetrics) }
    try await Session.open(global, limit: max(8, slots * 2)) { session in
      let dags = DAGChoice(project: session.project).dags
      let daemon = Daemon(
        pool: session.pool, registry: try TaskRegistry.all,
        projectDirectory: session.project.directory.path, zone: session.project.zone, dags: dags,
        options: DaemonOptions(
          schedules: schedules, slots: slots, queues: settings.queues,
          lease: .seconds(settings.lease), drainTimeout: .seconds(settings.drainTimeout)),
        watermarks: ProjectAssets.watermarks, retention: session.project.retention)
      session.console.note(
        "\(schedules ? "scheduling \(dags.count) DAGs" : "working")"
          + (slots > 0 ? " with \(slots) slots" : "") + "; SIGTERM drains")
      let signals = Signals.onStop { daemon.drain() }
      defer { signals.cancel() }
      try await settings.run(daemon, console: session.console)
    }
  }

  /// Runs a daemon, and serves its metrics meanwhile where they are wanted.
  private func run(_ daemon: Daemon, console: Console) async throws {
    guard let metricsPort else { return try await daemon.run() }
    let host = metricsHost
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await daemon.serveMetrics(host: host, port: metricsPort) { port in
          console.note(
            "metrics on http://\(host.contains(":") ? "[\(host)]" : host):\(port)/metrics")
        }
      }
      group.addTask { try await daemon.run() }
      do {
        // The metrics end only with the daemon, or because they cannot be served at all.
        try await group.next()
      } catch {
        daemon.drain()
        throw error
      }
      group.cancelAll()
    }
  }
}

/// `strata scheduler`: the daemon that makes runs when they are due, and works on them.
struct SchedulerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scheduler",
    abstract: "Serve a project's schedules until SIGTERM.",
    discussion: """
      Any number of schedulers and workers may serve one database from any number of hosts. \
      SIGTERM lets running attempts end, and takes nothing new.
      """)

  @Option(help: ArgumentHelp("Attempts at once in this process; 0 for none.", valueName: "n"))
  var workers = 4

  @OptionGroup var settings: DaemonSettings
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard workers >= 0 else {
      throw ValidationError("expected --workers of 0 or more, found \(workers)")
    }
  }

  func run() async throws {
    try await settings.serve(global, schedules: true, slots: workers)
  }
}

/// `strata worker`: a daemon that works on what schedulers make.
struct WorkerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "worker", abstract: "Work on a project's queued tasks until SIGTERM.")

  @Option(help: ArgumentHelp("Attempts at once.", valueName: "n"))
  var slots = 4

  @OptionGroup var settings: DaemonSettings
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard slots >= 1 else {
      throw ValidationError("expected --slots of at least 1, found \(slots)")
    }
  }

  func run() async throws {
    try await settings.serve(global, schedules: false, slots: slots)
  }
}

/// `strata workers`: who serves the project now.
struct WorkersCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "workers", abstract: "The schedulers and workers that serve the project.")

  @OptionGroup var global: GlobalOptions

  func run() async throws {
    try await Session.open(global, limit: 1) { session in
      let zone = session.project.zone
      try session.console.list(
        try await RunStore(session.pool).workers(), empty: "nobody serves this project now",
        [
          TableColumn(number: "worker") { "\($0.workerID)" },
          TableColumn("role") { $0.role },
          TableColumn("state") { $0.holdsLease ? $0.state : "\($0.state), lease over" },
          TableColumn("host") { $0.host },
          TableColumn(number: "process") { "\($0.processID)" },
          TableColumn(number: "slots") { "\($0.slots)" },
          TableColumn("since") { Moment.local($0.startedAt, in: zone) },
          TableColumn("heartbeat") { Moment.local($0.heartbeatAt, in: zone) },
        ])
    }
  }
}
