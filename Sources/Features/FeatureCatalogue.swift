import Diagnostics
import Foundation

/// The features of a project, checked, in file order.
///
/// A catalogue is a value: names and aliases resolve, every ratio's operands exist, and the slots
/// that a state needs follow from it.
public struct FeatureCatalogue: Sendable, Hashable {
  /// The features in file order.
  public let features: [FeatureDefinition]
  /// The kinds of events that features may name.
  public let eventKinds: [String]
  private let byName: [String: Int]

  /// A catalogue without features.
  public static let empty = FeatureCatalogue(checked: [])

  /// Features that were checked already.
  init(checked features: [FeatureDefinition], eventKinds: [String] = EventKind.names) {
    self.features = features
    self.eventKinds = eventKinds
    var byName: [String: Int] = [:]
    for (position, feature) in features.enumerated() {
      for name in [feature.name] + feature.aliases { byName[name] = position }
    }
    self.byName = byName
  }

  /// Reads a catalogue from YAML text; `file` is what messages call it, `eventKinds` are the kinds
  /// that features may name.
  ///
  /// - Throws: ``FeatureError`` `features.invalid_catalogue` with every problem.
  public init(
    yaml: String, file: String = "features.yaml", eventKinds: [String] = EventKind.names
  ) throws {
    var checker = FeatureChecker(file: file, eventKinds: eventKinds)
    let features = checker.check(yaml)
    guard checker.problems.isEmpty else { throw FeatureError.invalid(checker.problems, in: file) }
    self.init(checked: features, eventKinds: eventKinds)
  }

  /// Reads a catalogue file.
  ///
  /// - Throws: ``FeatureError`` `features.unreadable_catalogue`, or as ``init(yaml:file:)``.
  public init(contentsOf url: URL, eventKinds: [String] = EventKind.names) throws {
    let data: Data
    do { data = try Data(contentsOf: url) } catch {
      throw FeatureError(
        code: "features.unreadable_catalogue",
        message: "expected a feature catalogue at \(url.path), found: \(error)")
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      throw FeatureError(
        code: "features.unreadable_catalogue",
        message: "expected UTF-8 text at \(url.path), found other bytes")
    }
    try self.init(yaml: text, file: url.lastPathComponent, eventKinds: eventKinds)
  }

  /// The feature with a name or alias; nil where there is none.
  public func feature(named name: String) -> FeatureDefinition? {
    byName[name].map { features[$0] }
  }

  /// The feature with a name or alias.
  ///
  /// - Throws: ``FeatureError`` `features.unknown_feature` with a suggestion.
  public func resolve(_ name: String) throws -> FeatureDefinition {
    if let feature = feature(named: name) { return feature }
    throw FeatureError(
      code: "features.unknown_feature", message: "expected a feature, found '\(name)'",
      hint: suggestion(for: name))
  }

  /// `did you mean 'x'?` for an unknown name; nil where nothing is near.
  public func suggestion(for name: String) -> String? {
    Suggestion.hint(for: name, among: byName.keys)
  }

  /// Only the named features and all that they are computed from, in file order.
  ///
  /// - Throws: ``FeatureError`` `features.unknown_feature`.
  public func restricted(to names: some Sequence<String>) throws -> FeatureCatalogue {
    var keep: Set<String> = []
    var open = try names.map { try resolve($0) }
    while let feature = open.popLast() {
      guard keep.insert(feature.name).inserted else { continue }
      open += try feature.operands.map { try resolve($0) }
    }
    return FeatureCatalogue(
      checked: features.filter { keep.contains($0.name) }, eventKinds: eventKinds)
  }

  /// The features that people declared, in file order.
  public var declared: [FeatureDefinition] { features.filter { !$0.isHidden } }

  /// The catalogue with features that rules need and nobody declared, each once, after its own.
  public func adding(_ hidden: [FeatureDefinition]) -> FeatureCatalogue {
    var byName: [String: FeatureDefinition] = [:]
    for feature in hidden where self.byName[feature.name] == nil { byName[feature.name] = feature }
    guard !byName.isEmpty else { return self }
    return FeatureCatalogue(
      checked: features + byName.sorted { $0.key < $1.key }.map(\.value), eventKinds: eventKinds)
  }

  /// The columns that a state must hold for these features: distinct, ordered by name.
  public var slots: [StateSlot] {
    var slots: Set<StateSlot> = []
    for feature in features {
      for (measure, window) in feature.sums where window.isOfDays {
        slots.insert(StateSlot(measure, .sum(window)))
      }
      switch feature.expression {
      case .recency(let measure): slots.insert(StateSlot(measure, .lastDay))
      case .tenure(let measure): slots.insert(StateSlot(measure, .firstDay))
      case .total, .average, .rate, .trend, .aggregate, .funnel, .most, .ratio, .band, .rank, .rfm,
        .weighted, .formula, .profile, .score:
        break
      }
    }
    return slots.map { (name: $0.name, slot: $0) }.sorted { $0.name < $1.name }.map(\.slot)
  }

  /// The rings that a state must hold for these features: distinct, ordered by name.
  public var rings: [RingNeed] {
    var windows: [RingSlot: Set<Window>] = [:]
    for feature in features {
      for (measure, window) in feature.sums where !window.isOfDays {
        windows[.sums(of: measure), default: []].insert(window)
      }
      switch feature.expression {
      case .aggregate(let slot, let window), .funnel(let slot, let window),
        .most(let slot, let window):
        windows[slot, default: []].insert(window)
      case .total, .average, .rate, .trend, .recency, .tenure, .ratio, .band, .rank, .rfm,
        .weighted, .formula, .profile, .score:
        break
      }
    }
    let needs = windows.map { slot, windows in
      RingNeed(
        slot, reach: slot.isLifetime ? nil : windows.compactMap(\.reach).max(),
        windows: windows.filter { !$0.isOfDays }.sorted { $0.name < $1.name })
    }
    return needs.map { (name: $0.slot.name, need: $0) }.sorted { $0.name < $1.name }.map(\.need)
  }

  /// The measures that the day tiles must have for these features: distinct, ordered by name.
  public var measures: [Measure] { Set(slots.map(\.measure)).sorted() }

  /// How long after an event time alone can change its customer's values within a day, in
  /// microseconds: the bounds of hour windows, and the ends of times in which nothing may come.
  public var expiries: [Int64] {
    var times: Set<Int64> = []
    for need in rings {
      for window in need.windows {
        guard case .minutes(let minutes) = window.length else { continue }
        let length = Int64(minutes) * 60_000_000
        times.formUnion([length * Int64(window.previous), length * Int64(window.previous + 1)])
      }
      if let last = need.slot.plan?.steps.last, last.negated { times.insert(last.within) }
    }
    times.remove(0)
    return times.sorted()
  }

  /// Whether a feature depends on other customers, so that a midnight's values are needed.
  public var isPopulationRelative: Bool { features.contains(where: \.isPopulationRelative) }

  /// The features whose columns the caller supplies: profile attributes and scores.
  public var external: [FeatureDefinition] { features.filter(\.isExternal) }
}

extension RingSlot {
  /// The days' sums of a measure, for its windows of hours.
  static func sums(of measure: Measure) -> RingSlot {
    RingSlot(measure.filter, .sum(measure.value), isLifetime: false)
  }
}

extension FeatureDefinition {
  /// The measures that are summed up, each over a window.
  var sums: [(measure: Measure, window: Window)] {
    switch expression {
    case .total(let terms, let window): terms.map { ($0.measure, window) }
    case .average(let sum, let count, let window): [(sum, window), (count, window)]
    case .rate(let part, let whole, let window, _): [(part, window), (whole, window)]
    case .trend(let measure, let window, let trend):
      trend.windows(of: window).map { (measure, $0) }
    case .aggregate, .funnel, .most, .recency, .tenure, .ratio, .band, .rank, .rfm, .weighted,
      .formula,
      .profile, .score:
      []
    }
  }
}

extension FeatureDefinition {
  /// The event kinds whose amounts come together in the feature, sorted; empty where none do.
  public var amountKinds: [String] {
    var kinds = Set(sums.filter { $0.measure.value == .amount }.flatMap(\.measure.kinds))
    if case .aggregate(let slot, _) = expression, slot.number == .amount {
      kinds.formUnion(slot.filter.kinds)
    }
    return kinds.sorted()
  }
}

extension FeatureDefinition.Trend {
  /// The windows compared, the newest first.
  func windows(of window: Window) -> [Window] {
    let count: Int
    switch self {
    case .difference, .ratio: count = 2
    case .slope(let windows): count = windows
    }
    return (0..<count).map { Window(window.length, previous: window.previous + $0) }
  }
}
