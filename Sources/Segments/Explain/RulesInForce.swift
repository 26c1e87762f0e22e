import Diagnostics
import Rules
import Schedules
import Warehouse

/// The rules that a publication used, as a catalogue that can be evaluated and explained.
public struct RulesInForce: Sendable {
  /// One segment's rule, and where it came from.
  public struct Entry: Sendable, Hashable {
    /// The name in the catalogue.
    public let segment: String
    /// The name for people.
    public let title: String
    /// The rule and its origin.
    public let rule: SegmentExplanation.InForce
  }

  /// The segments, best priority first.
  public let entries: [Entry]
  /// Those that can be read by today's features.
  public let catalogue: SegmentCatalogue
  /// Why others cannot be read, by segment.
  public let unreadable: [String: String]

  /// The rules of a publication.
  ///
  /// Where today's file has a rule unchanged, it is the one that is used, as it is written there.
  /// - Parameter today: the catalogue of the file.
  /// - Throws: `WarehouseError`.
  public static func read(
    of publication: Int32, today: SegmentCatalogue, attributes: any AttributeCatalogue, zone: Zone,
    on connection: Connection
  ) async throws -> RulesInForce {
    let rows = try await connection.query(
      SQL(file: "queries/segments/list_rules_in_force.sql", publication))
    let entries = try rows.map { row in
      Entry(
        segment: try row.get("segment"), title: try row.get("title"),
        rule: SegmentExplanation.InForce(
          version: try row.get("rule_version"), text: try row.get("rule"),
          since: try row.get("since"), runID: try row.get("run_id"),
          author: try row.get("author"), message: try row.get("message")))
    }
    let isToday = entries.allSatisfy {
      $0.rule.version == SegmentDefinition.unruledVersion
        || today.segment(named: $0.segment)?.rule.version == $0.rule.version
    }
    if isToday { return RulesInForce(entries: entries, catalogue: today, unreadable: [:]) }
    let (catalogue, unreadable) = parse(entries, today, attributes, zone)
    return RulesInForce(entries: entries, catalogue: catalogue, unreadable: unreadable)
  }

  /// Today's rules where they are the same, else the texts; a rule that today's features cannot read is
  /// left out, and so are those that refer to it.
  private static func parse(
    _ entries: [Entry], _ today: SegmentCatalogue, _ attributes: any AttributeCatalogue,
    _ zone: Zone
  ) -> (SegmentCatalogue, [String: String]) {
    // The default segment may have no rule.
    let ruled = entries.filter { $0.rule.version != SegmentDefinition.unruledVersion }
    var kept: [Segment] = []
    var open: [Entry] = []
    for entry in ruled {
      if let segment = today.segment(named: entry.segment),
        segment.rule.version == entry.rule.version
      {
        kept.append(segment)
      } else {
        open.append(entry)
      }
    }
    var unreadable: [String: String] = [:]
    while true {
      let known = Set(kept.map(\.name) + open.map(\.segment))
      if let orphan = kept.first(where: { !known.isSuperset(of: $0.dependencies) }) {
        kept.removeAll { $0.name == orphan.name }
        unreadable[orphan.name] = "it refers to a rule that cannot be read"
        continue
      }
      do {
        let catalogue = try SegmentCatalogue.published(
          open.map {
            SegmentCatalogue.PublishedRule(
              name: $0.segment, title: $0.title, rule: $0.rule.text)
          }, beside: kept, attributes: attributes, zone: zone)
        return (catalogue, unreadable)
      } catch {
        let named = Set(error.errors.compactMap(\.segment)).intersection(open.map(\.segment))
        let gone = named.isEmpty ? Set(open.map(\.segment)) : named
        for name in gone {
          let fault = error.errors.first { $0.segment == name || $0.segment == nil }
          unreadable[name] = fault?.message ?? "it refers to a rule that cannot be read"
        }
        if open.isEmpty { return (.empty, unreadable) }
        open.removeAll { gone.contains($0.segment) }
      }
    }
  }

  /// The entry of a segment.
  ///
  /// - Throws: ``SegmentError`` `segments.unknown_segment` with a suggestion.
  func entry(of segment: String, today: SegmentCatalogue) throws -> Entry? {
    if let entry = entries.first(where: { $0.segment == segment }) { return entry }
    // A slug, or a segment that is in the file and was not published yet.
    if let known = today.segment(named: segment) {
      return entries.first { $0.segment == known.name }
    }
    throw SegmentError.unknownSegment(
      segment, among: entries.map(\.segment) + today.segments.map(\.name))
  }
}

extension SegmentError {
  /// A segment that neither the publication nor the file has.
  static func unknownSegment(_ name: String, among known: [String]) -> SegmentError {
    var names: [String] = []
    for name in known where !names.contains(name) { names.append(name) }
    return SegmentError(
      code: "segments.unknown_segment", message: "expected a segment, found '\(name)'",
      hint: Suggestion.hint(for: name, among: names, noun: "segments are"))
  }
}

extension SegmentCatalogue {
  /// The segment of a name or slug.
  ///
  /// - Throws: ``SegmentError`` `segments.unknown_segment` with a suggestion.
  public func find(_ name: String) throws(SegmentError) -> Segment {
    if let segment = segment(named: name) { return segment }
    throw SegmentError.unknownSegment(name, among: segments.map(\.name))
  }
}
