import Schedules

/// How the runs of a DAG stand by the day that their data begin on.
public struct RunCalendar: Sendable {
  /// A run over an interval.
  public struct Entry: Sendable, Hashable {
    /// Number of the run.
    public var run: Int64
    /// The data it covers.
    public var interval: DataInterval
    /// Where it stands.
    public var standing: Standing

    /// A run over an interval.
    public init(run: Int64, interval: DataInterval, standing: Standing) {
      self.run = run
      self.interval = interval
      self.standing = standing
    }
  }

  /// One day with runs, or with intervals that lack theirs.
  public struct DayRow: Codable, Sendable, Hashable {
    /// The local day that the intervals begin on.
    public let day: Day
    /// The worst of its intervals: failed, missing, running, queued, cancelled, success, left out.
    public let state: Standing
    /// The runs, one for each interval: the latest one.
    public let runs: [Int64]
    /// Intervals of the schedule that lack their run.
    public let missing: Int
    /// Intervals of the schedule that its catch-up leaves without a run.
    public let leftOut: Int
  }

  /// The days with something on them, in order.
  public let days: [DayRow]
  let months: [Day]

  /// The calendar of some months.
  ///
  /// - Parameters:
  ///   - entries: runs; of several over one interval the one with the highest number counts.
  ///   - expected: the intervals that the schedule has made due by now.
  ///   - leftOut: those of them that its catch-up makes no runs of.
  ///   - last: a day of the last month.
  ///   - months: how many, at least 1.
  ///   - zone: whose days they are.
  public init(
    _ entries: [Entry], expected: [DataInterval], leftOut: Set<DataInterval> = [],
    until last: Day, months count: Int, in zone: Zone
  ) {
    let first = last - (last.components.day - 1)
    months = (0..<max(1, count)).reversed().map { first.adding(months: -$0) }
    let begin = months.first ?? first
    let end = first.adding(months: 1)
    var latest: [DataInterval: Entry] = [:]
    for entry in entries where entry.run > latest[entry.interval]?.run ?? .min {
      latest[entry.interval] = entry
    }
    var found: [Day: [Entry]] = [:]
    for entry in latest.values {
      found[zone.day(of: entry.interval.start), default: []].append(entry)
    }
    var (missing, omitted): ([Day: Int], [Day: Int]) = ([:], [:])
    for interval in Set(expected) where latest[interval] == nil {
      let day = zone.day(of: interval.start)
      if leftOut.contains(interval) {
        omitted[day, default: 0] += 1
      } else {
        missing[day, default: 0] += 1
      }
    }
    let known = Set(found.keys).union(missing.keys).union(omitted.keys)
    days = known.filter { $0 >= begin && $0 < end }.sorted().map {
      let entries = found[$0, default: []]
      let standings =
        entries.map(\.standing) + (missing[$0] == nil ? [] : [.missing])
        + (omitted[$0] == nil ? [] : [.leftOut])
      return DayRow(
        day: $0, state: Self.worst.first { standings.contains($0) } ?? .success,
        runs: entries.map(\.run).sorted(), missing: missing[$0, default: 0],
        leftOut: omitted[$0, default: 0])
    }
  }

  private static let worst: [Standing] = [
    .failed, .missing, .running, .queued, .cancelled, .success, .leftOut,
  ]

  // MARK: Text

  private static let names = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
  ]
  private static let monthWidth = 28

  /// The months beside each other as far as they fit, with a legend.
  public func lines(_ canvas: Canvas) -> [String] {
    let perRow = max(1, (canvas.width + 3) / (Self.monthWidth + 3))
    let rows = Dictionary(days.map { ($0.day, $0) }, uniquingKeysWith: { $1 })
    var lines: [String] = []
    for start in stride(from: 0, to: months.count, by: perRow) {
      let blocks = months[start..<min(start + perRow, months.count)].map {
        block($0, rows, canvas)
      }
      if !lines.isEmpty { lines.append("") }
      for line in 0..<(blocks.map(\.count).max() ?? 0) {
        let empty = String(repeating: " ", count: Self.monthWidth)
        lines.append(
          withoutTrailingSpaces(
            blocks.map { $0.count > line ? $0[line] : empty }.joined(separator: "   ")))
      }
    }
    return lines + ["", legend(canvas)]
  }

  private func block(_ month: Day, _ rows: [Day: DayRow], _ canvas: Canvas) -> [String] {
    let (year, number, _) = month.components
    let title = "\(Self.names[number - 1]) \(year)"
    let indent = (Self.monthWidth - title.count) / 2
    let head = String(repeating: " ", count: indent) + title
    var lines = [
      canvas.style(.bold, head) + String(repeating: " ", count: Self.monthWidth - head.count),
      canvas.style(.dim, ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"].map { " \($0) " }.joined()),
    ]
    // Weeks begin on Monday; `weekday` is 0 for Sunday.
    var line = String(repeating: "    ", count: (month.weekday + 6) % 7)
    var column = (month.weekday + 6) % 7
    for index in 0..<Day.length(ofMonth: number, year: year) {
      let text = index + 1 < 10 ? "  \(index + 1)" : " \(index + 1)"
      if let row = rows[month + index] {
        line += canvas.style(row.state.paint, text + row.state.mark(ascii: canvas.ascii))
      } else {
        line += canvas.style(.dim, text + " ")
      }
      column += 1
      if column == 7 {
        lines.append(line)
        line = ""
        column = 0
      }
    }
    if column > 0 { lines.append(line + String(repeating: "    ", count: 7 - column)) }
    return lines
  }

  private func legend(_ canvas: Canvas) -> String {
    let counted = Self.worst.reversed().compactMap { standing -> String? in
      let count = days.count { $0.state == standing }
      guard count > 0 else { return nil }
      let mark = canvas.style(standing.paint, standing.mark(ascii: canvas.ascii))
      return "\(mark) \(Figures.count(count)) \(standing.title)"
    }
    return counted.isEmpty ? "no runs" : counted.joined(separator: "   ")
  }
}
