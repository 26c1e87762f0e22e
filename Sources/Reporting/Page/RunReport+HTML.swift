extension RunReport {
  /// The report as one HTML page: style and drawings inside, no script, nothing fetched.
  ///
  /// Light or dark as the reader's system is, readable from 360 px width on; every chart has a
  /// title and a table with its numbers. The page is well-formed XML too.
  public func html() -> String {
    let page = ReportPage(report: self)
    return "<!DOCTYPE html>\n" + page.markup.source + "\n"
  }
}

/// Lays a report out as a page.
struct ReportPage {
  let report: RunReport

  var markup: Markup {
    let run = report.run
    let title = "\(report.project) · \(run.dag) · \(run.intervalText)"
    return .element(
      "html", ["lang": "en", "xmlns": "http://www.w3.org/1999/xhtml"],
      children: [
        .element(
          "head",
          children: [
            .shape("meta", ["charset": "utf-8"]),
            .shape(
              "meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
            .element("title", text: title), .element("style", children: [.verbatim(stylesheet)]),
          ]),
        .element("body", children: [.element("main", children: parts)]),
      ])
  }

  private var parts: [Markup] {
    head + notices + tiles + segments + loads + features + report.models.flatMap(card) + tasks
      + nextSteps
  }

  private var head: [Markup] {
    let run = report.run
    let zone = run.displayZone
    let tone = run.state == .success ? "good" : run.state.isFailure ? "bad" : "warn"
    let took = run.seconds(tasks: report.tasks).map { ", took \(Figures.duration($0))" } ?? ""
    let cause = run.cause.map { " (\($0))" } ?? ""
    return [
      .element(
        "h1",
        children: [
          .text("\(report.project) · \(run.dag) "),
          .element("span", ["class": "badge \(tone)"], text: run.state.title),
        ]),
      .element(
        "p", ["class": "quiet"],
        text: "Run \(run.id)\(cause) over \(run.intervalText), as of "
          + "\(Figures.time(run.intervalEnd, in: zone)). Started "
          + "\(Figures.time(run.startedAt, in: zone, seconds: true))\(took)."),
    ]
  }

  private var notices: [Markup] {
    func list(_ notices: [Notice], _ heading: String, _ tone: String) -> [Markup] {
      guard !notices.isEmpty else { return [] }
      return [.element("h2", text: heading)]
        + notices.map { notice in
          let place = [notice.task, notice.code].compactMap { $0 }.joined(separator: ", ")
          return .element(
            "div", ["class": "card notice \(tone)"],
            children: [
              place.isEmpty ? .empty : .element("p", ["class": "quiet"], text: place),
              .element("p", text: notice.message),
              notice.hint.map { .element("p", ["class": "quiet"], text: "→ \($0)") } ?? .empty,
            ])
        }
    }
    return list(report.failures, "Failures", "bad") + list(report.warnings, "Warnings", "warn")
  }

  private var tiles: [Markup] {
    func sum(_ values: [Int]) -> String { Figures.count(values.reduce(0, +)) }
    var tiles: [(String, String)] = []
    if let population = report.segments.map(\.population).max() {
      tiles.append((Figures.count(population), "customers"))
      tiles.append((sum(report.segments.map(\.members)), "memberships"))
      tiles.append((sum(report.segments.map(\.entered)), "entered"))
      tiles.append((sum(report.segments.map(\.left)), "left"))
    }
    if !report.loads.isEmpty {
      tiles.append((sum(report.loads.map(\.accepted)), "rows accepted"))
      tiles.append((sum(report.loads.map(\.rejected)), "rows rejected"))
    }
    guard !tiles.isEmpty else { return [] }
    return [
      .element(
        "div", ["class": "tiles"],
        children: tiles.map { value, name in
          .element(
            "div", ["class": "card"],
            children: [
              .element("b", text: value), .element("span", ["class": "quiet"], text: name),
            ])
        })
    ]
  }

  private var features: [Markup] {
    guard let features = report.features else { return [] }
    let tiles = features.tileRows.map { ", \(Figures.count($0)) tile rows" } ?? ""
    return [
      .element("h2", text: "Features"),
      .element(
        "p",
        text:
          "\(Figures.count(features.features)) features of \(Figures.count(features.customers)) "
          + "customers: \(features.mode)\(tiles), \(Figures.duration(features.seconds))."),
    ]
  }

  private var tasks: [Markup] {
    guard !report.tasks.isEmpty else { return [] }
    let timeline = Timeline(tasks: report.tasks, start: report.run.startedAt)
    let bars = report.tasks.map { task in
      Markup.element(
        "div", ["class": "gantt"],
        children: [
          .element("span", ["class": "name"], text: task.name),
          .element("span", ["class": "bars"], children: [Bars.attempts(task, on: timeline)]),
          .element(
            "span", ["class": "time n"],
            text: task.seconds.map(Figures.duration) ?? task.state.title),
        ])
    }
    let ticks = [0, 0.25, 0.5, 0.75, 1].map { share in
      Markup.element("span", text: share == 0 ? "0 s" : Figures.duration(timeline.seconds * share))
    }
    var table = PageTable(
      caption: "Tasks with state, tries and time",
      columns: [
        ("Task", false), ("Kind", false), ("State", false), ("Tries", true), ("Time", true),
        ("What", false),
      ])
    for task in report.tasks {
      let tone = task.state == .success ? "good" : task.state.isFailure ? "bad" : "quiet"
      let tolerated = task.isTolerated && task.state.isFailure ? " (tolerated)" : ""
      table.rows.append([
        .text(task.name), .element("span", ["class": "quiet"], text: task.kind),
        .element("span", ["class": tone], text: task.state.title + tolerated),
        .text("\(task.attempts.count)"), .text(task.seconds.map(Figures.duration) ?? "–"),
        .text(task.summary ?? ""),
      ])
    }
    return [
      .element("h2", text: "Tasks"),
      .element(
        "figure", ["class": "card"],
        children: [
          .element("figcaption", text: "When each task was at work, from the start of the run"),
          .element("div", children: bars),
          .element(
            "div", ["class": "gantt"],
            children: [
              .element(
                "span", ["class": "bars"],
                children: [.element("span", ["class": "ticks"], children: ticks)])
            ]),
        ]),
      table.markup,
    ]
  }

  private var nextSteps: [Markup] {
    guard !report.nextSteps.isEmpty else { return [] }
    return [
      .element("h2", text: "Look further"),
      .element(
        "dl", ["class": "commands"],
        children: report.nextSteps.flatMap { step -> [Markup] in
          [
            .element("dt", children: [.element("code", text: step.command)]),
            .element("dd", ["class": "quiet"], text: step.purpose),
          ]
        }),
    ]
  }
}
