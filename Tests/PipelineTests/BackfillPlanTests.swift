import Schedules
import TestSupport
import Testing

@testable import Pipeline

@Suite struct BackfillPlanTests {
  private let day = DataInterval(day: Day(number: 20_000), in: .utc)

  private func run(
    _ state: RunState, sameParams: Bool = true, id: Int64 = 7
  ) -> ExistingRun {
    ExistingRun(
      runID: id, interval: day, state: state, kind: "scheduled", hasSameParams: sameParams)
  }

  /// State of the run that is there, and what each way to reprocess does about it.
  @Test(arguments: [
    (nil, [BackfillAction.run, .run, .run]),
    (RunState.success, [.skip, .skip, .rerun]),
    (.failed, [.skip, .rerun, .rerun]),
    (.cancelled, [.skip, .rerun, .rerun]),
    (.running, [.wait, .wait, .wait]),
    (.queued, [.wait, .wait, .wait]),
  ])
  func anIntervalIsDecidedByItsRun(_ state: RunState?, _ expected: [BackfillAction]) {
    for (reprocess, action) in zip([Reprocess.none, .failed, .completed], expected) {
      let step = BackfillPlan.step(
        3, day, existing: state.map { [run($0)] } ?? [], reprocess: reprocess)
      #expect(step.action == action)
      #expect(step.place == 3 && step.interval == day)
      #expect((step.reason == nil) == (action == .run))
      #expect(step.runID == (state == nil ? nil : 7))
    }
  }

  @Test func runsWithOtherParamsCountOnlyWhileTheyRun() {
    let running = BackfillPlan.step(
      0, day, existing: [run(.success), run(.running, sameParams: false, id: 8)],
      reprocess: .completed)
    #expect(running.action == .wait && running.runID == 8)
    for state in [RunState.success, .failed, .cancelled, .queued] {
      let step = BackfillPlan.step(
        0, day, existing: [run(state, sameParams: false)], reprocess: .completed)
      #expect(step.action == .run && step.runID == nil)
    }
  }

  @Test func intervalsAreThoseOfTheTimetable() throws {
    let lisbon = try Zone("Europe/Lisbon")
    let timetable = Timetable.cron(try Cron("0 2 * * *"), lisbon)
    let first = try #require(Day(iso8601: "2024-03-30"))
    let found = try BackfillPlan.intervals(
      of: timetable, from: lisbon.midnight(first), to: lisbon.midnight(first + 3), zone: lisbon)
    // The clocks go forward on the 31st: that day has 23 hours.
    #expect(found == (0..<3).map { DataInterval(day: first + $0, in: lisbon) })
    let days = try BackfillPlan.intervals(
      of: nil, from: lisbon.midnight(first), to: lisbon.midnight(first + 3), zone: lisbon)
    #expect(days == found)
    // What lies within only in part is left out.
    let inner = try BackfillPlan.intervals(
      of: nil, from: lisbon.midnight(first) + .seconds(1),
      to: lisbon.midnight(first + 3) - .seconds(1), zone: lisbon)
    #expect(inner == [DataInterval(day: first + 1, in: lisbon)])
    let none = #expect(throws: PipelineError.self) {
      try BackfillPlan.intervals(
        of: timetable, from: lisbon.midnight(first) + .seconds(1),
        to: lisbon.midnight(first + 1) + .seconds(1), zone: lisbon)
    }
    #expect(none?.code == "pipeline.bad_backfill")
    let many = #expect(throws: PipelineError.self) {
      try BackfillPlan.intervals(
        of: .every(microseconds: 1_000_000, anchor: Instant(seconds: 0)),
        from: Instant(seconds: 0), to: Instant(seconds: 200_000), zone: .utc)
    }
    #expect(many?.message.contains("100000") == true)
  }

  /// Against the words: the intervals of all firings around, those that lie within.
  @Test(arguments: [
    "0 2 * * *", "*/20 * * * *", "30 1,13 * * mon-fri", "0 0 1 * *", "15 3 * * 0",
  ])
  func everyFiringWithinIsTaken(_ expression: String) throws {
    let zone = try Zone("America/New_York")
    let timetable = Timetable.cron(try Cron(expression), zone)
    var random = SplitMix64(seed: 5)
    for _ in 0..<20 {
      let start = Instant(seconds: Int64.random(in: 1_700_000_000...1_715_000_000, using: &random))
      let end = start + .seconds(Int.random(in: 3_600...6_000_000, using: &random))
      var expected: [DataInterval] = []
      var firing = timetable.next(after: start - .seconds(100 * 86_400))
      while let fireAt = firing, fireAt < end + .seconds(100 * 86_400) {
        if let interval = timetable.interval(firingAt: fireAt), interval.start >= start,
          interval.end <= end
        {
          expected.append(interval)
        }
        firing = timetable.next(after: fireAt)
      }
      if expected.isEmpty {
        #expect(throws: PipelineError.self) {
          try BackfillPlan.intervals(of: timetable, from: start, to: end, zone: zone)
        }
      } else {
        let found = try BackfillPlan.intervals(of: timetable, from: start, to: end, zone: zone)
        #expect(found == expected)
      }
    }
  }

  @Test func reverseTakesTheSameStepsFromTheEnd() {
    let intervals = (0..<5).map { DataInterval(day: Day(number: 100 + $0), in: .utc) }
    let existing = [
      ExistingRun(
        runID: 1, interval: intervals[1], state: .failed, kind: "manual", hasSameParams: true)
    ]
    let forward = BackfillPlan(intervals, existing: existing, reprocess: .failed)
    let reverse = BackfillPlan(intervals, existing: existing, reprocess: .failed, isReverse: true)
    #expect(forward.steps.map(\.action) == [.run, .rerun, .run, .run, .run])
    #expect(reverse.steps.map(\.interval) == forward.steps.map(\.interval).reversed())
    #expect(reverse.steps.map(\.action) == forward.steps.map(\.action).reversed())
    #expect(reverse.steps.map(\.place) == [0, 1, 2, 3, 4])
  }

  @Test func tasksThatDependOnThePastAreFound() throws {
    let snapshot = DAGSnapshot(
      name: "d", summary: nil, schedule: .manual, catchUp: .none,
      tasks: [
        TaskDefinition(id: "a", kind: "k"),
        TaskDefinition(id: "b", kind: "k", policy: TaskPolicy(dependsOnPast: true)),
        TaskDefinition(id: "c", kind: "k", policy: TaskPolicy(waitForDownstream: true)),
      ])
    #expect(BackfillPlan.dependentOnPast(snapshot) == ["b", "c"])
  }
}
