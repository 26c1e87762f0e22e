import ArgumentParser

@main
struct Strata: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "strata", version: "0.1.0")
}
