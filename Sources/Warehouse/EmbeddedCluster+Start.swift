import Foundation
import Subprocess

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

extension EmbeddedCluster {
  /// Starts the server; the caller holds the lock.
  func startLocked() async throws {
    switch state() {
    case .running: return
    case .starting:
      try await waitUntilRunning()
      return
    case .stopping:
      try await waitUntil(
        seconds: 120, code: "warehouse.cluster_start_failed",
        message: "expected the stopping server to end within 120 seconds"
      ) { state() != .stopping }
    case .absent, .stopped, .crashed: break
    }
    let installed = await ServerBinaries.installed(environment: environment)
    let binaries = try ServerBinaries.choose(installed, data: dataVersion())
    try ClusterFiles.createPrivate(layout.run, owner: owner)
    try ClusterFiles.createPrivate(layout.log, owner: owner)
    var machine = ClusterSettings.machine(durability)
    try write(machine)
    if dataVersion() == nil {
      try await create(binaries)
    } else {
      // Says clearly when the data belongs to somebody else; the server would say it in its log.
      try ClusterFiles.createPrivate(layout.data, owner: owner)
    }
    if let server = PostmasterFile.read(layout), server.isAlive, !server.isServer(of: layout) {
      try PostmasterFile.disown(layout)
    }
    // Builds of the server differ; this one tells whether it takes the value.
    (machine.hasLZ4, _) = try await run(
      binaries.path("postgres"),
      ["-D", layout.data, "-C", "wal_compression", "-c", "wal_compression=lz4"])
    if machine.hasLZ4 { try write(machine) }
    try await launch(binaries)
  }

  private func write(_ machine: ClusterSettings) throws {
    let text = machine.text(
      socketFolder: layout.run, logFolder: layout.log, port: port, overrides: settings)
    try ClusterFiles.write(text, to: layout.settings)
  }

  /// Creates the data folder: beside its place first, so that a half-made one is never used.
  private func create(_ binaries: ServerBinaries) async throws {
    let draft = layout.folder + "/data.new"
    try? FileManager.default.removeItem(atPath: draft)
    try ClusterFiles.createPrivate(draft, owner: owner)
    #if os(macOS)
      let locale = "en_US.UTF-8"
    #else
      let locale = "C.UTF-8"
    #endif
    var arguments = [
      "--pgdata=\(draft)", "--username=postgres", "--auth-local=trust", "--auth-host=reject",
      "--encoding=UTF8", "--lc-collate=C", "--lc-ctype=\(locale)", "--lc-messages=C",
      "--lc-monetary=C", "--lc-numeric=C", "--lc-time=C", "--data-checksums", "--no-instructions",
    ]
    if durability == .none { arguments.append("--no-sync") }
    let (succeeded, output) = try await run(binaries.path("initdb"), arguments)
    guard succeeded else {
      try? FileManager.default.removeItem(atPath: draft)
      throw failure("warehouse.initdb_failed", "initdb could not create \(layout.data)", output)
    }
    let include = "\ninclude '../strata.conf'\n# Settings below this line win over strata's.\n"
    let file = draft + "/postgresql.conf"
    guard let handle = FileHandle(forWritingAtPath: file) else {
      throw ClusterFiles.fault("write", file)
    }
    try handle.seekToEnd()
    try handle.write(contentsOf: Data(include.utf8))
    try handle.close()
    guard rename(draft, layout.data) == 0 else { throw ClusterFiles.fault("create", layout.data) }
  }

  /// Runs `pg_ctl start` and waits until the server takes connections.
  private func launch(_ binaries: ServerBinaries) async throws {
    let log = layout.log + "/startup.log"
    var tries = 0
    while true {
      let before = size(of: log)
      let (succeeded, output) = try await run(
        binaries.path("pg_ctl"),
        ["start", "--silent", "--wait", "--timeout=600", "--pgdata=\(layout.data)", "--log=\(log)"])
      if succeeded { return }
      let said = tail(of: log, from: before) + output
      tries += 1
      // The children of a killed server take a moment to notice; they still hold its memory.
      guard tries < 100, said.contains("pre-existing shared memory block") else {
        throw failure(
          "warehouse.cluster_start_failed", "the server in \(layout.folder) did not start", said)
      }
      try await clock.sleep(for: .milliseconds(100))
    }
  }

  private func waitUntilRunning() async throws {
    try await waitUntil(
      seconds: 600, code: "warehouse.cluster_start_failed",
      message: "expected the starting server to take connections within 600 seconds"
    ) { state() != .starting }
    if state() != .running { try await startLocked() }
  }

  /// Runs a program of the server as its owner; whether it succeeded, and all it printed.
  private func run(_ program: String, _ arguments: [String]) async throws -> (Bool, String) {
    let (executable, words) = owner.command(program, arguments) {
      FileManager.default.isExecutableFile(atPath: $0)
    }
    // An environment of its own: PGDATA, PGPORT and locale variables must not interfere, and the
    // current folder may be closed to the owner.
    let path = environment["PATH"] ?? "/usr/bin:/bin"
    let result = try await Subprocess.run(
      .path(FilePath(executable)), arguments: Arguments(words),
      environment: .custom(["PATH": path, "LC_ALL": "C", "TZ": "UTC"]),
      workingDirectory: FilePath("/"), output: .string(limit: 1 << 20),
      error: .combinedWithOutput)
    return (result.terminationStatus.isSuccess, result.standardOutput)
  }

  /// A fault with the last lines that a program printed.
  private func failure(_ code: String, _ message: String, _ output: String) -> WarehouseError {
    let lines = output.split(separator: "\n").suffix(12).joined(separator: "\n")
    if output.contains("No space left on device") || output.contains("Disk quota exceeded") {
      return WarehouseError(
        code: "warehouse.disk_full", message: "\(message): the disk is full",
        hint: "free space, or choose another folder with STRATA_HOME", detail: lines)
    }
    return WarehouseError(
      code: code, message: "\(message):\n\(lines)", hint: "see the logs in \(layout.log)")
  }

  private func size(of path: String) -> UInt64 {
    var facts = stat()
    return stat(path, &facts) == 0 ? UInt64(facts.st_size) : 0
  }

  private func tail(of path: String, from offset: UInt64) -> String {
    guard let handle = FileHandle(forReadingAtPath: path) else { return "" }
    defer { try? handle.close() }
    guard (try? handle.seek(toOffset: offset)) != nil, let data = try? handle.readToEnd() else {
      return ""
    }
    return String(decoding: data, as: UTF8.self)
  }
}
