import Rules
import Schedules

extension SegmentPlan {
  /// The plan as people read it: a block for each segment that changes.
  ///
  /// - Parameters:
  ///   - limit: the share beyond which a change is marked; nil for none.
  ///   - ink: how it may look.
  public func text(zone: Zone, limit: Double? = nil, _ ink: TextStyle = TextStyle()) -> String {
    var lines = [heading(zone), summary(ink)]
    for change in changes {
      lines += [""] + change.lines(zone, ink, isBeyond: limit.map { isBeyond(change, $0) } ?? false)
    }
    if !described.isEmpty { lines.append("") }
    for note in described {
      lines.append(
        "\(RuleTextLine.visible(note.segment)): "
          + note.changes.map { RuleTextLine.visible($0) }.joined(separator: ", "))
    }
    if !notes.isEmpty { lines.append("") }
    lines += notes.map { "\(ink.yellow("note:")) \(RuleTextLine.visible($0))" }
    return lines.joined(separator: "\n")
  }

  private func isBeyond(_ change: Change, _ limit: Double) -> Bool {
    changes(beyond: limit).contains { $0.segment == change.segment }
  }

  private func heading(_ zone: Zone) -> String {
    guard let publicationID, let publishedAt else {
      return "nothing is published yet: evaluated as of \(LocalText.moment(asOf, zone))"
    }
    return "against publication \(publicationID) as of \(LocalText.moment(asOf, zone)), published "
      + LocalText.time(publishedAt, zone)
  }

  private func summary(_ ink: TextStyle) -> String {
    if changes.isEmpty {
      return ink.bold("no rule changes: \(LocalText.plural(unchanged, "segment")) as published")
    }
    let kinds: [(Kind, String)] = [
      (.changed, "changed"), (.added, "new"), (.affected, "affected"), (.removed, "removed"),
    ]
    let counts = kinds.compactMap { kind, word in
      let count = changes.count { $0.kind == kind }
      return count == 0 ? nil : "\(count) \(word)"
    }
    return ink.bold(counts.joined(separator: ", ") + ", \(unchanged) as published")
      + ink.dim(
        " (\(LocalText.plural(customers, "customer")), \(LocalText.plural(featuresRead, "feature")) "
          + "read)")
  }
}

extension SegmentPlan.Change {
  fileprivate func lines(_ zone: Zone, _ ink: TextStyle, isBeyond: Bool) -> [String] {
    let sign =
      switch kind {
      case .added: ink.green("+")
      case .changed, .affected: ink.yellow("~")
      case .removed: ink.red("-")
      }
    let name = RuleTextLine.visible(
      title == segment ? segment : "\(segment) (\(title))")
    var lines = ["\(sign) \(ink.bold(name))  \(movement(ink, isBeyond))"]
    if !because.isEmpty {
      lines.append(
        "    because of \(because.map { RuleTextLine.visible($0) }.joined(separator: ", "))")
    }
    if let was, was != now { lines.append("    \(ink.red("- \(RuleTextLine.visible(was))"))") }
    if let now, was != now { lines.append("    \(ink.green("+ \(RuleTextLine.visible(now))"))") }
    if byData > 0 {
      lines.append(
        "    \(LocalText.plural(byData, "customer")) of these would move without the edit: by facts "
          + "since the publication")
    }
    lines += SegmentPlan.movers("entering", sampleEntering, of: entering, ink)
    lines += SegmentPlan.movers("leaving", sampleLeaving, of: leaving, ink)
    if !overlaps.isEmpty {
      let texts = overlaps.map { overlap in
        let share = LocalText.percent(overlap.jaccard)
        let text =
          "\(RuleTextLine.visible(overlap.segment)) \(share) (\(LocalText.count(overlap.shared)) in both)"
        return overlap.jaccard >= 0.95 ? ink.yellow("\(text), nearly the same") : text
      }
      lines.append("    overlaps  \(texts.joined(separator: ", "))")
    }
    return lines + history(zone, ink)
  }

  private func movement(_ ink: TextStyle, _ isBeyond: Bool) -> String {
    let arrow = ink.sign("→", "->")
    let minus = ink.sign("−", "-")
    let members =
      kind == .added
      ? "\(LocalText.plural(membersThen, "member"))"
      : "\(LocalText.count(membersNow)) \(arrow) \(LocalText.plural(membersThen, "member"))"
    if kind == .added { return members }
    if entering + leaving == 0 { return "\(members), nobody moves" }
    let share = share.map { "  (\(LocalText.percent($0)))" } ?? ""
    let moved = "  +\(LocalText.count(entering)) \(minus)\(LocalText.count(leaving))\(share)"
    return members + (isBeyond ? ink.red(moved + " beyond the limit") : moved)
  }

  private func history(_ zone: Zone, _ ink: TextStyle) -> [String] {
    guard let first = days.first, let last = days.last, days.count > 1, kind != .removed else {
      return []
    }
    let span = "\(LocalText.moment(first.asOf, zone)) to \(LocalText.moment(last.asOf, zone))"
    var lines = ["    \(days.count) midnights, \(span)"]
    let planned = days.map { Optional($0.planned) }
    let published = days.map(\.published)
    let most = (planned + published).compactMap { $0 }.max() ?? 0
    func row(_ name: String, _ values: [Int?]) -> String {
      let known = values.compactMap { $0 }
      let range = "\(LocalText.count(known.min() ?? 0)) to \(LocalText.count(known.max() ?? 0))"
      return "      \(name)  \(Self.spark(values, most: most, ink))  \(range)"
    }
    if published.contains(where: { $0 != nil }) { lines.append(row("published", published)) }
    lines.append(row("planned  ", planned))
    if let worst = largestChange {
      lines.append(
        "      most apart on \(LocalText.moment(worst.asOf, zone)): "
          + "\(LocalText.count(worst.published ?? 0)) \(ink.sign("→", "->")) "
          + LocalText.count(worst.planned))
    }
    return lines
  }

  /// The day on which the planned size differs most from the published one; nil where none does.
  private var largestChange: SegmentPlan.PlannedDay? {
    func apart(_ day: SegmentPlan.PlannedDay) -> Int {
      day.published.map { abs(day.planned - $0) } ?? 0
    }
    guard let worst = days.max(by: { apart($0) < apart($1) }), apart(worst) > 0 else { return nil }
    return worst
  }

  /// A column for each day, as high as its size; a blank where nothing is known.
  private static func spark(_ values: [Int?], most: Int, _ ink: TextStyle) -> String {
    let levels = ink.isUnicode ? Array("▁▂▃▄▅▆▇█") : Array("_.-:=+*#")
    return String(
      values.map { value in
        guard let value else { return " " }
        guard most > 0 else { return levels[0] }
        return levels[min(levels.count - 1, value * levels.count / (most + 1))]
      })
  }
}

extension SegmentPlan {
  /// Customers who enter or leave, each with what it was and what it is.
  static func movers(
    _ what: String, _ sample: [Mover], of total: Int, _ ink: TextStyle
  ) -> [String] {
    if sample.isEmpty { return [] }
    let left = total > sample.count ? ", \(sample.count) of \(LocalText.count(total))" : ""
    return ["    \(what)\(left)"]
      + sample.map { mover in
        let key = RuleTextLine.visible(mover.customerKey ?? "#\(mover.customerID)")
        let sides = [
          words("was", mover.verdictWas, mover.reasonsWere),
          words("is", mover.verdictNow, mover.reasonsNow),
        ].compactMap { $0 }
        let why =
          sides.isEmpty ? "no longer known" : sides.joined(separator: ink.sign(" → ", " -> "))
        return "      \(ink.bold(key))  \(why)"
      }
  }

  private static func words(_ when: String, _ verdict: Truth?, _ reasons: [String]) -> String? {
    guard let verdict else { return nil }
    let said =
      switch verdict {
      case .true: "yes"
      case .false: "no"
      case .unknown: "unknown"
      }
    let shown = reasons.prefix(2).map { RuleTextLine.visible($0) }.joined(separator: "; ")
    let more = reasons.count > 2 ? "; and \(reasons.count - 2) more" : ""
    return "\(when) \(said): \(shown)\(more)"
  }
}
