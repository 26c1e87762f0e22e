import Columns

/// Customers for whom what is published of a segment differs from its rule, and why.
///
/// A customer and a segment are in one of them at most, so that what the rules found can be told from
/// what is published and these.
public struct MembershipDifference: Sendable, Hashable {
  /// What made the difference.
  public enum Reason: String, Sendable, Hashable, Codable, CaseIterable {
    /// An override put the customer in.
    case pinnedIn = "pinned_in"
    /// An override took the customer out.
    case pinnedOut = "pinned_out"
    /// A better segment of the exclusive group.
    case group
    /// Better segments have taken the places of a channel.
    case cap
    /// The customer is in no other segment.
    case fallback = "default"

    /// The cause of a transition that leads to such a difference, or back from it.
    var cause: TransitionCause {
      switch self {
      case .pinnedIn, .pinnedOut: .override
      case .group, .cap: .conflict
      case .fallback: .default
      }
    }
  }

  /// What customers of one difference share.
  public struct Key: Sendable, Hashable {
    /// The segment's place in the evaluation.
    public var segment: Int
    /// What made the difference.
    public var reason: Reason
    /// The segment that won, by its place; in a full channel the last one that found a place. Nil
    /// where no segment did.
    public var winner: Int?
    /// The full channel; nil for other reasons.
    public var channel: String?
    /// Whether the rule is true for them: false where a pin was what lost.
    public var isRuled: Bool

    /// A key from its parts.
    public init(
      segment: Int, reason: Reason, winner: Int? = nil, channel: String? = nil, isRuled: Bool
    ) {
      self.segment = segment
      self.reason = reason
      self.winner = winner
      self.channel = channel
      self.isRuled = isRuled
    }

    /// Whether the published membership is another than the rule's.
    var turnsMembership: Bool { isMember != isRuled }

    /// Whether the customers are published as members.
    var isMember: Bool { reason == .pinnedIn || reason == .fallback }

    /// An order that depends on nothing else.
    static func precedes(_ left: Key, _ right: Key) -> Bool {
      if left.segment != right.segment { return left.segment < right.segment }
      if left.reason != right.reason { return left.reason.rawValue < right.reason.rawValue }
      if left.winner != right.winner { return (left.winner ?? -1) < (right.winner ?? -1) }
      if left.channel != right.channel { return (left.channel ?? "") < (right.channel ?? "") }
      return left.isRuled && !right.isRuled
    }
  }

  /// What the customers share.
  public let key: Key
  /// The customers, as rows of the evaluation; at least one.
  public let customers: SparseRows

  /// A difference of some customers.
  public init(_ key: Key, _ customers: SparseRows) {
    self.key = key
    self.customers = customers
  }
}

extension SegmentEvaluation {
  /// The sets that the rules found, in the order of the segments: ``members`` before overrides, groups,
  /// cap and default.
  public var rawMembers: [Bitset] {
    var sets = members
    for difference in differences where difference.key.turnsMembership {
      difference.customers.toggle(in: &sets[difference.key.segment])
    }
    return sets
  }

  /// What decided about one customer and segment besides the rule; nil where nothing did.
  public func difference(of row: Int, in segment: Int) -> MembershipDifference.Key? {
    differences.first { $0.key.segment == segment && $0.customers.contains(row) }?.key
  }
}
