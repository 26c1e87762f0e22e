import Diagnostics
import Crypto
import Foundation
import Schedules
import Yams

/// Reads one entry of `sources.yaml`; problems go to the reader, and parsing goes on.
struct SourceParser {
  let reader: CatalogueReader
  let project: ProjectSettings
  let folder: URL
  let environment: [String: String]
  /// Event kinds that the catalogue adds.
  var ownKinds: [String] = []

  private static let keys = [
    "name", "file", "files", "query", "postgres", "table", "format", "delimiter", "header", "into",
    "zone", "columns", "map", "contract", "totals", "watermark", "overlap", "cut", "freshness",
    "future", "corrections", "description",
  ]

  /// The source, or nil where too little of it could be read; problems are noted either way.
  func source(_ node: Node) -> SourceDefinition? {
    let before = reader.problems.count
    let fields = reader.fields(node, of: "a source", known: Self.keys)
    let name = required("name", fields, node).flatMap { reader.text($0, of: "name") } ?? ""
    let location = location(fields, node)
    let format = format(fields)
    let zone = zone(fields["zone"])
    let destination = destination(fields, node)
    let declared = required("columns", fields, node).map { columns($0) } ?? []
    guard let map = required("map", fields, node), !declared.isEmpty else { return nil }

    var planner = PlanBuilder(
      reader: reader, columns: declared, zone: zone, currency: project.currency)
    planner.map(map, into: destination)
    if let totals = fields["totals"] { planner.totals(totals) }
    if let contract = fields["contract"] { planner.contract(contract, into: destination) }
    let advance = advance(fields, location)
    if case .column(let name, _) = advance {
      planner.watermark(name, at: fields["watermark"], location)
    }
    let freshness = fields["freshness"].flatMap { self.freshness($0) }
    let future = fields["future"].flatMap { self.duration($0, of: "future") } ?? .seconds(86_400)
    let takesCorrections = takesCorrections(fields["corrections"])
    guard reader.problems.count == before, let location else { return nil }
    return SourceDefinition(
      name: name, location: location, format: format, into: destination, zone: zone,
      hash: hash(node, zone), advance: advance, freshness: freshness, futureTolerance: future,
      takesCorrections: takesCorrections, ownKinds: ownKinds,
      kinds: EventKind.numbers(with: ownKinds), plan: planner.plan)
  }

  func required(_ key: String, _ fields: [String: Node], _ node: Node) -> Node? {
    if let found = fields[key] { return found }
    reader.note("inputs.bad_catalogue", "expected '\(key)' in the source, found none", at: node)
    return nil
  }

  private func format(_ fields: [String: Node]) -> SourceDefinition.Format {
    var delimiter = UInt8(ascii: ",")
    if let node = fields["delimiter"], let text = node.scalar?.string {
      let named = ["tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"]
      let bytes = Array((named[text] ?? text).utf8)
      let reserved: [UInt8] = [34, 10, 13]
      if bytes.count == 1, bytes[0] < 128, !reserved.contains(bytes[0]) {
        delimiter = bytes[0]
      } else {
        reader.note(
          "inputs.bad_catalogue", "expected a delimiter of one ASCII character, found '\(text)'",
          hint: "for example \",\" \";\" \"|\" or tab", at: node)
      }
    }
    var header = true
    if let node = fields["header"] {
      if let flag = node.bool {
        header = flag
      } else {
        reader.note("inputs.bad_catalogue", "expected 'header' as true or false", at: node)
      }
    }
    let name = fields["format"]?.scalar?.string ?? "csv"
    switch name {
    case "csv": return .csv(delimiter: delimiter, header: header)
    case "ndjson": return .ndjson
    default:
      reader.note(
        "inputs.bad_catalogue", "expected the format csv or ndjson, found '\(name)'",
        hint: Suggestion.hint(for: name, among: ["csv", "ndjson"], noun: "known are"),
        at: fields["format"])
      return .csv(delimiter: delimiter, header: header)
    }
  }

  private func zone(_ node: Node?) -> Zone {
    guard let node, let name = reader.text(node, of: "zone") else { return project.zone }
    do throws(ScheduleError) { return try Zone(name) } catch {
      reader.note("inputs.unknown_zone", error.message, hint: error.hint, at: node)
      return project.zone
    }
  }

  private func destination(
    _ fields: [String: Node], _ node: Node
  ) -> SourceDefinition.Destination {
    guard let into = fields["into"], let text = reader.text(into, of: "into") else {
      return .events
    }
    if let destination = SourceDefinition.Destination(rawValue: text) { return destination }
    reader.note(
      "inputs.bad_catalogue", "expected into: events, customers or merges, found '\(text)'",
      hint: Suggestion.hint(
        for: text, among: SourceDefinition.Destination.allCases.map(\.rawValue), noun: "known are"),
      at: into)
    return .events
  }

  private func columns(_ node: Node) -> [RowPlan.Column] {
    reader.mapping(node, of: "columns").compactMap { name, keyNode, value in
      let type = value.scalar?.string ?? ""
      guard let known = ColumnType(type) else {
        reader.note(
          "inputs.unknown_type", "expected a type for column '\(name)', found '\(type)'",
          hint: Suggestion.hint(for: type, among: ColumnType.names, noun: "types"), at: value)
        return nil
      }
      guard name != "_line" else {
        reader.note("inputs.bad_catalogue", "'_line' is the row's line number", at: keyNode)
        return nil
      }
      return RowPlan.Column(name: name, type: known)
    }
  }

  /// Everything that decides what a file's rows become, save where the file stands.
  private func hash(_ node: Node, _ zone: Zone) -> String {
    var digest = SHA256()
    func add(_ text: String) {
      digest.update(data: Data("\(text.utf8.count):\(text)".utf8))
    }
    func add(_ node: Node, skipping skipped: [String]) {
      switch node {
      case .scalar(let scalar): add("=" + scalar.string)
      case .mapping(let mapping):
        add("{\(mapping.count)")
        for (key, value) in mapping where !skipped.contains(key.scalar?.string ?? "") {
          add(key, skipping: [])
          add(value, skipping: [])
        }
      case .sequence(let sequence):
        add("[\(sequence.count)")
        for item in sequence { add(item, skipping: []) }
      case .alias(let alias): add("*\(alias.anchor)")
      }
    }
    add(node, skipping: ["file", "files", "postgres", "description", "freshness"])
    add(zone.name)
    add(project.currency)
    return digest.finalize().map { Hex.byte($0) }.joined()
  }
}
