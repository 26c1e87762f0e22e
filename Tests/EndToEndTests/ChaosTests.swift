import Foundation
import Subprocess
import Testing

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// A short experiment of `make chaos`: 3 schedulers and 6 workers on a PostgreSQL of their own, killed,
/// stopped, cut off, restarted and set wrong.
@Suite("Chaos")
struct ChaosTests {
  @Test("every effect exactly once, nothing lost or stuck", .timeLimit(.minutes(15)))
  func everyEffectExactlyOnce() async throws {
    let program = URL(fileURLWithPath: Binary.path).deletingLastPathComponent()
      .appendingPathComponent("strata-chaos").path
    // A task that is cancelled kills the driver; the fleet and its server end with it.
    let result = try await Subprocess.run(
      .path(FilePath(program)),
      arguments: [
        "drive", "--seed", "20260101", "--attempts", "700", "--seconds", "30",
        "--fault-milliseconds", "150",
      ],
      output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
    let (output, error) = (result.standardOutput, result.standardError)
    #expect(result.terminationStatus == .exited(0), "\(output)\n\(error)")
    #expect(output.contains("every effect exactly once"), "\(output)\n\(error)")
    // The proof is worth something only where something was done to the fleet.
    let counts = Dictionary(
      output.matches(of: /(kill|stop|cut|attempts|runs) (\d+)|(\d+) (attempts|runs)/).map {
        (String($0.1 ?? $0.4 ?? ""), Int($0.2 ?? $0.3 ?? "") ?? 0)
      }, uniquingKeysWith: { first, _ in first })
    for name in ["kill", "stop", "cut"] { #expect(counts[name, default: 0] > 0, "\(output)") }
    #expect(counts["attempts", default: 0] > 100, "\(output)")
  }
}
