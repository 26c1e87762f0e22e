import ArgumentParser
import Foundation

/// Faults on purpose: a fleet of real processes on a real PostgreSQL, killed, stopped, cut off and
/// set wrong while it works, and a proof afterwards that nothing was lost or done twice.
///
/// `strata-chaos drive` is the whole experiment; it starts `strata-chaos node` for each daemon.
@main
struct StrataChaos: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "strata-chaos",
    abstract: "Schedulers and workers under random faults, checked for exactly-once effects.",
    subcommands: [Drive.self, Node.self, Prepare.self, Keeper.self])
}

/// Something that keeps the experiment from going on; a fault of the runtime is a violation instead.
struct ChaosError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Says something on standard error, where progress belongs.
func say(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
