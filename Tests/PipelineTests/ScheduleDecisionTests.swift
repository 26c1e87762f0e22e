import Schedules
import TestSupport
import Testing

@testable import Pipeline

@Suite struct ScheduleDecisionTests {
  static let daily = Timetable.cron(cron("0 2 * * *"), .utc)
  static let hourly = Timetable.cron(cron("0 * * * *"), .utc)

  static func cron(_ expression: String) -> Cron {
    guard let cron = try? Cron(expression) else { fatalError("no cron expression: \(expression)") }
    return cron
  }

  /// An hour of May 2024, as `day.hour` or `day.hour:minute`.
  static func at(_ text: String) -> Instant {
    let parts = text.split { ".:".contains($0) }.compactMap { Int64($0) }
    let minutes = parts.count > 2 ? parts[2] : 0
    return Instant(
      seconds: 1_714_521_600 + (parts[0] - 1) * 86_400 + parts[1] * 3600 + minutes * 60)
  }

  static func interval(_ text: String) throws -> DataInterval {
    let ends = text.split(separator: "-").map { at(String($0)) }
    return try DataInterval(start: ends[0], end: ends[1])
  }

  /// One row of the table: what is known, and which firings are due.
  struct Row: Sendable, CustomStringConvertible {
    var name: String
    var timetable = ScheduleDecisionTests.daily
    var catchUp: CatchUp
    var starts: String?
    var last: String?
    var active: String
    var now: String
    var limit = 100
    var due: [String] = []
    var next: String?
    var isLimited = false
    var description: String { name }
  }

  @Test(arguments: [
    // Nothing has fired since it became active.
    Row(name: "none, enabled between", catchUp: .none, active: "5.1", now: "5.1", next: "5.2"),
    Row(
      name: "none, on time", catchUp: .none, active: "4.9", now: "5.2", due: ["5.2"], next: "6.2"),
    Row(
      name: "none, noticed late: the latest is not lost", catchUp: .none, active: "1.0",
      now: "5.9", due: ["5.2"], next: "6.2"),
    Row(
      name: "none, made already", catchUp: .none, last: "4.0-5.0", active: "1.0", now: "5.9",
      next: "6.2"),
    Row(
      name: "none, resumed after a pause", catchUp: .none, last: "1.0-2.0", active: "5.9",
      now: "5.10", next: "6.2"),
    Row(
      name: "none, before its start", catchUp: .none, starts: "5.0", active: "1.0", now: "5.9",
      next: "6.2"),
    Row(
      name: "latest, enabled now", catchUp: .latest, active: "5.9", now: "5.9", due: ["5.2"],
      next: "6.2"),
    Row(
      name: "latest, resumed", catchUp: .latest, last: "1.0-2.0", active: "5.9", now: "5.9",
      due: ["5.2"], next: "6.2"),
    Row(
      name: "latest, made already", catchUp: .latest, last: "4.0-5.0", active: "5.9", now: "5.9",
      next: "6.2"),
    Row(
      name: "latest, before its start", catchUp: .latest, starts: "5.0", active: "5.9",
      now: "5.9", next: "6.2"),
    Row(
      name: "latest, starts in the future", catchUp: .latest, starts: "20.0", active: "5.9",
      now: "5.9", next: "21.2"),
    Row(
      name: "all since its start", catchUp: .all, starts: "2.0", active: "5.9", now: "5.9",
      due: ["3.2", "4.2", "5.2"], next: "6.2"),
    Row(
      name: "all since the last run", catchUp: .all, starts: "1.0", last: "2.0-3.0",
      active: "5.9", now: "5.9", due: ["4.2", "5.2"], next: "6.2"),
    Row(
      name: "all, with neither: since it became active", catchUp: .all, active: "4.0", now: "5.9",
      due: ["4.2", "5.2"], next: "6.2"),
    Row(
      name: "all, a start moved past the last run", catchUp: .all, starts: "4.0", last: "1.0-2.0",
      active: "1.0", now: "5.9", due: ["5.2"], next: "6.2"),
    Row(
      name: "all, at most two at once", catchUp: .all, starts: "1.0", active: "5.9", now: "5.9",
      limit: 2, due: ["2.2", "3.2"], next: "6.2", isLimited: true),
    Row(
      name: "all, exactly the limit", catchUp: .all, starts: "3.0", active: "5.9", now: "5.9",
      limit: 2, due: ["4.2", "5.2"], next: "6.2"),
    Row(
      name: "finer, all", timetable: hourly, catchUp: .all, last: "5.5-5.6", active: "5.0",
      now: "5.8:30", due: ["5.7", "5.8"], next: "5.9"),
    Row(
      name: "finer, its first data begin at the start", timetable: hourly, catchUp: .all,
      starts: "5.0", active: "1.0", now: "5.2", due: ["5.1", "5.2"], next: "5.3"),
    // The schedule was daily and is now hourly: what the last run covered is not made again.
    Row(
      name: "another schedule since", timetable: hourly, catchUp: .all, last: "4.0-5.0",
      active: "1.0", now: "5.2:30", due: ["5.1", "5.2"], next: "5.3"),
    Row(
      name: "events that are over", timetable: .events([at("2.0"), at("3.0")]), catchUp: .all,
      last: "1.0-2.0", active: "1.0", now: "5.0", due: ["3.0"]),
  ])
  func table(row: Row) throws {
    let decision = ScheduleDecision.due(
      row.timetable, catchUp: row.catchUp, starts: row.starts.map(Self.at),
      lastInterval: try row.last.map(Self.interval), activeSince: Self.at(row.active),
      now: Self.at(row.now), limit: row.limit)
    #expect(decision.runs.map(\.fireAt) == row.due.map(Self.at))
    #expect(decision.nextFire == row.next.map(Self.at))
    #expect(decision.isLimited == row.isLimited)
    for run in decision.runs {
      #expect(row.timetable.interval(firingAt: run.fireAt) == run.interval)
    }
  }

  /// What a calendar shows: `x` made, `?` missing, `/` left out, day by day from the first of May.
  @Test(
    "what catch-up does not make up for is left out, not missing",
    arguments: [
      // Enabled on the fourth; a look has made what was due then.
      (.none, nil, "4.9", nil, nil, "5.9", "///?"),
      (.none, nil, "4.9", "4.0-5.0", nil, "5.9", "///x"),
      // Resumed on the fifth: the days of the pause are gone for good, or the last one is owed.
      (.none, nil, "5.9", "1.0-2.0", nil, "5.10", "x///"),
      (.latest, nil, "5.9", "1.0-2.0", nil, "5.10", "x//?"),
      (.all, nil, "5.9", "1.0-2.0", nil, "5.10", "x???"),
      (.all, "3.0", "5.9", nil, nil, "5.10", "//??"),
      (.none, "1.0", "1.0", "3.0-4.0", nil, "5.9", "//x?"),
      // Paused on the third.
      (.none, nil, "1.0", "1.0-2.0", "3.0", "5.9", "x///"),
      (.latest, nil, "1.0", "1.0-2.0", "3.0", "5.9", "x//?"),
    ] as [(CatchUp, String?, String, String?, String?, String, String)])
  func leftOut(
    catchUp: CatchUp, starts: String?, active: String, last: String?, paused: String?, now: String,
    expected: String
  ) throws {
    let days = try (1...4).map { try Self.interval("\($0).0-\($0 + 1).0") }
    let made = try last.map(Self.interval)
    let leftOut = ScheduleDecision.leftOut(
      of: days, Self.daily, catchUp: catchUp, starts: starts.map(Self.at), lastInterval: made,
      activeSince: Self.at(active), pausedAt: paused.map(Self.at), now: Self.at(now))
    let signs = days.map { $0 == made ? "x" : leftOut.contains($0) ? "/" : "?" }
    #expect(signs.joined() == expected)
  }

  @Test("what is neither made nor left out is what the next look makes")
  func nothingIsLostBetweenTheTwo() throws {
    for seed in 1...60 {
      var random = SplitMix64(seed: UInt64(seed))
      let timetable = [Self.daily, .cron(Self.cron("*/50 3-5 * * mon-fri"), .utc)][seed % 2]
      let catchUp = [CatchUp.none, .latest, .all][seed % 3]
      let starts = seed % 4 == 0 ? Self.at("6.0") : nil
      var (now, active) = (Self.at("2.5"), Self.at("2.5"))
      var made: [DataInterval] = []
      func look() -> [DataInterval] {
        ScheduleDecision.due(
          timetable, catchUp: catchUp, starts: starts, lastInterval: made.last,
          activeSince: active, now: now, limit: .max
        ).runs.map(\.interval)
      }
      for _ in 0..<12 {
        now = now + .seconds(Int(random.next() % 200_000))
        // Now and then it was paused in between.
        if random.next() % 4 == 0 { active = now }
        let past = Self.past(timetable, from: Self.at("1.0"), to: now)
        let leftOut = ScheduleDecision.leftOut(
          of: past, timetable, catchUp: catchUp, starts: starts, lastInterval: made.last,
          activeSince: active, now: now)
        let next = look()
        #expect(leftOut.isDisjoint(with: next), "seed \(seed)")
        #expect(
          Set(past).subtracting(leftOut).subtracting(made) == Set(next), "seed \(seed) at \(now)")
        made += next
      }
      #expect(!made.isEmpty)
    }
  }

  /// The intervals of all firings of a span, by walking over them.
  private static func past(
    _ timetable: Timetable, from: Instant, to: Instant
  ) -> [DataInterval] {
    var intervals: [DataInterval] = []
    var firing = timetable.next(after: from)
    while let at = firing, at <= to {
      if let interval = timetable.interval(firingAt: at) { intervals.append(interval) }
      firing = timetable.next(after: at)
    }
    return intervals
  }

  @Test("however a scheduler comes and goes, all makes each interval once and in order")
  func allMakesEachOnce() throws {
    var random = SplitMix64(seed: 5)
    for timetable in [Self.daily, Self.hourly, .cron(Self.cron("*/7 3-5 * * mon-fri"), .utc)] {
      var last: DataInterval?
      var made: [DueRun] = []
      var now = Self.at("1.0")
      while now < Self.at("20.0") {
        let decision = ScheduleDecision.due(
          timetable, catchUp: .all, starts: Self.at("1.0"), lastInterval: last,
          activeSince: Self.at("1.0"), now: now, limit: 3)
        made += decision.runs
        last = decision.runs.last?.interval ?? last
        if !decision.isLimited { now = now + .seconds(Int(random.next() % 200_000)) }
      }
      #expect(made.first?.interval.start ?? now >= Self.at("1.0"))
      for (run, next) in zip(made, made.dropFirst()) {
        #expect(run.interval.end == next.interval.start)
      }
      var expected = 0
      var firing = timetable.firstFiring(coveringFrom: Self.at("1.0"))
      while let fireAt = firing, fireAt <= made.last?.fireAt ?? now {
        expected += 1
        firing = timetable.next(after: fireAt)
      }
      #expect(made.count == expected && expected > 10)
    }
  }

  @Test("what none and latest make is always among what all makes, and at most one")
  func policiesNest() throws {
    var random = SplitMix64(seed: 6)
    for _ in 0..<300 {
      let now = Self.at("10.0") + .seconds(Int(random.next() % 400_000))
      let active = Self.at("5.0") + .seconds(Int(random.next() % 400_000))
      guard active <= now else { continue }
      let last = random.next() % 2 == 0 ? try Self.interval("6.0-7.0") : nil
      let timetable = random.next() % 2 == 0 ? Self.daily : Self.hourly
      let made = [CatchUp.none, .latest, .all].map { catchUp in
        ScheduleDecision.due(
          timetable, catchUp: catchUp, starts: Self.at("3.0"), lastInterval: last,
          activeSince: active, now: now, limit: 1000
        ).runs
      }
      #expect(made[0].count <= 1 && made[1].count <= 1)
      #expect(made[1] == Array(made[2].suffix(1)))
      #expect(made[0].isEmpty || made[0] == made[1])
      #expect(made[0].isEmpty == !made[2].contains { $0.fireAt >= active })
    }
  }
}

@Suite struct AssetDecisionTests {
  private static let (a, b) = (Asset.source("a"), Asset.source("b"))

  private static func marks(_ text: String) -> [Asset: Instant] {
    var marks: [Asset: Instant] = [:]
    for part in text.split(separator: " ") {
      let (name, hour) = (part.prefix(1), Int64(part.dropFirst()) ?? 0)
      marks[.source(String(name))] = Instant(seconds: hour * 3600)
    }
    return marks
  }

  @Test(
    arguments: [
      // condition, seen, now, starts, decision
      (.any, "a1", "a1", nil, "wait"), (.any, "a1", "a3", nil, "run 1-3 a3"),
      (.any, "a3", "a1", nil, "wait"),
      (.any, "", "a3", nil, "remember a3"), (.any, "", "a3", 1, "run 1-3 a3"),
      (.any, "a1", "", nil, "wait"), (.any, "", "", 1, "wait"),
      // What other triggers have seen is not this one's.
      (.any, "a1 c7", "a1 c9", nil, "wait"), (.any, "a1 c7", "a2 c9", nil, "run 1-2 a2"),
      // One of two moved, and both did.
      (.any, "a1 b2", "a1 b5", nil, "run 2-5 a1 b5"),
      (.any, "a1 b2", "a3 b5", nil, "run 1-5 a3 b5"),
      (.any, "a4", "a5 b9", nil, "run 4-5 a5 b9"),
      // All have to move; the run ends where the slowest is.
      (.all, "a1 b2", "a1 b5", nil, "wait"), (.all, "a1 b2", "a3 b5", nil, "run 1-3 a3 b5"),
      (.all, "a3 b5", "a9 b6", nil, "run 3-6 a9 b6"), (.all, "a1", "a3 b5", nil, "remember a1 b5"),
      (.all, "", "a3 b5", 2, "run 2-3 a3 b5"), (.all, "", "a3", 2, "remember a2"),
    ] as [(AssetCondition, String, String, Int64?, String)])
  func table(
    condition: AssetCondition, seen: String, now: String, starts: Int64?, expected: String
  ) {
    let decision = AssetDecision.due(
      AssetTrigger([Self.a, Self.b], condition), seen: Self.marks(seen),
      watermarks: Self.marks(now), starts: starts.map { Instant(seconds: $0 * 3600) })
    func text(_ marks: [Asset: Instant]) -> String {
      marks.map { "\($0.key.name)\($0.value.seconds / 3600)" }.sorted().joined(separator: " ")
    }
    let found =
      switch decision {
      case .wait: "wait"
      case .remember(let marks): "remember \(text(marks))"
      case .run(let interval, let marks):
        "run \(interval.start.seconds / 3600)-\(interval.end.seconds / 3600) \(text(marks))"
      }
    #expect(found == expected)
  }

  @Test("under all, each run begins where the one before it ended, and none is lost")
  func runsMeet() {
    var random = SplitMix64(seed: 8)
    let trigger = AssetTrigger([Self.a, Self.b, .segments("retail")], .all)
    var seen = Dictionary(
      uniqueKeysWithValues: trigger.assets.map { ($0, Instant(seconds: 0)) })
    var now = seen
    var intervals: [DataInterval] = []
    for _ in 0..<500 {
      let asset = trigger.assets[Int(random.next() % 3)]
      now[asset] = now[asset].map { $0 + .seconds(Int(random.next() % 1000)) }
      if case .run(let interval, let marks) = AssetDecision.due(
        trigger, seen: seen, watermarks: now)
      {
        intervals.append(interval)
        seen = marks
      }
    }
    #expect(intervals.count > 50 && intervals.first?.start == Instant(seconds: 0))
    for (interval, next) in zip(intervals, intervals.dropFirst()) {
      #expect(interval.end == next.start)
    }
  }
}
