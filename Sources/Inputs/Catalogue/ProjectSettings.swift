import Foundation
import Schedules

/// What `project.yaml` says of a whole project.
public struct ProjectSettings: Sendable, Equatable {
  /// The project's name; its database bears it too.
  public let name: String
  /// The zone of local days, and of naive timestamps where a source names no other.
  public let zone: Zone
  /// Three capital letters: the currency of amounts where a source maps none.
  public let currency: String

  /// Settings as values.
  public init(name: String, zone: Zone, currency: String) {
    self.name = name
    self.zone = zone
    self.currency = currency
  }

  /// Reads `project.yaml` of a project's folder.
  ///
  /// - Throws: ``InputError`` with every problem found.
  public static func load(folder: String) throws(InputError) -> ProjectSettings {
    let path = URL(fileURLWithPath: folder).appendingPathComponent("project.yaml").path
    let reader = CatalogueReader(file: path)
    let root = try reader.root()
    let known = ["version", "name", "zone", "currency"]
    let fields = reader.fields(root, of: "the project", known: known)
    var texts: [String: String] = [:]
    for key in known.dropFirst() {
      if let node = fields[key] {
        texts[key] = reader.text(node, of: key)
      } else {
        reader.note("inputs.bad_catalogue", "expected '\(key)', found none", at: root)
      }
    }
    var zone = Zone.utc
    if let name = texts["zone"] {
      do throws(ScheduleError) { zone = try Zone(name) } catch {
        reader.note("inputs.unknown_zone", error.message, hint: error.hint, at: fields["zone"])
      }
    }
    if let currency = texts["currency"], !isCurrency(currency) {
      reader.note(
        "inputs.bad_currency", "expected three capital letters such as EUR, found '\(currency)'",
        at: fields["currency"])
    }
    try reader.finish()
    return ProjectSettings(
      name: texts["name"] ?? "", zone: zone, currency: texts["currency"] ?? "")
  }

  static func isCurrency(_ text: String) -> Bool {
    text.utf8.count == 3 && text.utf8.allSatisfy { (65...90).contains($0) }
  }
}
