import Schedules
import TestSupport
import Testing

@testable import Reporting

@Suite struct TimelineTests {
  private static let start = Instant(seconds: 1_773_108_000)

  private static func bar(
    _ from: Int64, _ to: Int64?, _ standing: Standing = .success
  ) -> RunTimeline.Bar {
    RunTimeline.Bar(
      from: start + .milliseconds(from), to: to.map { start + .milliseconds($0) },
      standing: standing)
  }

  private static func row(
    _ name: String, _ standing: Standing, ready: Int64? = nil, items: Int = 0,
    _ bars: RunTimeline.Bar...
  ) -> RunTimeline.Row {
    RunTimeline.Row(
      name: name, standing: standing, readyAt: ready.map { start + .milliseconds($0) },
      bars: bars, items: items)
  }

  /// A run with all there is: a retry, a failure, a skip, mapped items, a running and a waiting task.
  static let mixed = RunTimeline(
    start: start, finishedAt: nil, now: start + .seconds(60),
    rows: [
      row("extract", .success, ready: 0, bar(0, 12_000)),
      row(
        "load.orders", .success, ready: 12_000, bar(13_000, 20_000, .failed),
        bar(28_000, 36_000)),
      row(
        "load.customers_with_a_long_name_that_is_cut", .failed, ready: 12_000,
        bar(12_500, 14_000, .failed)),
      row("check", .skipped, ready: 36_000, bar(36_000, 36_010, .skipped)),
      row(
        "score", .running, ready: 36_000, items: 3, bar(36_500, 44_000), bar(38_000, 50_000),
        bar(44_000, nil, .running)),
      row("sensor", .deferred, ready: 0, bar(0, 200, .deferred), bar(30_000, 30_200, .deferred)),
      row("queued", .queued, ready: 50_000),
      row("stopped", .cancelled, ready: 12_000, bar(20_000, 40_000, .cancelled)),
      row("report", .waiting),
    ])

  @Test(arguments: [
    ("timeline.txt", Canvas(width: 100)), ("timeline-ascii.txt", Canvas(width: 72, ascii: true)),
    ("timeline-color.txt", Canvas(width: 80, color: true)),
  ])
  func chartIsTheGoldenOne(file: String, canvas: Canvas) throws {
    try expectGolden(Self.mixed.lines(canvas).joined(separator: "\n") + "\n", file)
  }

  @Test func asciiIsASCII() {
    for line in Self.mixed.lines(Canvas(width: 90, ascii: true)) {
      #expect(line.allSatisfy { $0.isASCII }, "\(line)")
    }
  }

  @Test func colourChangesNothingButColour() throws {
    let plain = Self.mixed.lines(Canvas(width: 90))
    let painted = try Self.mixed.lines(Canvas(width: 90, color: true)).map {
      withoutTrailingSpaces($0.replacing(try Regex("\u{1B}\\[[0-9]*m"), with: ""))
    }
    #expect(painted == plain)
  }

  @Test func aRunWithoutTasksHasNoChart() {
    let empty = RunTimeline(start: Self.start, finishedAt: nil, now: Self.start, rows: [])
    #expect(empty.lines(Canvas()).isEmpty)
  }

  @Test func whatWentWrongIsKeptWhereTasksAreMany() {
    let rows = (0..<1000).map { number in
      Self.row(
        "t\(number)", number == 700 ? .failed : .success, Self.bar(Int64(number), Int64(number) + 5)
      )
    }
    let lines = RunTimeline(
      start: Self.start, finishedAt: Self.start + .seconds(2), now: Self.start + .seconds(9),
      rows: rows
    ).lines(Canvas(width: 80), limit: 20)
    #expect(lines.count == 23)
    #expect(lines.contains { $0.hasPrefix("✗ t700") })
    #expect(lines.contains("  and 980 more tasks, which ended well"))
  }

  /// Whatever the times: every line fits, an attempt shows somewhere in its row, in order of time.
  @Test(arguments: 0..<100) func randomRunsFit(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    func draw(_ bound: Int64) -> Int64 { Int64.random(in: 0...bound, using: &random) }
    let span = [5, 1000, 86_400_000, 40_000_000_000][Int(draw(3))]
    let rows = (0..<Int(draw(8) + 1)).map { number in
      let bars = (0..<Int(draw(3))).map { _ in
        let from = draw(Int64(span))
        let standing = [Standing.success, .failed, .skipped, .running][Int(draw(3))]
        return Self.bar(from, standing == .running ? nil : from + draw(Int64(span)), standing)
      }
      return RunTimeline.Row(
        name: String(repeating: "n", count: Int(draw(40))), standing: .success,
        readyAt: draw(1) == 0 ? nil : Self.start + .milliseconds(draw(Int64(span))), bars: bars)
    }
    let width = Int(draw(160)) + 40
    let timeline = RunTimeline(
      start: Self.start, finishedAt: nil, now: Self.start + .milliseconds(draw(Int64(span) * 2)),
      rows: rows)
    let lines = timeline.lines(Canvas(width: width))
    #expect(lines.count == rows.count + 2)
    for (row, line) in zip(rows, lines.dropFirst()) {
      #expect(columns(line) <= width, "\(width): \(line)")
      let chart = line.dropFirst(
        min(max(rows.map(\.name.count).max() ?? 0, 4), max(8, width / 3)) + 4)
      #expect(row.bars.isEmpty != chart.contains { "█▒░✗▶".contains($0) }, "\(line)")
    }
  }
}

@Suite struct CalendarTests {
  private static func day(_ text: String) throws -> Day { try #require(Day(iso8601: text)) }

  private static func entry(_ run: Int64, _ day: Day, _ standing: Standing) -> RunCalendar.Entry {
    RunCalendar.Entry(run: run, interval: DataInterval(day: day, in: .utc), standing: standing)
  }

  private static func sample() throws -> RunCalendar {
    let first = try day("2026-01-28")
    var entries = (0..<40).filter { $0 != 7 && $0 != 20 }.map {
      entry(Int64($0 + 1), first + $0, $0 == 11 ? .failed : $0 == 12 ? .cancelled : .success)
    }
    entries.append(entry(50, first + 40, .running))
    entries.append(entry(51, first + 41, .queued))
    // The failed day was run again, with other parameters: the later run counts.
    entries.append(entry(60, first + 11, .success))
    return RunCalendar(
      entries, expected: (0..<42).map { DataInterval(day: first + $0, in: .utc) },
      until: try day("2026-03-15"), months: 3, in: .utc)
  }

  @Test(arguments: [
    ("calendar.txt", Canvas(width: 100)), ("calendar-ascii.txt", Canvas(width: 60, ascii: true)),
    ("calendar-color.txt", Canvas(width: 30, color: true)),
  ])
  func calendarIsTheGoldenOne(file: String, canvas: Canvas) throws {
    try expectGolden(Self.sample().lines(canvas).joined(separator: "\n") + "\n", file)
  }

  @Test func daysSayWhatStandsWorst() throws {
    let day = try Self.day("2026-03-09")
    let hours = try (0..<4).map {
      try DataInterval(
        start: Zone.utc.midnight(day) + .seconds(3600 * $0),
        end: Zone.utc.midnight(day) + .seconds(3600 * ($0 + 1)))
    }
    let entries = [
      RunCalendar.Entry(run: 1, interval: hours[0], standing: .success),
      RunCalendar.Entry(run: 2, interval: hours[1], standing: .running),
    ]
    let calendar = RunCalendar(entries, expected: hours, until: day, months: 1, in: .utc)
    #expect(
      calendar.days == [
        RunCalendar.DayRow(day: day, state: .missing, runs: [1, 2], missing: 2, leftOut: 0)
      ])
    let failed = RunCalendar(
      entries + [RunCalendar.Entry(run: 3, interval: hours[2], standing: .failed)],
      expected: hours, until: day, months: 1, in: .utc)
    #expect(failed.days.map(\.state) == [.failed])
  }

  @Test func whatCatchUpLeavesOutIsNotMissing() throws {
    let first = try Self.day("2026-03-02")
    let intervals = (0..<4).map { DataInterval(day: first + $0, in: .utc) }
    // The second was run by hand though the schedule leaves it out.
    let entries = [Self.entry(1, first + 1, .success), Self.entry(2, first + 2, .success)]
    let calendar = RunCalendar(
      entries, expected: intervals, leftOut: Set(intervals[..<2]), until: first, months: 1,
      in: .utc)
    #expect(calendar.days.map(\.state) == [.leftOut, .success, .success, .missing])
    #expect(calendar.days.map(\.leftOut) == [1, 0, 0, 0])
    #expect(calendar.days.map(\.missing) == [0, 0, 0, 1])
    let lines = calendar.lines(Canvas(width: 40, ascii: true))
    #expect(lines.contains { $0.contains("  2/  3+  4+  5?") }, "\(lines)")
    #expect(lines.last == "/ 1 left out   + 2 success   ? 1 missing")
  }

  /// The day of an interval is the local one, also on the days that clocks change.
  @Test func daysAreLocal() throws {
    let zone = try Zone("America/New_York")
    let first = try Self.day("2024-03-08")
    let entries = (0..<4).map {
      RunCalendar.Entry(
        run: Int64($0), interval: DataInterval(day: first + $0, in: zone), standing: .success)
    }
    let calendar = RunCalendar(entries, expected: [], until: first, months: 1, in: zone)
    #expect(calendar.days.map(\.day) == (0..<4).map { first + $0 })
  }

  @Test func monthsOutsideAreLeftOut() throws {
    let calendar = RunCalendar(
      [
        Self.entry(1, try Self.day("2025-12-31"), .failed),
        Self.entry(2, try Self.day("2026-02-01"), .failed),
      ],
      expected: [], until: try Self.day("2026-01-31"), months: 1, in: .utc)
    #expect(calendar.days.isEmpty)
    #expect(calendar.lines(Canvas()).last == "no runs")
  }

  /// Every day of every month of some years stands once, under its weekday.
  @Test func daysStandUnderTheirWeekdays() throws {
    for year in [2023, 2024, 2100] {
      for month in 1...12 {
        let first = try #require(Day(year: year, month: month, day: 1))
        let calendar = RunCalendar([], expected: [], until: first, months: 1, in: .utc)
        let weeks = calendar.lines(Canvas(width: 40)).dropFirst(2).prefix { !$0.isEmpty }
        var seen = 0
        for week in weeks {
          let padded = Array(week + String(repeating: " ", count: 28 - week.count))
          for column in 0..<7 {
            let text = String(padded[(column * 4)..<(column * 4 + 3)]).drop { $0 == " " }
            guard !text.isEmpty else { continue }
            seen += 1
            #expect(Int(text) == seen)
            #expect((first + (seen - 1)).weekday == (column + 1) % 7)
          }
        }
        #expect(seen == Day.length(ofMonth: month, year: year))
      }
    }
  }
}
