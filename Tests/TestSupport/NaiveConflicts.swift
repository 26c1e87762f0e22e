/// What SEMANTICS says of conflicts, one customer after the other, in plain dictionaries.
package struct NaiveConflicts: Sendable {
  package struct Segment: Sendable {
    package var name: String
    package var priority: Int?
    package var weight: Double?
    package var group: String?
    package var channels: [String]

    package init(
      name: String, priority: Int? = nil, weight: Double? = nil, group: String? = nil,
      channels: [String] = []
    ) {
      self.name = name
      self.priority = priority
      self.weight = weight
      self.group = group
      self.channels = channels
    }
  }

  package var segments: [Segment]
  package var byScore: Bool
  package var fatigue: [String: Int]
  package var fallback: String?

  package init(
    segments: [Segment], byScore: Bool = false, fatigue: [String: Int] = [:],
    fallback: String? = nil
  ) {
    self.segments = segments
    self.byScore = byScore
    self.fatigue = fatigue
    self.fallback = fallback
  }

  package struct Result: Equatable {
    package var members: Set<String> = []
    /// Segment to reason, winner and channel.
    package var lost: [String: Loss] = [:]

    package init() {}
  }

  package struct Loss: Equatable {
    package var reason: String
    package var winner: String?
    package var channel: String?

    package init(reason: String, winner: String? = nil, channel: String? = nil) {
      self.reason = reason
      self.winner = winner
      self.channel = channel
    }
  }

  /// - Parameters:
  ///   - raw: the segments whose rules are true.
  ///   - pinnedIn: by overrides in force.
  package func callAsFunction(
    _ raw: Set<String>, pinnedIn: Set<String> = [], pinnedOut: Set<String> = []
  ) -> Result {
    var result = Result()
    for segment in raw.intersection(pinnedOut) { result.lost[segment] = Loss(reason: "override") }
    var members = raw.union(pinnedIn).subtracting(pinnedOut)
    func best(_ names: Set<String>) -> [Segment] {
      let ordered = segments.filter { names.contains($0.name) }.sorted { beats($0, $1) }
      return ordered.filter { pinnedIn.contains($0.name) }
        + ordered.filter { !pinnedIn.contains($0.name) }
    }
    for group in Set(segments.compactMap(\.group)) {
      let rivals = best(members).filter { $0.group == group }
      for loser in rivals.dropFirst() {
        members.remove(loser.name)
        result.lost[loser.name] = Loss(reason: "group", winner: rivals[0].name)
      }
    }
    var holders: [String: [String]] = [:]
    for segment in best(members) {
      let channels = segment.channels.filter { fatigue[$0] != nil }.sorted()
      if let full = channels.first(where: { holders[$0, default: []].count == fatigue[$0] }) {
        members.remove(segment.name)
        result.lost[segment.name] = Loss(
          reason: "cap", winner: holders[full]?.last, channel: full)
      } else {
        for channel in channels { holders[channel, default: []].append(segment.name) }
      }
    }
    if members.isEmpty, let fallback, !pinnedOut.contains(fallback) { members = [fallback] }
    result.members = members
    return result
  }

  /// The segments, the best first.
  package func primary(of members: Set<String>) -> String? {
    segments.filter { members.contains($0.name) }.sorted { beats($0, $1) }.first?.name
  }

  private func beats(_ left: Segment, _ right: Segment) -> Bool {
    let priorities = (left.priority ?? .max, right.priority ?? .max)
    let weights = (left.weight ?? -.infinity, right.weight ?? -.infinity)
    if byScore {
      if weights.0 != weights.1 { return weights.0 > weights.1 }
      if priorities.0 != priorities.1 { return priorities.0 < priorities.1 }
    } else {
      if priorities.0 != priorities.1 { return priorities.0 < priorities.1 }
      if weights.0 != weights.1 { return weights.0 > weights.1 }
    }
    return Array(left.name.utf8).lexicographicallyPrecedes(Array(right.name.utf8))
  }
}
