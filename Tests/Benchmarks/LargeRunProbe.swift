import Foundation
import Pipeline

/// A large run in a process of its own, so that its memory is its own:
/// `strata-bench --large-run TASKS URL FOLDER` prints a ``Result`` as JSON.
enum LargeRunProbe {
  static let flag = "--large-run"

  struct Result: Codable, Sendable {
    /// To declare the DAG, and to find that nothing is wrong with it.
    let validationSeconds: Double
    let runSeconds: Double
    /// Resident when a tenth of the tasks had been reached, and when the run had ended; nil where the
    /// system does not tell.
    let earlyBytes: Int?
    let endBytes: Int?
  }

  static func main(_ arguments: [String]) async {
    do {
      guard arguments.count == 3, let count = Int(arguments[0]) else {
        throw BenchError("expected TASKS URL FOLDER after \(flag), found \(arguments)")
      }
      let result = try await measure(count, url: arguments[1], projectDirectory: arguments[2])
      print(String(decoding: try JSONEncoder().encode(result), as: UTF8.self))
    } catch {
      say("\(error)")
      exit(1)
    }
  }

  /// Starts this program again for one measurement; the peak is the child's.
  static func run(
    _ count: Int, on database: String, _ bench: Workbench
  ) throws -> (result: Result, peakBytes: Int) {
    try bench.clone(database)
    let finished = try ChildProcess(
      program: CommandLine.arguments[0],
      arguments: [flag, "\(count)", bench.url(of: database), bench.project]
    ).run()
    let result = try JSONDecoder().decode(Result.self, from: Data(finished.output.utf8))
    try bench.discard(databases: [database], files: [])
    return (result, finished.peakBytes)
  }

  private static func measure(
    _ count: Int, url: String, projectDirectory: String
  ) async throws -> Result {
    let start = ContinuousClock.now
    let dag = NothingDAGs.layered(count)
    let problems = dag.problems()
    let validation = start.duration(to: .now).inSeconds
    guard problems.isEmpty else { throw BenchError("expected a valid DAG, found \(problems)") }
    let runs = try MeasuredRuns(url: url, projectDirectory: projectDirectory)
    Stopwatch.shared.notesMemory(at: count / 10)
    let timing = try await runs.run(dag)
    let end = residentBytes()
    await runs.close()
    return Result(
      validationSeconds: validation, runSeconds: timing.seconds,
      earlyBytes: Stopwatch.shared.notedBytes, endBytes: end)
  }
}

/// The resident memory of this process; nil where there is no `/proc`.
func residentBytes() -> Int? {
  guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
    let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
    let kibibytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) }
    )
  else { return nil }
  return kibibytes * 1024
}
