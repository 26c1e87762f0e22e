import Schedules

extension ReportPage {
  /// The segments: a table with sizes and moves, then a small chart of the size of each.
  var segments: [Markup] {
    guard !report.segments.isEmpty else { return [] }
    let greatest = report.segments.map { max($0.entered, $0.left) }.max() ?? 0
    var table = PageTable(
      caption: "Segments with members, share of all customers, and moves in this run",
      columns: [
        ("Segment", false), ("Members", true), ("Share", true), ("Left", true), ("Entered", true),
        ("Left | entered", false), ("Why (entered/left)", false),
      ])
    for segment in report.segments {
      let why = segment.causes.map { cause in
        "\(cause.cause) \(Figures.count(cause.entered))/\(Figures.count(cause.left))"
      }
      let moves =
        "\(segment.title): \(Figures.count(segment.entered)) entered, "
        + "\(Figures.count(segment.left)) left"
      table.rows.append([
        .text(segment.title), .text(Figures.count(segment.members)),
        .text(segment.share.map(Figures.percent) ?? "–"), .text(Figures.signed(-segment.left)),
        .text(Figures.signed(segment.entered)),
        .element(
          "div", ["class": "wide"],
          children: [
            Bars.balance(
              entered: segment.entered, left: segment.left, greatest: greatest, title: moves)
          ]),
        .element("span", ["class": "quiet why"], text: why.joined(separator: ", ")),
      ])
    }
    return [
      .element("h2", text: "Segments"),
      .element("div", ["class": "card"], children: [table.markup]),
    ] + sizes
  }

  private var sizes: [Markup] {
    guard let sizes = report.sizes, let first = sizes.days.first, let last = sizes.days.last else {
      return []
    }
    guard sizes.days.count > 1 else {
      return [
        .element(
          "p", ["class": "quiet"],
          text:
            "This is the first published day (\(first)): from the next one on, the sizes over time "
            + "are drawn here.")
      ]
    }
    let charts = report.segments.compactMap { segment -> Markup? in
      guard let members = sizes.members(of: segment.name) else { return nil }
      let points = zip(sizes.days, members).map { day, value in
        (x: Double(day.number), y: value.map(Double.init))
      }
      let title = "\(segment.title): members from \(first) to \(last)"
      let chart = LineChart(
        title: title,
        lines: [.init(label: Figures.count(segment.members), color: "a", points: points)],
        vertical: Axis(points.compactMap(\.y), floor: 0),
        range: Double(first.number)...Double(last.number),
        marks: [
          (Double(first.number), first.description), (Double(last.number), last.description),
        ])
      return .element(
        "figure", ["class": "card"], children: [.element("h3", text: segment.title), chart.markup])
    }
    var table = PageTable(
      caption: "Members by day",
      columns: [("Day", false)] + report.segments.map { ($0.title, true) })
    for (index, day) in sizes.days.enumerated().reversed() {
      table.rows.append(
        [.text(day.description)]
          + report.segments.map { segment in
            let members = sizes.members(of: segment.name)
            let value = members.flatMap { $0.indices.contains(index) ? $0[index] : nil }
            return .text(value.map(Figures.count) ?? "–")
          })
    }
    return [
      .element("h2", text: "Sizes over time"),
      .element("div", ["class": "charts"], children: charts),
      .element("details", children: [.element("summary", text: "The numbers"), table.markup]),
    ]
  }

  /// The sources: counts, reasons of rejected rows, control totals.
  var loads: [Markup] {
    guard !report.loads.isEmpty else { return [] }
    var table = PageTable(
      caption: "Rows per source",
      columns: [
        ("Source", false), ("Accepted", true), ("Rejected", true), ("Duplicates", true),
        ("Warned", true), ("Time", true), ("Rows/s", true),
      ])
    for load in report.loads {
      table.rows.append([
        .text(load.source), .text(Figures.count(load.accepted)),
        .element(
          "span", ["class": load.rejected > 0 ? "warn" : nil], text: Figures.count(load.rejected)),
        .text(Figures.count(load.duplicates)), .text(Figures.count(load.warned)),
        .text(load.isUnchanged ? "unchanged" : Figures.duration(load.seconds)),
        .text(load.rowsPerSecond.map { Figures.compact($0.rounded()) } ?? "–"),
      ])
    }
    return [
      .element("h2", text: "Sources"), .element("div", ["class": "card"], children: [table.markup]),
    ]
      + notes + reasons + totals
  }

  private var notes: [Markup] {
    var table = PageTable(
      caption: "What else the sources have to tell", columns: [("Source", false), ("Note", false)])
    for load in report.loads {
      for note in load.notes ?? [] { table.rows.append([.text(load.source), .text(note)]) }
    }
    return table.rows.isEmpty ? [] : [table.markup]
  }

  private var reasons: [Markup] {
    var table = PageTable(
      caption: "Rows that were put aside or warned of",
      columns: [
        ("Source", false), ("Reason", false), ("Column", false), ("Rows", true), ("Kept", false),
      ])
    for load in report.loads {
      for reason in load.reasons {
        table.rows.append([
          .text(load.source), .text(reason.reason), .text(reason.column ?? ""),
          .text(Figures.count(reason.rows)), .text(reason.isWarning ? "yes, warned" : "no"),
        ])
      }
    }
    guard !table.rows.isEmpty else { return [] }
    return [
      .element(
        "details", ["open": table.rows.count <= 12 ? "open" : nil],
        children: [.element("summary", text: "Why rows were put aside"), table.markup])
    ]
  }

  private var totals: [Markup] {
    var table = PageTable(
      caption: "Control totals: the three parts add up to all rows read",
      columns: [
        ("Source", false), ("Total", false), ("Accepted", true), ("Rejected", true),
        ("Delivered before", true), ("All", true),
      ])
    for load in report.loads {
      for total in load.totals {
        table.rows.append(
          [.text(load.source), .text(total.name)]
            + [total.accepted, total.rejected, total.repeated ?? "0", total.all].map {
              .text(Figures.decimalText($0))
            })
      }
    }
    return table.rows.isEmpty ? [] : [table.markup]
  }

  /// A model: its figures, how it learned, how well it is calibrated, what it leans on.
  func card(_ model: ModelFacts) -> [Markup] {
    let zone = report.run.displayZone
    let state =
      (model.isNew ? "trained in this run" : "trained earlier")
      + (model.isChampion ? ", champion" : "")
    func figure(_ value: Double?, _ before: Double?) -> String? {
      value.map { value in
        Figures.decimals(value, 3)
          + (before.map { " (v\(model.previous?.version ?? 0): \(Figures.decimals($0, 3)))" } ?? "")
      }
    }
    let facts: [(String, String?)] = [
      ("Learner", model.learner),
      (
        "Learned from",
        "\(Figures.count(model.trainingRows)) rows before "
          + Figures.time(model.trainedAsOf, in: zone)
      ),
      (
        "Measured on",
        "\(Figures.count(model.testRows)) later rows"
          + (model.testRate.map { ", \(Figures.percent($0)) of them true" } ?? "")
      ),
      ("AUC", figure(model.auc, model.previous?.auc)),
      ("Log-loss", figure(model.logLoss, model.previous?.logLoss)),
      ("Brier", figure(model.brier, nil)),
      ("Rounds", model.bestRound.map { "\($0 + 1)" }),
      ("Scored", model.scored.map { "\(Figures.count($0)) customers" }),
    ]
    let list = facts.flatMap { name, value -> [Markup] in
      value.map { [.element("dt", text: name), .element("dd", text: $0)] } ?? []
    }
    let charts = [learning(model), calibration(model), importance(model)].compactMap { $0 }
    return [
      .element(
        "h2",
        children: [
          .text("Model \(model.name) v\(model.version) "),
          .element("span", ["class": "quiet"], text: state),
        ]),
      .element("div", ["class": "card"], children: [.element("dl", children: list)]),
      .element("div", ["class": "charts"], children: charts),
    ] + numbers(model)
  }

  private func learning(_ model: ModelFacts) -> Markup? {
    guard let first = model.curve.first, let last = model.curve.last, model.curve.count > 1 else {
      return nil
    }
    let training = model.curve.map { (x: Double($0.round), y: Optional($0.training)) }
    let validation = model.curve.map { (x: Double($0.round), y: $0.validation) }
    let hasValidation = validation.contains { $0.y != nil }
    let chart = LineChart(
      title: "Log-loss by round, on the rows learned from and on those kept back",
      lines: [.init(label: "learned", color: "a", points: training)]
        + (hasValidation ? [.init(label: "kept back", color: "b", points: validation)] : []),
      vertical: Axis((training + validation).compactMap(\.y), steps: 4),
      range: Double(first.round)...Double(last.round),
      marks: [
        (Double(first.round), "\(first.round + 1)"), (Double(last.round), "\(last.round + 1)"),
      ],
      rule: model.bestRound.map { (Double($0), "best: round \($0 + 1)") },
      horizontalTitle: "round", height: 210)
    return .element(
      "figure", ["class": "card"],
      children: [
        .element("h3", text: "Learning"),
        .element("figcaption", text: "Log-loss by round; lower is better"), chart.markup,
      ])
  }

  private func calibration(_ model: ModelFacts) -> Markup? {
    let bins = model.calibration.filter { $0.rows > 0 }
    guard bins.count > 1 else { return nil }
    let chart = LineChart(
      title: "Calibration: the observed share against the predicted one",
      lines: [
        .init(
          label: "", color: "a",
          points: bins.map { (x: $0.predicted, y: Optional($0.observed)) })
      ],
      vertical: Axis([0, 1], steps: 4), range: 0...1,
      marks: [(0, "0 %"), (0.5, "50 %"), (1, "100 %")],
      isShare: true, hasDiagonal: true, hasDots: true,
      horizontalTitle: "predicted", height: 210)
    return .element(
      "figure", ["class": "card"],
      children: [
        .element("h3", text: "Calibration"),
        .element(
          "figcaption", text: "Observed against predicted; a perfect model follows the dashes"),
        chart.markup,
      ])
  }

  private func importance(_ model: ModelFacts) -> Markup? {
    guard let greatest = model.importance.map(\.share).max(), greatest > 0 else { return nil }
    let rows = model.importance.prefix(8).map { item in
      Markup.element(
        "div",
        children: [
          .element(
            "div", ["class": "ticks"],
            children: [
              .element("span", text: item.feature),
              .element("span", text: Figures.percent(item.share)),
            ]),
          Bars.share(
            item.share / greatest, title: "\(item.feature): \(Figures.percent(item.share))"),
        ])
    }
    return .element(
      "figure", ["class": "card"],
      children: [
        .element("h3", text: "Features it leans on"),
        .element("figcaption", text: "Share of the total gain"),
      ] + rows)
  }

  private func numbers(_ model: ModelFacts) -> [Markup] {
    guard !model.calibration.isEmpty else { return [] }
    var table = PageTable(
      caption: "Calibration by bins of the prediction",
      columns: [("Bin", false), ("Rows", true), ("Predicted", true), ("Observed", true)])
    for bin in model.calibration {
      table.rows.append([
        .text("\(Figures.percent(bin.low)) to \(Figures.percent(bin.high))"),
        .text(Figures.count(bin.rows)),
        .text(bin.rows > 0 ? Figures.percent(bin.predicted) : "–"),
        .text(bin.rows > 0 ? Figures.percent(bin.observed) : "–"),
      ])
    }
    return [
      .element("details", children: [.element("summary", text: "The numbers"), table.markup])
    ]
  }
}
