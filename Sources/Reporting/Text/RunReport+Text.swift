import Schedules

extension RunReport {
  /// The report for a terminal.
  ///
  /// - Parameters:
  ///   - width: columns of the terminal; tables are cut to fit, down to about 60.
  ///   - color: whether escape sequences are written; off where `NO_COLOR` is set or no terminal
  ///     reads.
  public func text(width: Int = 100, color: Bool = false) -> String {
    var printer = ReportPrinter(report: self, width: width, style: TextStyle(color: color))
    return printer.print()
  }
}

/// Lays a report out in lines.
private struct ReportPrinter {
  let report: RunReport
  let width: Int
  let style: TextStyle
  private typealias Cell = TextTable.Cell
  private typealias Column = TextTable.Column
  private var lines: [String] = []

  init(report: RunReport, width: Int, style: TextStyle) {
    self.report = report
    self.width = max(width, 60)
    self.style = style
  }

  mutating func print() -> String {
    head()
    notices("Failures", report.failures, mark: "✘", paint: .red)
    notices("Warnings", report.warnings, mark: "!", paint: .yellow)
    segments()
    loads()
    features()
    for model in report.models { card(model) }
    tasks()
    nextSteps()
    return lines.joined(separator: "\n") + "\n"
  }

  private mutating func title(_ text: String, _ note: String = "") {
    lines.append("")
    lines.append(style(.bold, text) + (note.isEmpty ? "" : "  " + style(.dim, note)))
  }

  /// Wrapped lines; those after the first are indented by two more.
  private mutating func paragraph(_ text: String, indent: Int = 2) {
    let first = String(repeating: " ", count: indent)
    for (index, line) in wrapped(printable(text), to: width - indent - 2).enumerated() {
      lines.append(index == 0 ? first + line : first + "  " + line)
    }
  }

  private mutating func head() {
    let run = report.run
    let zone = run.displayZone
    let name = "\(printable(report.project)) · \(printable(run.dag)) · run \(run.id)"
    lines.append(style(.bold, name) + " · " + style(Paint(run.state), run.state.title))
    lines.append("  interval  \(run.intervalText)")
    lines.append(
      "  as of     \(Figures.time(run.intervalEnd, in: zone))"
        + (run.cause.map { ", \(printable($0))" } ?? ""))
    let took = run.seconds(tasks: report.tasks).map { ", took \(Figures.duration($0))" } ?? ""
    lines.append("  started   \(Figures.time(run.startedAt, in: zone, seconds: true))\(took)")
  }

  private mutating func notices(
    _ heading: String, _ notices: [Notice], mark: String, paint: Paint
  ) {
    guard !notices.isEmpty else { return }
    title("\(heading) (\(notices.count))")
    for notice in notices {
      let place = [notice.task, notice.code].compactMap { $0.map { printable($0) } }
      let prefix = place.isEmpty ? "" : place.joined(separator: ", ") + ": "
      let message = wrapped(printable(prefix + notice.message, keepingLines: true), to: width - 4)
      for (index, line) in message.enumerated() {
        lines.append(index == 0 ? "  " + style(paint, mark) + " " + line : "    " + line)
      }
      guard let hint = notice.hint else { continue }
      for line in wrapped("→ " + printable(hint), to: width - 4) { lines.append("    " + line) }
    }
  }

  private mutating func segments() {
    guard !report.segments.isEmpty else { return }
    let population = report.segments.map(\.population).max() ?? 0
    title("Segments", "\(Figures.count(population)) customers")
    var table = TextTable([
      Column(title: "Segment", isFlexible: true),
      Column(title: "Members", alignment: .right),
      Column(title: "Share", alignment: .right),
      Column(title: "Entered", alignment: .right),
      Column(title: "Left", alignment: .right),
      Column(title: "Trend", isOptional: true),
      Column(title: "Why (entered/left)", isOptional: true),
    ])
    for segment in report.segments {
      let trend = report.sizes?.members(of: segment.name).map { Sparkline.text($0) } ?? ""
      let why = segment.causes.map { cause -> String in
        "\(cause.cause) \(Figures.count(cause.entered))/\(Figures.count(cause.left))"
      }.joined(separator: ", ")
      table.append([
        Cell(segment.title), Cell(Figures.count(segment.members)),
        Cell(segment.share.map(Figures.percent) ?? "–"),
        Cell(Figures.signed(segment.entered), segment.entered > 0 ? .green : .dim),
        Cell(Figures.signed(-segment.left), segment.left > 0 ? .red : .dim),
        Cell(trend, .cyan), Cell(why, .dim),
      ])
    }
    lines += table.lines(width: width, style: style)
  }

  private mutating func loads() {
    guard !report.loads.isEmpty else { return }
    title("Sources")
    var table = TextTable([
      Column(title: "Source", isFlexible: true), Column(title: "Accepted", alignment: .right),
      Column(title: "Rejected", alignment: .right), Column(title: "Duplicates", alignment: .right),
      Column(title: "Warned", alignment: .right, isOptional: true),
      Column(title: "Time", alignment: .right),
      Column(title: "Rows/s", alignment: .right, isOptional: true),
    ])
    for load in report.loads where !load.isUnchanged {
      table.append([
        Cell(load.source), Cell(Figures.count(load.accepted)),
        Cell(Figures.count(load.rejected), load.rejected > 0 ? .yellow : .dim),
        Cell(Figures.count(load.duplicates)), Cell(Figures.count(load.warned)),
        Cell(Figures.duration(load.seconds)),
        Cell(load.rowsPerSecond.map { Figures.compact($0.rounded()) } ?? "–"),
      ])
    }
    lines += table.lines(width: width, style: style)
    let unchanged = report.loads.filter(\.isUnchanged).map(\.source)
    if !unchanged.isEmpty { paragraph("unchanged: " + unchanged.joined(separator: ", ")) }
    for load in report.loads {
      for note in load.notes ?? [] { paragraph(printable("\(load.source): \(note)"), indent: 4) }
      for reason in load.reasons {
        let column = reason.column.map { " (\($0))" } ?? ""
        let verb = reason.isWarning ? "warned" : "rejected"
        paragraph(
          "\(load.source): \(Figures.count(reason.rows)) \(verb), \(reason.reason)\(column)",
          indent: 4)
      }
      for total in load.totals {
        let repeated = total.repeated.map { " + \(Figures.decimalText($0)) delivered before" }
        paragraph(
          "\(load.source): \(total.name) \(Figures.decimalText(total.accepted)) accepted + "
            + "\(Figures.decimalText(total.rejected)) rejected\(repeated ?? "") = "
            + Figures.decimalText(total.all), indent: 4)
      }
    }
  }

  private mutating func features() {
    guard let features = report.features else { return }
    title("Features")
    let tiles = features.tileRows.map { ", \(Figures.count($0)) tile rows" } ?? ""
    paragraph(
      "\(Figures.count(features.features)) features of \(Figures.count(features.customers)) "
        + "customers, \(features.mode)\(tiles), \(Figures.duration(features.seconds))")
  }

  private mutating func card(_ model: ModelFacts) {
    let zone = report.run.displayZone
    var notes = [model.isNew ? "trained in this run" : "trained earlier"]
    if model.isChampion { notes.append("champion") }
    title("Model \(printable(model.name)) v\(model.version)", notes.joined(separator: ", "))
    paragraph(
      "\(model.learner), learned from \(Figures.count(model.trainingRows)) rows "
        + "before \(Figures.time(model.trainedAsOf, in: zone)); measured on "
        + "\(Figures.count(model.testRows)) later rows")
    var measures: [String] = []
    func add(_ name: String, _ value: Double?, _ before: Double?) {
      guard let value else { return }
      let comparison = before.map {
        " (v\(model.previous?.version ?? 0): \(Figures.decimals($0, 3)))"
      }
      measures.append("\(name) \(Figures.decimals(value, 3))" + (comparison ?? ""))
    }
    add("AUC", model.auc, model.previous?.auc)
    add("log-loss", model.logLoss, model.previous?.logLoss)
    add("Brier", model.brier, nil)
    if let round = model.bestRound { measures.append("\(round + 1) rounds") }
    if let scored = model.scored { measures.append("\(Figures.count(scored)) customers scored") }
    if !measures.isEmpty { paragraph(measures.joined(separator: " · ")) }
    if !model.importance.isEmpty {
      let list = model.importance.prefix(6).map { "\($0.feature) \(Figures.percent($0.share))" }
      paragraph("leans on " + list.joined(separator: ", "))
    }
    guard !model.calibration.isEmpty else { return }
    var table = TextTable([
      Column(title: "Predicted", alignment: .right), Column(title: "Observed", alignment: .right),
      Column(title: "Rows", alignment: .right), Column(title: ""),
    ])
    for bin in model.calibration where bin.rows > 0 {
      let filled = Int((min(max(bin.observed, 0), 1) * 20).rounded())
      table.append([
        Cell(Figures.percent(bin.predicted)), Cell(Figures.percent(bin.observed)),
        Cell(Figures.count(bin.rows)),
        Cell(String(repeating: "█", count: filled), .cyan),
      ])
    }
    lines += table.lines(width: width, style: style)
  }

  private mutating func tasks() {
    guard !report.tasks.isEmpty else { return }
    title("Tasks")
    var table = TextTable([
      Column(title: "Task"), Column(title: "State"), Column(title: "Tries", alignment: .right),
      Column(title: "Time", alignment: .right), Column(title: "When", isOptional: true),
      Column(title: "What", isFlexible: true, isOptional: true),
    ])
    let span = Timeline(tasks: report.tasks, start: report.run.startedAt)
    for task in report.tasks {
      let tolerated = task.isTolerated && task.state.isFailure ? " (tolerated)" : ""
      table.append([
        Cell(task.name),
        Cell(task.state.title + tolerated, Paint(task.state)),
        Cell("\(task.attempts.count)"), Cell(task.seconds.map(Figures.duration) ?? "–"),
        Cell(span.bar(of: task, cells: 20), .cyan),
        Cell(task.summary ?? "", .dim),
      ])
    }
    lines += table.lines(width: width, style: style)
  }

  private mutating func nextSteps() {
    guard !report.nextSteps.isEmpty else { return }
    title("Look further")
    let longest = report.nextSteps.map { columns(printable($0.command)) }.max() ?? 0
    let fits = report.nextSteps.allSatisfy { step in
      4 + longest + columns(printable(step.purpose)) <= width
    }
    for step in report.nextSteps {
      let command = printable(step.command)
      let purpose = style(.dim, printable(step.purpose))
      if fits {
        let room = String(repeating: " ", count: longest - columns(command))
        lines.append("  \(style(.cyan, command))\(room)  \(purpose)")
      } else {
        lines.append("  " + style(.cyan, command))
        lines.append("    " + purpose)
      }
    }
  }
}
