import FeatureStore
import Features
import Rules
import Schedules

/// What publishing an edited catalogue would change, before it is published.
public struct SegmentPlan: Sendable, Hashable, Codable {
  /// What becomes of a segment.
  public enum Kind: String, Sendable, Hashable, Codable {
    /// The catalogue has it, and nothing that was published.
    case added
    /// It has another rule.
    case changed
    /// Its rule is the same; a segment that it refers to or competes with, or a feature that it reads,
    /// is another.
    case affected
    /// The catalogue has it no longer.
    case removed
  }

  /// One segment that changes.
  public struct Change: Sendable, Hashable, Codable {
    /// The name in the catalogue.
    public let segment: String
    /// The name for people.
    public let title: String
    /// What becomes of it.
    public let kind: Kind
    /// The published rule; nil for a segment that is new.
    public let was: String?
    /// The rule of the file; nil for a segment that goes.
    public let now: String?
    /// The segments and features because of which it is affected.
    public let because: [String]
    /// Members in the live publication.
    public let membersNow: Int
    /// Members once the catalogue is published.
    public let membersThen: Int
    /// Customers who enter.
    public let entering: Int
    /// Customers who leave.
    public let leaving: Int
    /// Of those who enter or leave, how many would without the edit too: facts that came since the
    /// publication, not the rule, move them.
    public let byData: Int
    /// Customers whom the edit moves per member of the live publication, without those of ``byData``;
    /// nil for a segment that is new or has no members.
    public let share: Double?
    /// Some of those who enter.
    public let sampleEntering: [Mover]
    /// Some of those who leave.
    public let sampleLeaving: [Mover]
    /// The segments that share most members with it, by Jaccard index, the greatest first.
    public let overlaps: [Overlap]
    /// The days before, oldest first.
    public let days: [PlannedDay]
  }

  /// A customer who enters or leaves, and why.
  public struct Mover: Sendable, Hashable, Codable {
    /// The internal number.
    public let customerID: Int64
    /// The company's own key; nil where the customer is unknown by now.
    public let customerKey: String?
    /// What the published rule says today; nil for a segment that is new.
    public let verdictWas: Truth?
    /// The clauses that decided.
    public let reasonsWere: [String]
    /// What the edited rule says; nil for a segment that goes.
    public let verdictNow: Truth?
    /// The clauses that decide.
    public let reasonsNow: [String]
  }

  /// How much of two segments is the same.
  public struct Overlap: Sendable, Hashable, Codable {
    /// The other segment.
    public let segment: String
    /// Customers in both.
    public let shared: Int
    /// Those in both over those in one of them.
    public let jaccard: Double
  }

  /// A day before, as it was published and as it would have been.
  public struct PlannedDay: Sendable, Hashable, Codable {
    /// The midnight that ended it.
    public let asOf: Instant
    /// Members as published; nil where the segment was not.
    public let published: Int?
    /// Members by the edited rule.
    public let planned: Int
  }

  /// A segment whose rule stays, and whose description for people does not.
  public struct Note: Sendable, Hashable, Codable {
    /// The segment.
    public let segment: String
    /// What changes: `priority 3 → 1`.
    public let changes: [String]
  }

  /// The publication compared with; nil where nothing was published.
  public let publicationID: Int32?
  /// The instant compared.
  public let asOf: Instant
  /// When that publication was made; nil where nothing was published.
  public let publishedAt: Instant?
  /// How many customers were evaluated.
  public let customers: Int
  /// How many segments stay as they are.
  public let unchanged: Int
  /// The segments that change: in the order of the file, then those that go.
  public let changes: [Change]
  /// What else changes, which moves nobody.
  public let described: [Note]
  /// How many features were read for it.
  public let featuresRead: Int
  /// What a reader should know.
  public let notes: [String]

  /// The segments in and out of which the edit moves more than a share of their members.
  ///
  /// - Parameter limit: a share: 0.2 is 20 %.
  public func changes(beyond limit: Double) -> [Change] {
    changes.filter { change in change.share.map { $0 > limit } ?? false }
  }
}

/// What a plan has to evaluate, decided from the two catalogues.
struct PlanScope: Sendable {
  /// A segment that changes.
  struct Item: Sendable, Equatable {
    let segment: String
    let kind: SegmentPlan.Kind
    let because: [String]
  }

  /// In the order of the new catalogue, then those that go.
  let items: [Item]
  /// The rules of the file that have to be evaluated, with all that they refer to.
  let new: SegmentCatalogue
  /// The published rules of the same segments, with all that they refer to.
  let old: SegmentCatalogue

  /// Decides what changes.
  ///
  /// - Parameters:
  ///   - before: the published rules: segment to rule version.
  ///   - old: the published rules that can be read.
  ///   - new: the catalogue of the file.
  ///   - features: the features that have other values than those of the last night.
  init(
    before: [(segment: String, version: String)], old: SegmentCatalogue, new: SegmentCatalogue,
    features: Set<String>
  ) {
    let versions = Dictionary(before.map { ($0.segment, $0.version) }) { first, _ in first }
    var kinds: [String: SegmentPlan.Kind] = [:]
    for segment in new.segments {
      if let version = versions[segment.name] {
        if version != segment.rule.version { kinds[segment.name] = .changed }
      } else {
        kinds[segment.name] = .added
      }
    }
    var items: [Item] = []
    // What moves a segment: other rules, features with other values, other segments that move.
    var moving = Set(kinds.keys)
    for name in new.evaluationOrder {
      guard let segment = new.segment(named: name) else { continue }
      if kinds[name] == nil, segment.attributes.contains(where: { features.contains($0.name) }) {
        kinds[name] = .affected
        moving.insert(name)
      }
      if kinds[name] == nil, !moving.isDisjoint(with: segment.dependencies) {
        kinds[name] = .affected
        moving.insert(name)
      }
    }
    for segment in new.segments {
      guard let kind = kinds[segment.name] else { continue }
      let because =
        kind == .affected
        ? segment.dependencies.filter(moving.contains)
          + segment.attributes.map(\.name).filter(features.contains) : []
      items.append(Item(segment: segment.name, kind: kind, because: because))
    }
    let fallback = new.policy.fallback?.name
    for (segment, _) in before
    where segment != fallback && new.segments.allSatisfy({ $0.name != segment }) {
      items.append(Item(segment: segment, kind: .removed, because: []))
    }
    self.items = items
    self.new = new.closed(over: items.map(\.segment))
    self.old = old.closed(over: items.map(\.segment))
  }

  /// One segment with two rules.
  init(item: Item, old: SegmentCatalogue, new: SegmentCatalogue) {
    items = [item]
    self.old = old
    self.new = new
  }

  /// The features that both need, answers to what they ask about events included.
  func features(of catalogue: FeatureCatalogue) throws -> FeatureCatalogue {
    let tested = new.attributes + old.attributes
    return try catalogue.answering(tested.compactMap(\.question))
      .restricted(to: Set(tested.map(\.name)).sorted())
  }

  /// The features whose values among everyone decide who is at the top or bottom.
  var percentileAttributes: [String] {
    let attributes =
      RuleSet(new).percentileAttributes + RuleSet(old).percentileAttributes
    return Set(attributes.map(\.name)).sorted()
  }
}
