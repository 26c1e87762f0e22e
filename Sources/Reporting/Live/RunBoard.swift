import Schedules

/// What is known of a run while it goes on, and how a terminal shows it: a value without a clock.
///
/// Items of a mapped task (`score[3]`) are folded into the line of their task. The picture never
/// has more lines than it is given, however many tasks there are: what runs, waits for a retry or
/// failed comes first, and the rest is counted.
public struct RunBoard: Sendable {
  /// A task, or one item of a mapped task.
  public struct Entry: Sendable, Hashable {
    /// Where it stands.
    public var standing = Standing.waiting
    /// When its latest attempt began; nil before the first.
    public var startedAt: Instant?
    /// When it ended; nil before.
    public var endedAt: Instant?
    /// When it is tried again, or looks again; nil unless it waits for that.
    public var dueAt: Instant?
    /// Attempts started so far.
    public var attempts = 0
    /// Units done, units in all where known, and what is counted; nil before the first report.
    public var progress: Progress?
    /// What it is at, or why it failed; empty for nothing to say.
    public var note = ""

    /// A task before its first attempt.
    public init() {}
  }

  /// How far an attempt has come.
  public struct Progress: Sendable, Hashable {
    /// Units done.
    public var done: Int64
    /// Units in all; nil if unknown.
    public var total: Int64?
    /// What is counted.
    public var unit: String

    /// `done` of `total` units.
    public init(done: Int64, total: Int64?, unit: String) {
      self.done = done
      self.total = total
      self.unit = unit
    }
  }

  /// One line: a task, with its items where it is mapped.
  struct Line: Sendable {
    let id: String
    /// The names of the groups around it, outer first.
    let groups: [String]
    var entry = Entry()
    var items: [Int: Entry] = [:]
    /// Counted as they change, so that a picture need not look at every item.
    var itemCounts: [Standing: Int] = [:]
  }

  private let title: String
  private(set) var lines: [Line] = []
  private var numbers: [String: Int] = [:]
  private var counts: [Standing: Int] = [:]

  /// A board of the tasks of a definition, in order; groups (`load.x`) are indented.
  public init(title: String, tasks: [String]) {
    self.title = title
    for task in tasks { _ = number(of: task) }
  }

  private mutating func number(of id: String) -> Int {
    if let number = numbers[id] { return number }
    lines.append(Line(id: id, groups: id.split(separator: ".").dropLast().map(String.init)))
    numbers[id] = lines.count - 1
    counts[.waiting, default: 0] += 1
    return lines.count - 1
  }

  /// Changes a task, or an item by its id `task[3]`; a task that is not there yet is added.
  ///
  /// - Returns: whether it came to stand otherwise.
  @discardableResult
  public mutating func update(_ id: String, _ change: (inout Entry) -> Void) -> Bool {
    if let bracket = id.lastIndex(of: "["), id.last == "]",
      let item = Int(id[id.index(after: bracket)...].dropLast())
    {
      let number = number(of: String(id[..<bracket]))
      let before = lines[number].items[item]?.standing
      change(&lines[number].items[item, default: Entry()])
      guard let now = lines[number].items[item]?.standing, now != before else { return false }
      if let before { lines[number].itemCounts[before, default: 0] -= 1 }
      lines[number].itemCounts[now, default: 0] += 1
      return true
    }
    let number = number(of: id)
    let before = lines[number].entry.standing
    change(&lines[number].entry)
    let now = lines[number].entry.standing
    guard now != before else { return false }
    counts[before, default: 0] -= 1
    counts[now, default: 0] += 1
    return true
  }

  /// How many tasks stand so; items are not counted.
  public func count(_ standing: Standing) -> Int { counts[standing, default: 0] }

  /// How a task, or an item, stands; nil where there is none of that id.
  public func entry(_ id: String) -> Entry? {
    if let number = numbers[id] { return lines[number].entry }
    guard let bracket = id.lastIndex(of: "["), let number = numbers[String(id[..<bracket])],
      let item = Int(id[id.index(after: bracket)...].dropLast())
    else { return nil }
    return lines[number].items[item]
  }

  // MARK: Picture

  /// The picture in at most `height` lines (at least 3): the tasks, and a line that sums up.
  public func picture(_ canvas: Canvas, height: Int, started: Instant, now: Instant) -> [String] {
    let room = max(3, height) - 1
    let nameWidth = nameWidth(canvas)
    var text: [String] = []
    if lines.count <= room { text = tree(canvas, nameWidth, now) }
    if text.isEmpty || text.count > room {
      let shown = lines.count <= room ? Array(lines.indices) : chosen(room - 1)
      text = shown.map { self.text(lines[$0], lines[$0].id, canvas, nameWidth, now) }
      if shown.count < lines.count {
        text.append(canvas.style(.dim, canvas.fit(rest(besides: shown), canvas.width)))
      }
    }
    text.append(canvas.style(.bold, canvas.fit(summary(started: started, now: now), canvas.width)))
    return text
  }

  /// Every task below the name of its group.
  private func tree(_ canvas: Canvas, _ nameWidth: Int, _ now: Instant) -> [String] {
    var text: [String] = []
    var before: [String] = []
    for line in lines {
      let shared = zip(before, line.groups).prefix { $0 == $1 }.count
      for depth in shared..<line.groups.count {
        let indent = String(repeating: "  ", count: depth + 1)
        text.append(canvas.style(.dim, canvas.fit(indent + line.groups[depth], canvas.width)))
      }
      before = line.groups
      let label = line.id.split(separator: ".").last.map(String.init) ?? line.id
      let indent = String(repeating: "  ", count: line.groups.count)
      text.append(
        self.text(line, line.groups.isEmpty ? line.id : indent + label, canvas, nameWidth, now))
    }
    return text
  }

  private func nameWidth(_ canvas: Canvas) -> Int {
    let widest = lines.prefix(2000).reduce(0) { max($0, columns($1.id)) }
    return min(max(widest, 12), max(12, canvas.width / 3))
  }

  /// The lines that matter most, in the order of the definition.
  private func chosen(_ room: Int) -> [Int] {
    var ranked: [[Int]] = [[], [], [], [], []]
    for (number, line) in lines.enumerated() {
      switch line.entry.standing {
      case .running: ranked[0].append(number)
      case .retrying, .failed: ranked[1].append(number)
      case .deferred, .queued, .upstreamFailed, .cancelled: ranked[2].append(number)
      case .waiting, .missing, .leftOut: ranked[3].append(number)
      case .success, .skipped: ranked[4].append(number)
      }
    }
    return Array(ranked.joined().prefix(room)).sorted()
  }

  private func rest(besides shown: [Int]) -> String {
    var left = counts
    for number in shown { left[lines[number].entry.standing, default: 0] -= 1 }
    let words = Standing.allCases.compactMap { standing in
      left[standing, default: 0] > 0
        ? "\(Figures.count(left[standing, default: 0])) \(standing.title)" : nil
    }
    return "and " + words.joined(separator: ", ")
  }

  private func summary(started: Instant, now: Instant) -> String {
    let ended = Standing.allCases.reduce(0) { $0 + ($1.isFinal ? count($1) : 0) }
    var parts = [title, "\(Figures.count(ended)) of \(Figures.count(lines.count)) tasks"]
    for standing in [Standing.running, .retrying, .deferred, .failed, .upstreamFailed, .cancelled]
    where count(standing) > 0 {
      parts.append("\(Figures.count(count(standing))) \(standing.title)")
    }
    let spent = max(0, elapsed(from: started, to: now))
    parts.append(Figures.duration(spent))
    // A guess from the tasks alone needs enough of them, and of the same kind of work at that.
    if ended >= 20, ended < lines.count {
      let left = spent * Double(lines.count - ended) / Double(ended)
      parts.append("about \(Figures.duration(left)) left")
    }
    return parts.joined(separator: "  ")
  }

  private func text(
    _ line: Line, _ name: String, _ canvas: Canvas, _ nameWidth: Int, _ now: Instant
  ) -> String {
    let standing = line.entry.standing
    let mark = canvas.style(standing.paint, standing.mark(ascii: canvas.ascii))
    let name = canvas.padded(name, nameWidth)
    let room = canvas.width - nameWidth - 4
    guard room > 0 else { return "\(mark) \(name)" }
    return withoutTrailingSpaces("\(mark) \(name)  \(canvas.fit(words(line, canvas, now), room))")
  }

  /// A task in one line without its mark: for logs, where nothing is painted over.
  public func plainLine(_ id: String, now: Instant) -> String {
    let name = id.lastIndex(of: "[").map { String(id[..<$0]) } ?? id
    guard let number = numbers[id] ?? numbers[name] else { return printable(id) }
    let canvas = Canvas(width: 200)
    var line = lines[number]
    if numbers[id] == nil, let entry = entry(id) {
      line.entry = entry
      line.items = [:]
      line.itemCounts = [:]
    }
    let padding = String(repeating: " ", count: max(0, 14 - columns(id)))
    return line.entry.standing.mark(ascii: false) + " " + printable(id) + padding + "  "
      + canvas.fit(words(line, canvas, now), 160)
  }

  private func words(_ line: Line, _ canvas: Canvas, _ now: Instant) -> String {
    let entry = line.entry
    var parts: [String] = []
    if entry.standing != .running { parts.append(entry.standing.title) }
    if !line.items.isEmpty { parts.append(items(line)) }
    if let started = entry.startedAt {
      let spent = max(0, elapsed(from: started, to: entry.endedAt ?? now))
      if entry.standing == .running, line.items.isEmpty, let progress = entry.progress {
        parts += rate(progress, spent, canvas)
      }
      if entry.standing != .waiting, entry.standing != .queued {
        parts.append(Figures.duration(spent))
      }
    }
    if let due = entry.dueAt, !entry.standing.isFinal, entry.standing != .running {
      let wait = elapsed(from: now, to: due)
      parts.append(wait > 0 ? "again in \(Figures.duration(wait))" : "due")
    }
    if entry.attempts > 1 { parts.append("try \(entry.attempts)") }
    if !entry.note.isEmpty { parts.append(entry.note) }
    return parts.joined(separator: "  ")
  }

  private func items(_ line: Line) -> String {
    var parts: [String] = []
    let done = Standing.allCases.reduce(0) {
      $0 + ($1.isFinal ? line.itemCounts[$1, default: 0] : 0)
    }
    parts.append("\(Figures.count(done)) of \(Figures.count(line.items.count)) items")
    for standing in [Standing.running, .retrying, .failed, .skipped, .cancelled] {
      let count = line.itemCounts[standing, default: 0]
      if count > 0 { parts.append("\(Figures.count(count)) \(standing.title)") }
    }
    return parts.joined(separator: ", ")
  }

  private func rate(_ progress: Progress, _ spent: Double, _ canvas: Canvas) -> [String] {
    var parts: [String] = []
    if let total = progress.total, total > 0 {
      let share = min(1, Double(progress.done) / Double(total))
      let filled = Int(share * 20)
      parts.append(
        String(repeating: canvas.ascii ? "#" : "█", count: filled)
          + String(repeating: canvas.ascii ? "." : "░", count: 20 - filled)
          + " \(Figures.percent(share))")
    }
    let perSecond = Double(progress.done) / max(spent, 0.001)
    parts.append("\(Figures.count(Int(clamping: progress.done))) \(printable(progress.unit))")
    if progress.done > 0, spent >= 0.5 {
      parts.append("\(Figures.count(Int(min(perSecond, 1e15))))/s")
      if let total = progress.total, total > progress.done {
        parts.append("\(Figures.duration(Double(total - progress.done) / perSecond)) left")
      }
    }
    return parts
  }
}
