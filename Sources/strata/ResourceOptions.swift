import ArgumentParser
import FeatureStore
import Foundation

/// How much of the machine a command may take.
struct ResourceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Memory to keep to, for example 4GiB: customers are worked through in as many ranges as it "
        + "takes; else $\(ResourceLimits.memoryVariable), else no limit.", valueName: "size"))
  var memoryLimit: String?

  @Option(
    help: ArgumentHelp(
      "Customer ranges at once; else $\(ResourceLimits.threadsVariable), else one for each "
        + "processor.", valueName: "n"))
  var threads: Int?

  func validate() throws {
    if let memoryLimit, ResourceLimits.bytes(memoryLimit) == nil {
      throw ValidationError(
        "expected --memory-limit as a size such as 4GiB or 512MiB, found '\(memoryLimit)'")
    }
    if let threads, threads < 1 {
      throw ValidationError("expected --threads of at least 1, found \(threads)")
    }
  }

  /// Makes them those of this process and of the attempts that it starts.
  func settle() throws {
    if let memoryLimit { setenv(ResourceLimits.memoryVariable, memoryLimit, 1) }
    if let threads { setenv(ResourceLimits.threadsVariable, "\(threads)", 1) }
    let variables = ProcessInfo.processInfo.environment
    func check(_ name: String, _ wanted: String, _ isGood: (String) -> Bool) throws {
      guard let text = variables[name], !isGood(text) else { return }
      throw UsageError(message: "expected \(wanted) in \(name), found '\(text)'")
    }
    try check(ResourceLimits.memoryVariable, "a size such as 4GiB") {
      ResourceLimits.bytes($0) != nil
    }
    try check(ResourceLimits.threadsVariable, "a number of at least 1") {
      Int($0).map { $0 >= 1 } ?? false
    }
  }
}
