import FeatureStore
import Rules
import Schedules

extension CustomerExplanation {
  /// The explanation as people read it: a tree for one segment, a line each for several.
  ///
  /// - Parameter ink: how it may look.
  public func text(zone: Zone, _ ink: TextStyle = TextStyle()) -> String {
    var lines: [String]
    if segments.count == 1, let only = segments.first, let clauses = only.clauses {
      lines = heading("customer \(customerKey) and \(only.name)", zone, ink) + [""]
      lines += only.membership(zone, ink, hasPublication: publication != nil) + [""]
      lines += clauses.lines(zone, ink, first: "", rest: "") + [""]
      lines += only.ruleLines(zone, ink)
    } else {
      lines = heading("customer \(customerKey)", zone, ink) + [""] + overview(zone, ink)
    }
    lines += notes.map { "\(ink.yellow("note:")) \($0)" }
    return lines.joined(separator: "\n")
  }

  private func heading(_ what: String, _ zone: Zone, _ ink: TextStyle) -> [String] {
    let known =
      switch knowledge {
      case .publication: publication == nil ? "" : ", as known when it was published"
      case .now: ", as known now"
      case .instant: knownAt.map { ", as known at \(LocalText.time($0, zone))" } ?? ""
      }
    var lines = [
      ink.bold(RuleTextLine.visible(what)),
      "as of \(LocalText.moment(asOf, zone))\(known)",
    ]
    if let publication {
      let run = publication.runID.map { ", run \($0)" } ?? ""
      lines.append(
        ink.dim(
          "publication \(publication.publicationID) of "
            + "\(LocalText.time(publication.publishedAt, zone))\(run)"))
    }
    return lines
  }

  /// A line for each segment.
  private func overview(_ zone: Zone, _ ink: TextStyle) -> [String] {
    let names = segments.map { RuleTextLine.visible($0.segment) }
    let width = names.map(\.count).max() ?? 0
    var lines = zip(segments, names).map { segment, name in
      let isIn = segment.isMember ?? (segment.verdict == .true)
      let mark = isIn ? ink.green("in ") : segment.verdict == .unknown ? "?  " : ink.red("out")
      let since = segment.stay.flatMap { stay in
        stay.until == nil || isIn ? "since \(LocalText.moment(stay.since, zone)): " : nil
      }
      let other =
        segment.decidedBy == .rule ? "" : "\(segment.decision(zone)); the rule: "
      let pad = String(repeating: " ", count: width - name.count)
      return "\(mark)  \(name)\(pad)  \(isIn ? since ?? "" : "")\(other)"
        + segment.reasons.prefix(3).joined(separator: "; ")
        + (segment.reasons.count > 3 ? "; and \(segment.reasons.count - 3) more" : "")
    }
    if segments.isEmpty { lines.append("no segments") }
    return lines
  }
}

extension SegmentExplanation {
  fileprivate var name: String {
    title == segment ? segment : "\(segment) (\(title))"
  }

  /// Whether the customer is in, since when, and by what.
  fileprivate func membership(_ zone: Zone, _ ink: TextStyle, hasPublication: Bool) -> [String] {
    guard let isMember else {
      let said =
        switch verdict {
        case .true: ink.green("the rule says yes")
        case .false: ink.red("the rule says no")
        case .unknown: ink.yellow("the rule says nothing: a value that it needs is missing")
        }
      return [said]
    }
    var lines: [String] = []
    if isMember {
      let since = stay.map { stay in
        " since \(LocalText.moment(stay.since, zone)), entered by \(stay.enteredCause)"
          + (stay.enteredRun.map { " (run \($0))" } ?? "")
      }
      lines.append("\(ink.green("a member"))\(since ?? "")")
    } else if let stay, let until = stay.until {
      let run = stay.leftRun.map { " (run \($0))" } ?? ""
      lines.append(
        "\(ink.red("not a member")) since \(LocalText.moment(until, zone)), left by "
          + "\(stay.leftCause ?? "-")\(run); a member from \(LocalText.moment(stay.since, zone))")
    } else {
      lines.append("\(ink.red("not a member")), and never was")
    }
    if decidedBy == .rule {
      if verdict == .unknown {
        lines.append("the rule is neither true nor false: a value that it needs is missing")
      }
    } else {
      lines.append(
        "\(ink.yellow("decided by \(decision(zone))")); the rule says "
          + "\(verdict == .true ? "yes" : verdict == .false ? "no" : "neither yes nor no")")
    }
    return lines
  }

  fileprivate func ruleLines(_ zone: Zone, _ ink: TextStyle) -> [String] {
    let since = rule.since.map { " in force since \(LocalText.moment($0, zone))" } ?? " of the file"
    let run = rule.runID.map { ", run \($0)" } ?? ""
    var lines = [ink.dim("rule \(rule.version.prefix(12))\(since)\(run)")]
    if rule.author != nil || rule.message != nil {
      let who = rule.author.map { "changed by \(RuleTextLine.visible($0))" } ?? "changed"
      lines.append(ink.dim(who + (rule.message.map { ": \(RuleTextLine.visible($0))" } ?? "")))
    }
    return lines
  }
}

extension SegmentExplanation {
  /// What decided, in words.
  fileprivate func decision(_ zone: Zone) -> String {
    func visible(_ text: String?) -> String { RuleTextLine.visible(text ?? "-") }
    switch (decidedBy, decider?.kind) {
    case (.override, "override"):
      let until = decider?.until.map { " until \(LocalText.moment($0, zone))" } ?? ""
      guard let author = decider?.author else { return "an override\(until)" }
      return "an override by \(visible(author))\(until): \(visible(decider?.reason))"
    case (.override, _): return "an override"
    case (.conflict, "group"): return "\(visible(decider?.winner)), which wins the exclusive group"
    case (.conflict, "cap"):
      return
        "the cap of channel \(visible(decider?.channel)), whose places better segments have taken, "
        + "the last of them \(visible(decider?.winner))"
    case (.conflict, _): return "a conflict with another segment"
    case (.default, _): return "the default for customers in no segment"
    case (.rule, _): return "the rule"
    case (.other, _):
      return "what was published, which the rule and today's features do not explain"
    }
  }
}

extension ExplainedClause {
  /// The clause, what stands behind its value, and its parts.
  fileprivate func lines(_ zone: Zone, _ ink: TextStyle, first: String, rest: String) -> [String] {
    var head = "\(first)\(ink.mark(verdict)) \(RuleTextLine.visible(clause))"
    if attribute != nil {
      let reached = cut.map { ", cut at \($0)" } ?? ""
      head += "  \(ink.bold("is \(RuleTextLine.visible(actual ?? "null"))"))\(reached)"
    }
    var lines = [head]
    let bar = children.isEmpty ? rest + "    " : rest + ink.sign("│   ", "|   ")
    if let source { lines.append(ink.dim("\(bar)\(RuleTextLine.visible(source))")) }
    for part in evidence {
      lines += part.lines(zone, ink).map { ink.dim("\(bar)\($0)") }
    }
    for (place, child) in children.enumerated() {
      let isLast = place == children.count - 1
      lines += child.lines(
        zone, ink,
        first: rest + (isLast ? ink.sign("└─ ", "`- ") : ink.sign("├─ ", "|- ")),
        rest: rest + (isLast ? "   " : ink.sign("│  ", "|  ")))
    }
    return lines
  }
}

extension Evidence {
  /// How many events there are in which time, then the ones that were read.
  fileprivate func lines(_ zone: Zone, _ ink: TextStyle) -> [String] {
    let end = LocalText.moment(to, zone)
    let when = from.map { "from \(LocalText.moment($0, zone)) to \(end)" } ?? "before \(end)"
    let what = RuleTextLine.visible(what)
    if total == 0 { return ["no \(what) \(when)"] }
    let head =
      total.map { "\(LocalText.count($0)) \(ink.sign("×", "x")) \(what)" }
      ?? "\(what) on \(LocalText.plural(days ?? 0, "day"))"
    var lines = ["\(head) \(when)"]
    for event in events {
      let parts: [String?] = [
        LocalText.time(event.occurredAt, zone), event.eventID,
        event.amount.map { "\(LocalText.amount($0)) \(event.currency ?? "")" },
        event.item.map { "item \($0)" }, event.quantity.map { "quantity \($0)" },
      ]
      let text = parts.compactMap { $0 }.map { RuleTextLine.visible($0) }
      lines.append(
        "  " + text.map { $0.hasSuffix(" ") ? String($0.dropLast()) : $0 }.joined(separator: "  "))
    }
    let left = total.map { $0 - Int64(events.count) }
    if let left, left > 0 { lines.append("  and \(LocalText.count(left)) more") }
    if left == nil { lines.append("  and more") }
    return lines
  }
}

/// Texts of catalogues and sources on a line of a terminal.
enum RuleTextLine {
  /// Control and format characters as `\u{…}`.
  static func visible(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse,
        .unassigned:
        result += "\\u{\(String(scalar.value, radix: 16))}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
