/// What an edited catalogue changes: which features come to other values, what is built for them,
/// and who reads them. Everything else stays as it is.
public struct FeaturePlan: Sendable, Equatable, Codable {
  /// What became of a feature.
  public enum Category: String, Sendable, Equatable, Codable, CaseIterable {
    /// It is new.
    case added
    /// It is gone.
    case removed
    /// It has other values: its own definition is another.
    case changed
    /// It may have other values: what it is computed from is another, or gone.
    case affected
    /// It has another name and the values of the one that had it.
    case renamed
    /// Only what people read is another: nothing is built.
    case metadata
    /// It is as it was.
    case unchanged
  }

  /// One feature.
  public struct Entry: Sendable, Equatable, Codable {
    /// Its name now; for one that is gone, its name then.
    public let feature: String
    /// What became of it.
    public let category: Category
    /// What it was; nil where it is new or unchanged.
    public let was: String?
    /// What it is; nil where it is gone or unchanged.
    public let now: String?
    /// The features because of which it is affected.
    public let because: [String]
  }

  /// Who reads features: a segment or a model.
  public struct Reader: Sendable, Hashable, Codable {
    /// `segment` or `model`.
    public let kind: String
    /// Its name.
    public let name: String
    /// The features that it reads, by canonical name.
    public let features: [String]

    /// A reader.
    public init(kind: String, name: String, features: [String]) {
      self.kind = kind
      self.name = name
      self.features = features
    }
  }

  /// Whether nothing was built before, so that all is new.
  public let isFirst: Bool
  /// Every feature in the order of the file, then those that are gone.
  public let features: [Entry]
  /// The columns of the day tiles that are filled from all events, as far as they are not there.
  public let measuresToFill: [String]
  /// The slots and rings of the state that are built from nothing.
  public let slotsToBuild: [String]
  /// The slots and rings that are advanced as on every night.
  public let slotsKept: Int
  /// The slots and rings that nothing needs any more.
  public let slotsToDrop: [String]
  /// Segments and models that read a feature with other values, and of each those features.
  public let readers: [Reader]

  /// The categories that come with other values, or none.
  static let touching: Set<Category> = [.added, .removed, .changed, .affected]

  /// Whether values, names or presentation are others than they were.
  public var isEmpty: Bool { features.allSatisfy { $0.category == .unchanged } }

  /// Compares what was last built, nil for nothing, with what the catalogue says now.
  public init(from built: BuiltCatalogue?, to now: BuiltCatalogue, readers: [Reader] = []) {
    isFirst = built == nil
    let before = Dictionary(
      (built?.features ?? []).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let names = Set(now.features.map(\.name))
    let gone = (built?.features ?? []).filter { !names.contains($0.name) }
    var entries = Self.compare(now.features, before, gone)
    let renamed = Set(entries.filter { $0.category == .renamed }.compactMap(\.was))
    entries += gone.filter { !renamed.contains($0.name) }.map {
      Entry(feature: $0.name, category: .removed, was: $0.meaning, now: nil, because: [])
    }
    features = Self.spread(entries, now.features)

    let others = Set(features.filter { Self.touching.contains($0.category) }.map(\.feature))
    self.readers = readers.compactMap { reader in
      let found = reader.features.filter { others.contains($0) }
      return found.isEmpty
        ? nil : Reader(kind: reader.kind, name: reader.name, features: found.sorted())
    }
    measuresToFill = now.measures.filter { !(built?.measures.contains($0) ?? false) }
    let slots = now.slots.filter { !(built?.slots.contains($0) ?? false) }
    let rings = now.rings.filter { name, reach in
      guard let old = built?.rings[name] else { return true }
      // A ring that reaches further back is built anew; one that need not is cut.
      return old != 0 && (reach == 0 || reach > old)
    }
    slotsToBuild = slots + rings.keys.sorted()
    slotsKept = now.slots.count + now.rings.count - slots.count - rings.count
    slotsToDrop =
      (built?.slots ?? []).filter { !now.slots.contains($0) }
      + (built?.rings.keys.filter { now.rings[$0] == nil }.sorted() ?? [])
  }

  /// Each feature by itself.
  private static func compare(
    _ now: [BuiltCatalogue.Feature], _ before: [String: BuiltCatalogue.Feature],
    _ gone: [BuiltCatalogue.Feature]
  ) -> [Entry] {
    var unclaimed = gone
    return now.map { feature in
      guard let old = before[feature.name] else {
        if let place = unclaimed.firstIndex(where: { $0.meaning == feature.meaning }) {
          let old = unclaimed.remove(at: place)
          return Entry(
            feature: feature.name, category: .renamed, was: old.name, now: feature.name,
            because: [])
        }
        return Entry(
          feature: feature.name, category: .added, was: nil, now: feature.meaning, because: [])
      }
      if old.meaning != feature.meaning {
        return Entry(
          feature: feature.name, category: .changed, was: old.meaning, now: feature.meaning,
          because: [])
      }
      let isSame = old.presentation == feature.presentation
      return Entry(
        feature: feature.name, category: isSame ? .unchanged : .metadata,
        was: isSame ? nil : old.presentation, now: isSame ? nil : feature.presentation,
        because: [])
    }
  }

  /// What is computed from features with other values has other values, too.
  private static func spread(
    _ entries: [Entry], _ now: [BuiltCatalogue.Feature]
  ) -> [Entry] {
    var touched = Set(
      entries.filter { touching.contains($0.category) }.map(\.feature))
    let operands = Dictionary(
      now.map { ($0.name, $0.operands) }, uniquingKeysWith: { first, _ in first })
    var because: [String: [String]] = [:]
    var isGrowing = true
    while isGrowing {
      isGrowing = false
      for entry in entries where !touching.contains(entry.category) {
        let found = (operands[entry.feature] ?? []).filter { touched.contains($0) }
        guard !found.isEmpty else { continue }
        because[entry.feature] = found
        if touched.insert(entry.feature).inserted { isGrowing = true }
      }
    }
    return entries.map { entry in
      guard let reasons = because[entry.feature] else { return entry }
      return Entry(
        feature: entry.feature, category: .affected, was: nil, now: nil, because: reasons)
    }
  }
}

extension FeaturePlan {
  /// What changes in a few lines, for logs; empty where nothing does.
  public var summary: [String] {
    if isFirst { return ["first build: \(features.count) features"] }
    if isEmpty { return [] }
    var lines = Category.allCases.filter { $0 != .unchanged }.compactMap { category in
      let names = features.filter { $0.category == category }.map(\.feature)
      return names.isEmpty ? nil : "\(category.rawValue): \(Self.list(names))"
    }
    if !measuresToFill.isEmpty { lines.append("tiles to fill: \(Self.list(measuresToFill))") }
    lines.append("state: \(slotsToBuild.count) columns built, \(slotsKept) kept")
    if !readers.isEmpty {
      lines.append("read by: \(Self.list(readers.map { "\($0.kind) \($0.name)" }))")
    }
    return lines
  }

  private static func list(_ names: [String]) -> String {
    let shown = names.prefix(12).joined(separator: ", ")
    return names.count > 12 ? "\(shown) and \(names.count - 12) more" : shown
  }
}
