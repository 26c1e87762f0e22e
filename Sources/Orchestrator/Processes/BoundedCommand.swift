import Foundation
import Subprocess

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// A program that is run without a shell, fed, and ended at a time limit with all that it started.
struct BoundedCommand: Sendable {
  /// How it ended.
  struct Outcome: Sendable {
    let status: TerminationStatus
    /// The last lines that it printed.
    let lines: [String]
    let isTimedOut: Bool
  }

  /// The program, by its path or by a name on the PATH, and its arguments.
  let words: [String]
  var variables: [String: String] = [:]
  /// Its current folder, which a relative path is looked up in; nil for this process's.
  var directory: String?
  let input: String
  let timeLimit: Duration

  /// Runs it to its end.
  ///
  /// - Throws: where it cannot be started.
  func run() async throws -> Outcome {
    guard let program = words.first else {
      throw OrchestratorError(
        code: "orchestrator.no_command", message: "expected a program, found no word",
        isPermanent: true)
    }
    var environment: [Environment.Key: String?] = [:]
    for (name, value) in variables {
      if let key = Environment.Key(rawValue: name) { environment[key] = value }
    }
    let group = ProcessGroup(grace: .seconds(2))
    let tail = LastLines()
    var options = PlatformOptions()
    options.processGroupID = 0
    let limit = Task {
      guard (try? await Task.sleep(for: timeLimit)) != nil else { return }
      group.kill()
    }
    defer { limit.cancel() }
    let result = try await Subprocess.run(
      executable(program), arguments: Arguments(Array(words.dropFirst())),
      environment: .inherit.updating(environment), workingDirectory: directory.map { FilePath($0) },
      platformOptions: options, input: .inputWriter, output: .sequence, error: .sequence
    ) { child in
      group.begin(child.processIdentifier.value)
      let readers = [child.standardOutput, child.standardError].map { stream in
        Task {
          var lines = LineSplitter()
          for try await buffer in stream {
            for line in buffer.withUnsafeBytes({ lines.add($0) }) { tail.add(line) }
          }
          if let line = lines.rest() { tail.add(line) }
        }
      }
      // A program that reads nothing, or has ended already, finds nobody at the pipe's end.
      _ = try? await child.standardInputWriter.write(input)
      try? await child.standardInputWriter.finish()
      await group.waitForDeath()
      group.end()
      for reader in readers { try await reader.value }
    }
    return Outcome(
      status: result.terminationStatus, lines: tail.all, isTimedOut: group.wasKilled)
  }

  private func executable(_ program: String) -> Executable {
    guard program.contains("/") else { return .name(program) }
    guard let directory, !program.hasPrefix("/") else { return .path(FilePath(program)) }
    return .path(FilePath(directory + "/" + program))
  }
}
