import Foundation
import Subprocess
import Testing

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// The built `strata` binary, run as a user would: arguments, environment, exit code, words.
struct Binary: Sendable {
  /// What one call printed and how it ended.
  struct Outcome: Sendable {
    let status: TerminationStatus
    let output: String
    let error: String

    /// The exit code, or nil when a signal ended the process.
    var code: Int? {
      if case .exited(let code) = status { return Int(code) }
      return nil
    }

    /// Standard output, decoded from JSON.
    func json<Value: Decodable>(_ type: Value.Type) throws -> Value {
      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      return try decoder.decode(type, from: Data(output.utf8))
    }
  }

  /// The package's root folder.
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// The binary that was built beside this test bundle.
  static let path: String = {
    let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    let beside = [
      own.deletingLastPathComponent(),
      URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent(),
      root.appendingPathComponent(".build/debug"),
    ]
    return beside.map { $0.appendingPathComponent("strata").path }
      .first { FileManager.default.isExecutableFile(atPath: $0) } ?? "strata"
  }()

  /// The folder of this test's own cluster and files.
  let home: URL
  /// Variables beside PATH, HOME and STRATA_HOME.
  var environment: [String: String] = [:]

  /// Runs the binary and waits for it.
  func callAsFunction(_ arguments: String..., in folder: URL? = nil) async throws -> Outcome {
    try await run(arguments, in: folder)
  }

  func run(_ arguments: [String], in folder: URL? = nil) async throws -> Outcome {
    var variables: [Environment.Key: String] = ["STRATA_HOME": home.path, "NO_COLOR": "1"]
    for name in ["PATH", "HOME", "STRATA_DATA", "STRATA_PG_BIN"] {
      if let value = ProcessInfo.processInfo.environment[name] {
        variables[Environment.Key(rawValue: name) ?? "PATH"] = value
      }
    }
    for (name, value) in environment {
      if let key = Environment.Key(rawValue: name) { variables[key] = value }
    }
    let result = try await Subprocess.run(
      .path(FilePath(Self.path)), arguments: Arguments(arguments),
      environment: .custom(variables),
      workingDirectory: FilePath((folder ?? Self.root).path),
      output: .string(limit: 64 << 20), error: .string(limit: 16 << 20))
    return Outcome(
      status: result.terminationStatus, output: result.standardOutput,
      error: result.standardError)
  }
}
