import Foundation
import Schedules
import Yams

/// What `project.yaml` says of a whole project.
public struct ProjectSettings: Sendable, Equatable {
  /// The project's name; its database bears it too.
  public let name: String
  /// The zone of local days, and of naive timestamps where a source names no other.
  public let zone: Zone
  /// Three capital letters: the currency of amounts where a source maps none.
  public let currency: String
  /// Months that attempts, logs and events of runs are kept, where the file says: by those names.
  public let retentionMonths: [String: Int]

  /// Settings as values.
  public init(name: String, zone: Zone, currency: String, retentionMonths: [String: Int] = [:]) {
    self.name = name
    self.zone = zone
    self.currency = currency
    self.retentionMonths = retentionMonths
  }

  /// Reads `project.yaml` of a project's folder.
  ///
  /// - Throws: ``InputError`` with every problem found.
  public static func load(folder: String) throws(InputError) -> ProjectSettings {
    let path = URL(fileURLWithPath: folder).appendingPathComponent("project.yaml").path
    let reader = CatalogueReader(file: path)
    let root = try reader.root()
    let texts = ["name", "zone", "currency"]
    let known = ["version"] + texts + ["retention"]
    let fields = reader.fields(root, of: "the project", known: known)
    var found: [String: String] = [:]
    for key in texts {
      if let node = fields[key] {
        found[key] = reader.text(node, of: key)
      } else {
        reader.note("inputs.bad_catalogue", "expected '\(key)', found none", at: root)
      }
    }
    var zone = Zone.utc
    if let name = found["zone"] {
      do throws(ScheduleError) { zone = try Zone(name) } catch {
        reader.note("inputs.unknown_zone", error.message, hint: error.hint, at: fields["zone"])
      }
    }
    if let currency = found["currency"], !isCurrency(currency) {
      reader.note(
        "inputs.bad_currency", "expected three capital letters such as EUR, found '\(currency)'",
        at: fields["currency"])
    }
    let retention = fields["retention"].map { months(reader, $0) } ?? [:]
    try reader.finish()
    return ProjectSettings(
      name: found["name"] ?? "", zone: zone, currency: found["currency"] ?? "",
      retentionMonths: retention)
  }

  /// `retention: {attempts: 12, logs: 3, events: 12}`, in months.
  private static func months(_ reader: CatalogueReader, _ node: Node) -> [String: Int] {
    var months: [String: Int] = [:]
    let fields = reader.fields(node, of: "retention", known: ["attempts", "logs", "events"])
    for (key, value) in fields {
      let text = reader.text(value, of: key)
      guard let count = text.flatMap({ Int($0) }), (1...1200).contains(count) else {
        reader.note(
          "inputs.bad_retention",
          "expected whole months from 1 to 1200 for '\(key)', found '\(text ?? "")'", at: value)
        continue
      }
      months[key] = count
    }
    return months
  }

  static func isCurrency(_ text: String) -> Bool {
    text.utf8.count == 3 && text.utf8.allSatisfy { (65...90).contains($0) }
  }
}
