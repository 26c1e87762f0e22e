import Schedules

/// The attempts of a run over time, one row per task: a Gantt chart for a terminal.
public struct RunTimeline: Sendable {
  /// An attempt.
  public struct Bar: Sendable, Hashable {
    /// When it started.
    public var from: Instant
    /// When it ended; nil while it runs.
    public var to: Instant?
    /// How it ended, or `running`.
    public var standing: Standing

    /// An attempt from an instant to another.
    public init(from: Instant, to: Instant?, standing: Standing) {
      self.from = from
      self.to = to
      self.standing = standing
    }
  }

  /// A task with its attempts.
  public struct Row: Sendable, Hashable {
    /// Id of the task.
    public var name: String
    /// Where it stands.
    public var standing: Standing
    /// When it could have started: its upstream tasks had ended; nil where that is unknown.
    public var readyAt: Instant?
    /// Its attempts, in any order; of a mapped task those of all items.
    public var bars: [Bar]
    /// Items of a mapped task; 0 for another.
    public var items: Int

    /// A task with its attempts.
    public init(
      name: String, standing: Standing, readyAt: Instant? = nil, bars: [Bar] = [], items: Int = 0
    ) {
      self.name = name
      self.standing = standing
      self.readyAt = readyAt
      self.bars = bars
      self.items = items
    }
  }

  let start: Instant
  let end: Instant
  let now: Instant
  let rows: [Row]

  /// The timeline of a run.
  ///
  /// - Parameters:
  ///   - start: when the run began; what came before is not shown.
  ///   - finishedAt: when it ended; nil while it is under way.
  ///   - now: where bars of running attempts end.
  public init(start: Instant, finishedAt: Instant?, now: Instant, rows: [Row]) {
    let bars = rows.flatMap(\.bars)
    self.start = min(start, bars.map(\.from).min() ?? start)
    self.now = now
    self.rows = rows
    let last = bars.map { $0.to ?? now }.max() ?? start
    end = max(self.start + .milliseconds(1), finishedAt.map { max($0, last) } ?? max(now, last))
  }

  /// The chart; no line where the run has no task.
  ///
  /// - Parameter limit: the most rows; tasks that did not end well are kept before others.
  public func lines(_ canvas: Canvas, limit: Int = 60) -> [String] {
    guard !rows.isEmpty else { return [] }
    let shown = selected(limit)
    let widest = shown.map { columns(label($0)) }.max() ?? 0
    let nameWidth = min(max(widest, 4), max(8, canvas.width / 3))
    let chart = max(10, canvas.width - nameWidth - 6 - Self.tookWidth)
    var lines = [axis(chart, indent: nameWidth + 4)]
    for row in shown {
      let mark = canvas.style(row.standing.paint, row.standing.mark(ascii: canvas.ascii))
      lines.append(
        "\(mark) \(canvas.padded(label(row), nameWidth))  \(cells(row, chart, canvas))"
          + "  \(String(repeating: " ", count: max(0, Self.tookWidth - took(row).count)))\(took(row))"
      )
    }
    let hidden = rows.count - shown.count
    if hidden > 0 { lines.append("  and \(Figures.count(hidden)) more tasks, which ended well") }
    lines.append("  " + canvas.style(.dim, canvas.fit(legend(shown, canvas), canvas.width - 2)))
    return lines.map(withoutTrailingSpaces)
  }

  /// Columns of the longest duration: `59 min 59 s`.
  private static let tookWidth = 11

  private func label(_ row: Row) -> String {
    row.items > 0 ? "\(row.name) (\(Figures.count(row.items)) items)" : row.name
  }

  /// The rows that fit, in order: what ended well gives way.
  private func selected(_ limit: Int) -> [Row] {
    guard rows.count > limit else { return rows }
    var kept = Set(
      rows.indices.filter { rows[$0].standing != .success && rows[$0].standing != .skipped }
        .prefix(limit))
    for index in rows.indices where kept.count < limit { kept.insert(index) }
    return kept.sorted().map { rows[$0] }
  }

  // MARK: Cells

  /// The column of an instant.
  private func column(_ instant: Instant, _ width: Int) -> Int {
    let whole = Double((end - start).milliseconds)
    let part = Double((instant - start).milliseconds)
    return min(width - 1, max(0, Int(part / max(whole, 1e-3) * Double(width))))
  }

  private struct Cell {
    var text = " "
    var paint = Paint.plain
    /// What covers a cell where several would stand: the higher one.
    var rank = 0
  }

  private func cells(_ row: Row, _ width: Int, _ canvas: Canvas) -> String {
    var cells = Array(repeating: Cell(), count: width)
    func set(_ index: Int, _ text: String, _ paint: Paint, _ rank: Int) {
      guard rank >= cells[index].rank else { return }
      cells[index] = Cell(text: text, paint: paint, rank: rank)
    }
    func dots(_ from: Instant, _ to: Instant) {
      guard from < to else { return }
      for index in column(from, width)...column(to, width) {
        set(index, canvas.ascii ? "." : "·", .dim, 1)
      }
    }
    let bars = row.bars.sorted { ($0.from, $0.to ?? now) < ($1.from, $1.to ?? now) }
    if let ready = row.readyAt {
      if let first = bars.first {
        dots(ready, first.from)
      } else if !row.standing.isFinal, row.standing != .waiting {
        dots(ready, now)
      }
    }
    if row.items == 0 {
      for (bar, next) in zip(bars, bars.dropFirst()) { dots(bar.to ?? now, next.from) }
      if !row.standing.isFinal, row.standing != .running, let last = bars.last?.to {
        dots(last, now)
      }
    }
    for bar in bars { draw(bar, width, canvas, set) }
    var line = ""
    var index = 0
    // Neighbours of one colour share an escape sequence.
    while index < width {
      var run = ""
      let paint = cells[index].paint
      while index < width, cells[index].paint == paint {
        run += cells[index].text
        index += 1
      }
      line += canvas.style(paint, run)
    }
    return line
  }

  private func draw(
    _ bar: Bar, _ width: Int, _ canvas: Canvas,
    _ set: (Int, String, Paint, Int) -> Void
  ) {
    let from = column(bar.from, width)
    let to = max(from, column(bar.to ?? now, width))
    let body: String
    switch bar.standing {
    case .failed, .upstreamFailed, .cancelled: body = canvas.ascii ? "=" : "▒"
    case .skipped, .deferred: body = canvas.ascii ? "-" : "░"
    default: body = canvas.ascii ? "#" : "█"
    }
    let isBad = bar.standing == .failed || bar.standing == .upstreamFailed
    for index in from...to { set(index, body, bar.standing.paint, isBad ? 3 : 2) }
    switch bar.standing {
    case .failed, .upstreamFailed, .cancelled:
      set(to, bar.standing.mark(ascii: canvas.ascii), bar.standing.paint, 4)
    case .running: set(to, canvas.ascii ? ">" : "▶", .cyan, 3)
    default: break
    }
  }

  private func took(_ row: Row) -> String {
    guard let first = row.bars.map(\.from).min() else { return "-" }
    let last = row.bars.map { $0.to ?? now }.max() ?? first
    let seconds = elapsed(from: first, to: max(first, last))
    return seconds < 360_000 ? Figures.duration(seconds) : Self.tick(seconds)
  }

  // MARK: Axis

  /// Steps that people count time in, in seconds.
  private static let steps: [Double] = [
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600,
    1200, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800,
  ]

  private func axis(_ width: Int, indent: Int) -> String {
    let seconds = elapsed(from: start, to: end)
    let step =
      Self.steps.first { $0 / seconds * Double(width) >= 12 } ?? seconds
    var line = String(repeating: " ", count: indent)
    var tick = 0.0
    while tick <= seconds {
      let column = Int(tick / seconds * Double(width))
      let text = "|" + (tick == 0 ? "0" : Self.tick(tick))
      if column + text.count > width + 12 { break }
      let gap = indent + column - line.count
      if gap >= 0 { line += String(repeating: " ", count: gap) + text }
      tick += step
    }
    return line
  }

  private static func tick(_ seconds: Double) -> String {
    if seconds < 1 { return "\(Figures.trimmed(seconds * 1000, decimals: 0)) ms" }
    if seconds < 60 { return "\(Figures.trimmed(seconds, decimals: 1)) s" }
    if seconds < 3600 { return "\(Figures.trimmed(seconds / 60, decimals: 1)) min" }
    if seconds < 86_400 { return "\(Figures.trimmed(seconds / 3600, decimals: 1)) h" }
    return "\(Figures.trimmed(seconds / 86_400, decimals: 1)) d"
  }

  private func legend(_ rows: [Row], _ canvas: Canvas) -> String {
    let ascii = canvas.ascii
    let bars = Set(rows.flatMap(\.bars).map(\.standing))
    var parts = ["\(ascii ? "#" : "█") attempt"]
    if bars.contains(.failed) { parts.append(ascii ? "=x failed" : "▒✗ failed") }
    if bars.contains(.cancelled) { parts.append(ascii ? "=c cancelled" : "▒⊘ cancelled") }
    if bars.contains(.skipped) || bars.contains(.deferred) {
      parts.append("\(ascii ? "-" : "░") skipped or deferred")
    }
    if bars.contains(.running) { parts.append("\(ascii ? ">" : "▶") running") }
    parts.append("\(ascii ? "." : "·") waiting")
    return parts.joined(separator: "   ")
  }
}

extension Duration {
  /// Milliseconds with their fraction.
  fileprivate var milliseconds: Double {
    Double(components.seconds) * 1000 + Double(components.attoseconds) / 1e15
  }
}
