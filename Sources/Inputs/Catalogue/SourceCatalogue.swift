import Diagnostics
import Crypto
import Foundation
import Schedules
import Yams

/// The sources of a project, as `sources.yaml` declares them.
public struct SourceCatalogue: Sendable {
  /// The sources in the order of the file.
  public let sources: [SourceDefinition]
  /// The project the catalogue belongs to.
  public let project: ProjectSettings
  /// What is known of profile attributes: what is plausible, what is derived, what stands in.
  public let attributes: [ProfileAttribute]
  /// The event kinds of the project's own.
  public let ownKinds: [String]

  /// What a catalogue declares for readers of facts: kinds and profile attributes.
  public struct Declarations: Sendable, Equatable {
    /// The event kinds of the project's own.
    public var ownKinds: [String] = []
    /// What is known of profile attributes.
    public var attributes: [ProfileAttribute] = []

    /// Every event kind, Strata's first.
    public var kinds: [String] { EventKind.names + ownKinds }
  }

  /// Reads what a catalogue declares, without its sources: whose files and databases need not be
  /// known here.
  ///
  /// - Parameter path: of `sources.yaml`; where there is no such file nothing is declared.
  /// - Throws: ``InputError`` with every problem found in these parts.
  public static func declarations(_ path: String) throws(InputError) -> Declarations {
    guard FileManager.default.fileExists(atPath: path) else { return Declarations() }
    let reader = CatalogueReader(file: path)
    let root = try reader.root()
    let found = declarations(
      reader.fields(root, of: "the catalogue", known: Self.keys), reader)
    try reader.finish()
    return found
  }

  private static let keys = ["version", "sources", "kinds", "profile"]

  private static func declarations(
    _ fields: [String: Node], _ reader: CatalogueReader
  ) -> Declarations {
    Declarations(
      ownKinds: fields["kinds"].map { kinds($0, reader) } ?? [],
      attributes: fields["profile"].map { ProfileParser(reader: reader).attributes($0) } ?? [])
  }

  /// Reads and checks a catalogue.
  ///
  /// - Parameters:
  ///   - path: of `sources.yaml`; `project.yaml` stands beside it unless `project` is given.
  ///   - environment: the values of `${NAME}` in file paths.
  /// - Throws: ``InputError`` with every problem found, each with its line and column.
  public static func load(
    _ path: String, project: ProjectSettings? = nil,
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(InputError) -> SourceCatalogue {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
    let settings: ProjectSettings
    if let project { settings = project } else { settings = try .load(folder: folder.path) }
    let reader = CatalogueReader(file: path)
    let root = try reader.root()
    let fields = reader.fields(root, of: "the catalogue", known: Self.keys)
    reader.checkVersion(fields, at: root)
    let declared = declarations(fields, reader)
    var sources: [SourceDefinition] = []
    if let list = fields["sources"]?.sequence {
      for node in list {
        let parser = SourceParser(
          reader: reader, project: settings, folder: folder, environment: environment,
          ownKinds: declared.ownKinds)
        guard let source = parser.source(node) else { continue }
        if sources.contains(where: { $0.name == source.name }) {
          reader.note(
            "inputs.duplicate_source",
            "expected each source's name once, found '\(source.name)' again",
            at: node)
        }
        sources.append(source)
      }
      if list.isEmpty {
        reader.note("inputs.bad_catalogue", "expected at least one source", at: fields["sources"])
      }
    } else {
      reader.note(
        "inputs.bad_catalogue", "expected 'sources:' with a list", at: fields["sources"] ?? root)
    }
    try reader.finish()
    return SourceCatalogue(
      sources: sources, project: settings, attributes: declared.attributes,
      ownKinds: declared.ownKinds)
  }

  /// `kinds: [wishlist_add, …]`: event kinds of the project's own.
  private static func kinds(_ node: Node, _ reader: CatalogueReader) -> [String] {
    guard let list = node.sequence else {
      reader.note("inputs.bad_catalogue", "expected kinds as a list of names", at: node)
      return []
    }
    var names: [String] = []
    for item in list {
      guard let name = reader.text(item, of: "a kind") else { continue }
      let isName =
        name.utf8.count <= 40
        && name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 95 }
        && name.utf8.first.map { $0 > 57 } == true
      if !isName {
        reader.note(
          "inputs.bad_kind",
          "expected a kind of at most 40 small letters, digits and _, found '\(name)'", at: item)
      } else if EventKind.names.contains(name) {
        reader.note("inputs.bad_kind", "'\(name)' is a kind of Strata already", at: item)
      } else if names.contains(name) {
        reader.note("inputs.bad_kind", "expected each kind once, found '\(name)' again", at: item)
      } else {
        names.append(name)
      }
    }
    return names
  }

  /// The source of a name.
  ///
  /// - Throws: `inputs.unknown_source` with a suggestion.
  public func source(_ name: String) throws(InputError) -> SourceDefinition {
    if let source = sources.first(where: { $0.name == name }) { return source }
    throw InputError(
      code: "inputs.unknown_source", message: "expected a source, found '\(name)'",
      hint: Suggestion.hint(for: name, among: sources.map(\.name), noun: "sources"))
  }
}

/// `${NAME}` and `${NAME:-default}` in a path.
enum EnvironmentText {
  /// The text with its values in place; the names that are neither set nor have a default.
  static func expand(
    _ text: String, _ environment: [String: String]
  ) -> (text: String, missing: [String]) {
    var result = ""
    var missing: [String] = []
    var rest = Substring(text)
    while let start = rest.range(of: "${") {
      result += rest[..<start.lowerBound]
      guard let end = rest.range(of: "}", range: start.upperBound..<rest.endIndex) else {
        return (result + rest[start.lowerBound...], missing)
      }
      let inner = rest[start.upperBound..<end.lowerBound]
      let parts = inner.range(of: ":-")
      let name = String(parts.map { inner[..<$0.lowerBound] } ?? inner)
      let value = environment[name].flatMap { $0.isEmpty ? nil : $0 }
      if let value {
        result += value
      } else if let parts {
        result += inner[parts.upperBound...]
      } else {
        missing.append(name)
      }
      rest = rest[end.upperBound...]
    }
    return (result + rest, missing)
  }
}
