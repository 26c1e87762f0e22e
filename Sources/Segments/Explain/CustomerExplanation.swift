import FeatureStore
import Rules
import Schedules

/// Why a customer is in segments, or is not: clause by clause, with the values that decided.
public struct CustomerExplanation: Sendable, Hashable, Codable {
  /// The publication whose memberships are explained.
  public struct Published: Sendable, Hashable, Codable {
    /// Its number.
    public let publicationID: Int32
    /// The instant of the memberships.
    public let asOf: Instant
    /// When it was published.
    public let publishedAt: Instant
    /// The run that published it; nil outside a run.
    public let runID: Int64?
  }

  /// Whose knowledge the values are of.
  public enum Knowledge: String, Sendable, Hashable, Codable {
    /// What had been recorded when the publication was made.
    case publication
    /// What is recorded now.
    case now
    /// What had been recorded by an instant that was asked for.
    case instant
  }

  /// The internal number.
  public let customerID: Int64
  /// The company's own key, as it was asked for.
  public let customerKey: String
  /// The instant explained: that of the publication, else the one asked for.
  public let asOf: Instant
  /// The publication that holds at the instant; nil where nothing was published by then.
  public let publication: Published?
  /// Whose knowledge the values are of.
  public let knowledge: Knowledge
  /// The instant of that knowledge; nil for now.
  public let knownAt: Instant?
  /// The segments that were asked for, in the order of the catalogue.
  public let segments: [SegmentExplanation]
  /// What a reader should know beside the tree.
  public let notes: [String]
}

/// Why a customer is in one segment, or is not.
public struct SegmentExplanation: Sendable, Hashable, Codable {
  /// The newest stay that began at the instant or before it.
  public struct Stay: Sendable, Hashable, Codable {
    /// The instant at which the customer entered.
    public let since: Instant
    /// The instant at which the customer left; nil while the stay lasts.
    public let until: Instant?
    /// Why the customer entered.
    public let enteredCause: String
    /// Why the customer left; nil while the stay lasts.
    public let leftCause: String?
    /// The run by which the customer entered; nil outside a run.
    public let enteredRun: Int64?
    /// The run by which the customer left; nil while the stay lasts, and outside a run.
    public let leftRun: Int64?
  }

  /// The rule that was in force, and since when by whom.
  public struct InForce: Sendable, Hashable, Codable {
    /// Hash of the normalised rule.
    public let version: String
    /// The rule in its normal form.
    public let text: String
    /// The instant from which it has been in force; nil for a rule that was never published.
    public let since: Instant?
    /// The run that brought it; nil outside a run.
    public let runID: Int64?
    /// Who asked for that run; nil where nobody said.
    public let author: String?
    /// Why the rule changed; nil where nobody said.
    public let message: String?
  }

  /// What decided the membership.
  public enum Decision: String, Sendable, Hashable, Codable {
    /// The rule.
    case rule
    /// A manual override.
    case override
    /// A conflict with another segment.
    case conflict
    /// The default segment for customers in none.
    case `default`
    /// Nothing that this explanation knows: the memberships are not those of rule and values.
    case other
  }

  /// What decided besides the rule.
  public struct Decider: Sendable, Hashable, Codable {
    /// `override`, `group` (a better segment of the exclusive group) or `cap` (a full channel).
    public let kind: String
    /// `in` or `out` of an override; nil for others.
    public var direction: String?
    /// The segment that won; nil for overrides.
    public var winner: String?
    /// The full channel; nil for others than `cap`.
    public var channel: String?
    /// Who decided; nil for others than overrides.
    public var author: String?
    /// Why; nil for others than overrides.
    public var reason: String?
    /// The first instant at which an override counts; nil for others.
    public var since: Instant?
    /// The first instant at which it no longer does; nil for never, and for others.
    public var until: Instant?
  }

  /// The name in the catalogue.
  public let segment: String
  /// The name for people.
  public let title: String
  /// Whether the customer is in it by the publication; nil where the segment was not published.
  public let isMember: Bool?
  /// What the rule says.
  public let verdict: Truth
  /// What decided whether the customer is in.
  public let decidedBy: Decision
  /// The override, the better segment or the full channel; nil where there was none.
  public let decider: Decider?
  /// The clauses that decided, in short: those that are false, or unknown, or all that are true.
  public let reasons: [String]
  /// The newest stay; nil for a customer who has never been in.
  public let stay: Stay?
  /// The rule.
  public let rule: InForce
  /// The clause tree; nil where the segments are told in short.
  public let clauses: ExplainedClause?
}

/// A clause of a rule with what decided it.
public struct ExplainedClause: Sendable, Hashable, Codable {
  /// The clause as it is written.
  public let clause: String
  /// What it says.
  public let verdict: Truth
  /// The attribute that it tests; nil for groups and references.
  public let attribute: String?
  /// The customer's value; nil where it is null or there is none.
  public let actual: String?
  /// What the value is compared with; nil for groups and references.
  public let threshold: String?
  /// Where `top` or `bottom` cut; nil for other clauses.
  public let cut: String?
  /// The events behind the value; empty for values that are not made of events.
  public let evidence: [Evidence]
  /// The model and version that gave the score, the span of the profile; nil for other values.
  public let source: String?
  /// The parts of groups, the other segment's rule for references.
  public let children: [ExplainedClause]
}

extension Explanation {
  /// The clauses that decided, in short, each with its value.
  var reasons: [String] { leaves(verdict, of: verdict) }

  /// The conditions at the ends of the branches that made the verdict what it is.
  private func leaves(_ truth: Truth, of root: Truth) -> [String] {
    if attribute != nil || children.isEmpty {
      let reached = cut.map { ", cut at \($0)" } ?? ""
      let value = attribute == nil ? "" : " (is \(actual ?? "null")\(reached))"
      // Under `not` the other truth decides.
      let turned =
        switch (root, verdict) {
        case (.true, .false): "not "
        case (.false, .true): "excluded by "
        default: ""
        }
      return [turned + clause + value]
    }
    var found: [String] = []
    for child in children {
      let wanted = children.count == 1 ? child.verdict : truth
      if child.verdict == wanted { found += child.leaves(wanted, of: root) }
    }
    return found
  }
}
