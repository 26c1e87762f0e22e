/// What the rules of a catalogue need to know of the midnight before.
public struct PriorNeeds: Sendable, Hashable {
  /// The segments of which the last midnight's members are asked: those with `leave_below`.
  public let members: [String]
  /// The segments of which the last midnight of membership is asked: those in `was_member_of`.
  public let lastDays: [String]
  /// These, and what their rules rest on: what is evaluated at each midnight.
  public let segments: [String]
}

extension SegmentCatalogue {
  /// What the rules need to know of the midnight before; nil where none asks.
  public var priorNeeds: PriorNeeds? {
    let members = segments.filter { $0.rule.expression.hasHysteresis }.map(\.name).sorted()
    let lastDays = Set(segments.flatMap { $0.rule.expression.pastReferences }).sorted()
    guard !members.isEmpty || !lastDays.isEmpty else { return nil }
    return PriorNeeds(
      members: members, lastDays: lastDays, segments: closure(of: members + lastDays))
  }

  /// The catalogue with some segments only, which must hold what their rules refer to.
  public func restricted(to names: [String]) -> SegmentCatalogue {
    let kept = Set(names)
    return SegmentCatalogue(
      segments: segments.filter { kept.contains($0.name) },
      evaluationOrder: evaluationOrder.filter(kept.contains))
  }
}

extension PriorNeeds {
  /// A hash of what decides the state: the rules that are folded, and what their attributes mean.
  ///
  /// - Parameter attributes: a line for each attribute that the rules read, in a fixed order.
  public func meaning(of catalogue: SegmentCatalogue, attributes: [String]) -> String {
    var lines = ["prior state 1"]
    lines += members.map { "members \(RuleText.quoted($0))" }
    lines += lastDays.map { "last days \(RuleText.quoted($0))" }
    for name in segments {
      let version = catalogue.segment(named: name)?.rule.version ?? ""
      lines.append("segment \(RuleText.quoted(name)) \(version)")
    }
    return RuleText.hash((lines + attributes).joined(separator: "\n"))
  }
}

extension SegmentCatalogue {
  /// The conditions on instants that count back from the as-of: time alone may turn them within a day.
  public var relativeInstants: [(attribute: Attribute, span: TimeSpan)] {
    var found: [Condition: (Attribute, TimeSpan)] = [:]
    for segment in segments {
      segment.rule.expression.visit {
        guard case .condition(let condition) = $0, condition.operator.isRelative,
          condition.attribute.type == .instant, case .span(let span) = condition.operands.first
        else { return }
        found[condition] = (condition.attribute, span)
      }
    }
    return found.sorted { $0.key.description < $1.key.description }.map(\.value)
  }
}
