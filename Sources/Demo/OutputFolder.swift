import Foundation

/// The folder a shop is written to: files stand under a partial name until all are complete.
final class OutputFolder {
  private let url: URL
  private var names: [String] = []
  private static let suffix = ".partial"

  /// Makes the folder; a recipe of an earlier shop is removed, since its files are replaced.
  init(_ url: URL) throws {
    self.url = url
    try FileManager.default.createDirectory(
      at: url.appendingPathComponent("truth"), withIntermediateDirectories: true)
    let recipe = url.appendingPathComponent(Demo.recipeName)
    if FileManager.default.fileExists(atPath: recipe.path) {
      try FileManager.default.removeItem(at: recipe)
    }
  }

  /// An empty file for a name.
  func open(_ name: String) throws -> ByteBuffer {
    let partial = url.appendingPathComponent(name + Self.suffix)
    try Data().write(to: partial)
    names.append(name)
    return ByteBuffer(handle: try FileHandle(forWritingTo: partial))
  }

  /// Gives every file its name, then writes the recipe.
  func finish(_ summary: DemoSummary) throws {
    for name in names {
      let final = url.appendingPathComponent(name)
      if FileManager.default.fileExists(atPath: final.path) {
        try FileManager.default.removeItem(at: final)
      }
      try FileManager.default.moveItem(
        at: url.appendingPathComponent(name + Self.suffix), to: final)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try encoder.encode(summary).write(
      to: url.appendingPathComponent(Demo.recipeName), options: .atomic)
  }
}
