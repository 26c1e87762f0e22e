import Foundation
import Orchestrator
import ProcessProbes

/// The program that the tests' workers start for attempts in processes of their own.
@main
struct AttemptProbe {
  static func main() async {
    do {
      try await AttemptProcess.run(registry: TaskRegistry([ProcessProbe.self]))
    } catch {
      FileHandle.standardError.write(Data("\(error)\n".utf8))
      exit(2)
    }
  }
}
