import Schedules
import Testing

@testable import Pipeline

private let noon = Instant(seconds: 1_700_000_000)

/// A run held whole, for stories told event by event.
private struct Story {
  let plan: RunPlan
  let machine: RunMachine
  var slice: RunSlice

  init(_ nodes: RunPlan.Node...) throws { try self.init(nodes) }

  init(_ nodes: [RunPlan.Node]) throws {
    plan = try RunPlan(dag: "story", nodes)
    machine = RunMachine(plan: plan, interval: randomInterval)
    slice = RunMachine.initial(plan)
  }

  /// What the machine wants done.
  mutating func send(_ event: MachineEvent, at now: Instant = noon) -> [MachineAction] {
    guard case .decided(let changes, let actions) = machine.apply(event, to: slice, at: now) else {
      Issue.record("expected a decision on a whole run")
      return []
    }
    slice.merge(changes)
    return actions
  }

  /// A worker takes a task; returns the attempt's number.
  @discardableResult
  mutating func claim(_ number: Int, item: Int? = nil) -> Int {
    let key = TaskKey(number, item: item)
    #expect(slice.tasks[key]?.state.isClaimable == true)
    if slice.tasks[key]?.state != .deferred { slice.tasks[key]?.attempts += 1 }
    slice.tasks[key]?.state = .running
    return slice.tasks[key]?.attempts ?? 0
  }

  /// A task is taken and ends at once.
  mutating func run(
    _ number: Int, item: Int? = nil, _ ending: AttemptEnding = .success
  ) -> [MachineAction] {
    let attempt = claim(number, item: item)
    return send(.ended(TaskKey(number, item: item), attempt: attempt, ending))
  }

  subscript(_ number: Int) -> TaskState? { slice.tasks[TaskKey(number)]?.state }
}

private func queued(_ number: Int, item: Int? = nil) -> MachineAction {
  .enqueue(TaskKey(number, item: item), at: noon, state: .queued)
}

private func record(_ number: Int, _ state: TaskState) -> MachineAction {
  .record(TaskKey(number), state)
}

@Suite struct RunMachineTests {
  @Test func aChain() throws {
    var story = try Story(.init(id: "a"), .init(id: "b", upstreams: ["a"]))
    #expect(story.send(.begin) == [queued(0)])
    #expect(story.send(.begin) == [])
    #expect(story.run(0) == [record(0, .success), queued(1)])
    #expect(story.run(1) == [record(1, .success), .finish(.success, stuck: [])])
    #expect(story.slice.run == RunStanding(ended: .success))
    for event in [MachineEvent.begin, .cancel, .lost(TaskKey(1), attempt: 1)] {
      #expect(story.send(event) == [])
    }
    #expect(story.slice.run == RunStanding(ended: .success))
  }

  // MARK: Attempts

  @Test func retriesWaitTheirPauseAndGrowOnAfterAClear() throws {
    let retries = Retries.exponential(1, first: .seconds(30), jitter: 0)
    var story = try Story(.init(id: "a", retries: retries))
    _ = story.send(.begin)
    let failed = AttemptEnding.failed(permanent: false)
    let retrying = { (seconds: Int) in
      MachineAction.enqueue(TaskKey(0), at: noon + .seconds(seconds), state: .retrying)
    }
    #expect(story.run(0, failed) == [retrying(30)])
    #expect(story.run(0, failed) == [record(0, .failed), .finish(.failed, stuck: [])])
    #expect(story.send(.clear([0])) == [.reopen, record(0, .waiting), queued(0)])
    #expect(story.slice.tasks[TaskKey(0)]?.allowedAttempts == 4)
    #expect(story.run(0, failed) == [retrying(120)])
    #expect(
      story.run(0, .failed(permanent: true)) == [record(0, .failed), .finish(.failed, stuck: [])])
  }

  @Test func aCrashCostsATry() throws {
    var story = try Story(
      .init(id: "a", retries: .fixed(1, every: .seconds(9))), .init(id: "b", upstreams: ["a"]))
    _ = story.send(.begin)
    story.claim(0)
    #expect(
      story.send(.lost(TaskKey(0), attempt: 1))
        == [.enqueue(TaskKey(0), at: noon + .seconds(9), state: .retrying)])
    story.claim(0)
    // The worker that was thought dead speaks up.
    #expect(story.send(.ended(TaskKey(0), attempt: 1, .success)) == [])
    #expect(
      story.send(.lost(TaskKey(0), attempt: 2)) == [
        record(0, .failed), record(1, .upstreamFailed), .finish(.failed, stuck: []),
      ])
  }

  @Test func aSensorLooksAgainAsTheSameAttempt() throws {
    var story = try Story(.init(id: "wait"))
    _ = story.send(.begin)
    let later = noon + .seconds(60)
    for _ in 0..<3 {
      #expect(
        story.run(0, .deferred(until: later))
          == [.enqueue(TaskKey(0), at: later, state: .deferred)])
      #expect(story.slice.tasks[TaskKey(0)]?.attempts == 1)
    }
    #expect(story.run(0) == [record(0, .success), .finish(.success, stuck: [])])
  }

  @Test func aWorkerThatShutsDownGivesTheTryBack() throws {
    var story = try Story(.init(id: "a"))
    _ = story.send(.begin)
    for attempt in 1...3 {
      #expect(story.claim(0) == attempt)
      #expect(story.send(.ended(TaskKey(0), attempt: attempt, .released)) == [queued(0)])
    }
    #expect(
      story.run(0, .failed(permanent: false)) == [record(0, .failed), .finish(.failed, stuck: [])])
  }

  // MARK: Branches

  @Test func aBranchRulesOutBeforeAnybodyIsLetGo() throws {
    var story = try Story(
      .init(id: "branch"), .init(id: "left", upstreams: ["branch"]),
      .init(id: "right", upstreams: ["branch"]),
      .init(id: "join", rule: .noneFailedMinOneSuccess, upstreams: ["left", "right"]))
    _ = story.send(.begin)
    #expect(
      story.run(0, .success(skips: [2]))
        == [record(0, .success), record(2, .skipped), queued(1)])
    #expect(story.run(1) == [record(1, .success), queued(3)])
    #expect(story.run(3) == [record(3, .success), .finish(.success, stuck: [])])
    // Its choice stands: what it ruled out is not run again but together with it.
    #expect(story.send(.clear([2])) == [])
    #expect(
      story.send(.clear([0, 2])) == [
        .reopen, record(0, .waiting), record(2, .waiting), queued(0),
      ])
    #expect(story.run(0, .success(skips: [1])) == [record(0, .success), queued(2)])
  }

  @Test func aShortCircuitSparesTeardownsAndWhatRuns() throws {
    var story = try Story(
      .init(id: "setup"), .init(id: "check"),
      .init(id: "work", upstreams: ["check"]),
      .init(id: "early", rule: .oneSuccess, upstreams: ["check", "setup"]),
      .init(id: "drop", isTeardown: true, setups: ["setup"], upstreams: ["work"]))
    _ = story.send(.begin)
    #expect(story.run(0) == [record(0, .success), queued(3)])
    story.claim(3)
    #expect(
      story.run(1, .success(skips: [2, 3, 4]))
        == [record(1, .success), record(2, .skipped), queued(4)])
    #expect(story[3] == .running)
  }

  // MARK: Mapped tasks

  @Test func itemsGoTheirOwnWays() throws {
    var story = try Story(
      .init(id: "ranges"),
      .init(
        id: "score", retries: .fixed(1, every: .seconds(100), jitter: 1), isMapped: true,
        upstreams: ["ranges"]),
      .init(id: "sum", upstreams: ["score"]))
    _ = story.send(.begin)
    #expect(story.run(0) == [record(0, .success), record(1, .running), .expand(1)])
    #expect(
      story.send(.expanded(number: 1, count: 3)) == (0..<3).map { queued(1, item: $0) })
    #expect(story.slice.run.active == 4)
    let first = story.run(1, item: 0, .failed(permanent: false))
    let second = story.run(1, item: 1, .failed(permanent: false))
    // Items that fail together do not come back together.
    guard case .enqueue(_, let one, .retrying) = first[0],
      case .enqueue(_, let two, .retrying) = second[0]
    else {
      Issue.record("expected two retries, found \(first) and \(second)")
      return
    }
    #expect(one != two)
    #expect(story.run(1, item: 0) == [.record(TaskKey(1, item: 0), .success)])
    #expect(
      story.run(1, item: 1, .failed(permanent: true)) == [.record(TaskKey(1, item: 1), .failed)])
    #expect(
      story.run(1, item: 2) == [
        .record(TaskKey(1, item: 2), .success), record(1, .failed), record(2, .upstreamFailed),
        .finish(.failed, stuck: []),
      ])
    #expect(
      story.slice.tasks[TaskKey(1)]?.items == ItemTally(total: 3, succeeded: 2, failed: 1))
  }

  @Test func noItemsAndNoneToBeHad() throws {
    for (event, state) in [
      (MachineEvent.expanded(number: 0, count: 0), TaskState.skipped),
      (.expansionFailed(number: 0), .failed),
    ] {
      var story = try Story(.init(id: "score", isMapped: true))
      #expect(story.send(.begin) == [record(0, .running), .expand(0)])
      #expect(story.send(.begin) == [.expand(0)])
      #expect(story.send(event).first == record(0, state))
      #expect(story.slice.run.ended == (state == .failed ? .failed : .success))
      #expect(story.send(event) == [])
    }
  }

  @Test func aMappedTaskIsClearedWhenItsItemsHaveStopped() throws {
    var story = try Story(.init(id: "score", isMapped: true))
    _ = story.send(.begin)
    _ = story.send(.expanded(number: 0, count: 3))
    _ = story.run(0, item: 0)
    story.claim(0, item: 1)
    #expect(
      story.send(.clear([0])) == [
        .stop(TaskKey(0, item: 1), attempt: 1), .record(TaskKey(0, item: 2), .cancelled),
      ])
    // Even a success counts for nothing now.
    #expect(
      story.send(.ended(TaskKey(0, item: 1), attempt: 1, .success)) == [
        .record(TaskKey(0, item: 1), .cancelled), .dropItems(0), record(0, .waiting),
        record(0, .running), .expand(0),
      ])
    #expect(Set(story.slice.tasks.keys) == [TaskKey(0)])
    #expect(story.send(.ended(TaskKey(0, item: 1), attempt: 1, .success)) == [])
    #expect(story.send(.expanded(number: 0, count: 1)) == [queued(0, item: 0)])
  }

  // MARK: Setup and teardown

  @Test func aTeardownRunsThoughTheRunWasCancelled() throws {
    var story = try Story(
      .init(id: "make"), .init(id: "work", upstreams: ["make"]),
      .init(
        id: "drop", retries: .fixed(1, every: .zero), isTeardown: true, setups: ["make"],
        upstreams: ["work"]),
      .init(id: "after", rule: .always, upstreams: ["drop"]))
    _ = story.send(.begin)
    _ = story.run(3)
    _ = story.run(0)
    story.claim(1)
    #expect(story.send(.cancel) == [.stop(TaskKey(1), attempt: 1)])
    #expect(story.send(.cancel) == [])
    #expect(
      story.send(.ended(TaskKey(1), attempt: 1, .failed(permanent: false)))
        == [record(1, .cancelled), queued(2)])
    // It has its tries, and a failure of its own is one.
    #expect(
      story.run(2, .failed(permanent: false))
        == [.enqueue(TaskKey(2), at: noon, state: .retrying)])
    #expect(story.run(2) == [record(2, .success), .finish(.cancelled, stuck: [])])
  }

  @Test(arguments: [AttemptEnding.failed(permanent: true), .skipped])
  func withNothingSetUpThereIsNothingToTearDown(_ ending: AttemptEnding) throws {
    var story = try Story(
      .init(id: "make", isTolerated: true), .init(id: "work", upstreams: ["make"]),
      .init(id: "drop", isTeardown: true, setups: ["make"], upstreams: ["work"]))
    _ = story.send(.begin)
    _ = story.run(0, ending)
    #expect(story[2] == .skipped)
  }

  @Test func aTeardownAfterAFailureAndItsOwn() throws {
    var story = try Story(
      .init(id: "make"), .init(id: "work", isTolerated: true, upstreams: ["make"]),
      .init(id: "drop", isTeardown: true, setups: ["make"], upstreams: ["work"]))
    _ = story.send(.begin)
    _ = story.run(0)
    #expect(story.run(1, .failed(permanent: true)) == [record(1, .failed), queued(2)])
    #expect(
      story.run(2, .failed(permanent: true))
        == [record(2, .failed), .finish(.failed, stuck: [])])
  }

  // MARK: The past

  @Test func theRuleIsAskedFirstThenThePast() throws {
    var story = try Story(
      .init(id: "a"), .init(id: "b", dependsOnPast: true, upstreams: ["a"]),
      .init(id: "c", upstreams: ["b"]))
    #expect(story.send(.begin) == [queued(0)])
    #expect(story.send(.pastMet(number: 1)) == [])
    #expect(story.run(0) == [record(0, .success), .askPast(1)])
    // It is held, and so the run goes on; a restart asks again.
    #expect(story.slice.run.active == 1)
    #expect(story.send(.begin) == [.askPast(1)])
    var other = story
    #expect(story.send(.pastMet(number: 1)) == [queued(1)])
    #expect(story.send(.pastMet(number: 1)) == [])
    #expect(
      other.send(.pastFailed(number: 1)) == [
        record(1, .upstreamFailed), record(2, .upstreamFailed), .finish(.failed, stuck: []),
      ])
  }

  // MARK: Clear and mark

  @Test func aRunningTaskIsStoppedThenQueuedAgain() throws {
    var story = try Story(
      .init(id: "a", retries: .fixed(2)), .init(id: "b", upstreams: ["a"]))
    _ = story.send(.begin)
    story.claim(0)
    #expect(story.send(.clear([0, 1])) == [.stop(TaskKey(0), attempt: 1)])
    #expect(
      story.send(.ended(TaskKey(0), attempt: 1, .cancelled)) == [record(0, .waiting), queued(0)])
    #expect(story.slice.tasks[TaskKey(0)]?.allowedAttempts == 4)
    story.claim(0)
    // Lost while it is being stopped: the same.
    _ = story.send(.clear([0]))
    #expect(story.send(.lost(TaskKey(0), attempt: 2)) == [record(0, .waiting), queued(0)])
    // Cancelled while it is being stopped: cancelled.
    story.claim(0)
    _ = story.send(.clear([0]))
    #expect(story.send(.cancel) == [.stop(TaskKey(0), attempt: 3), record(1, .cancelled)])
    #expect(story.send(.clear([0])) == [])
    #expect(
      story.send(.ended(TaskKey(0), attempt: 3, .cancelled))
        == [record(0, .cancelled), .finish(.cancelled, stuck: [])])
  }

  @Test func whatIsNotClearedKeepsItsStateAndItsTally() throws {
    var story = try Story(
      .init(id: "a"), .init(id: "b", upstreams: ["a"]), .init(id: "c", upstreams: ["a", "b"]))
    _ = story.send(.begin)
    for number in 0..<3 { _ = story.run(number) }
    #expect(story.send(.clear([0])) == [.reopen, record(0, .waiting), queued(0)])
    #expect(story[1] == .success)
    #expect(
      story.slice.tasks[TaskKey(2)]?.tally == UpstreamTally(succeeded: 1, unfinished: 1))
    #expect(
      story.run(0, .failed(permanent: true)) == [record(0, .failed), .finish(.failed, stuck: [])])
    #expect(story.slice.tasks[TaskKey(2)]?.tally == UpstreamTally(succeeded: 1, failed: 1))
  }

  @Test func aMarkAsksThoseAgainThatNeverRan() throws {
    var story = try Story(
      .init(id: "a"), .init(id: "b", upstreams: ["a"]), .init(id: "c", upstreams: ["b"]),
      .init(id: "alarm", rule: .oneFailed, upstreams: ["a"]))
    _ = story.send(.begin)
    _ = story.run(0, .failed(permanent: true))
    #expect(story[2] == .upstreamFailed)
    _ = story.run(3)
    #expect(story.slice.run.ended == .failed)
    // The alarm was raised; it has run and stays as it is.
    #expect(
      story.send(.mark([0], .success)) == [
        .reopen, record(0, .success), record(1, .waiting), queued(1), record(2, .waiting),
      ])
    #expect(story.send(.mark([0], .success)) == [])
    _ = story.run(1)
    #expect(story.run(2) == [record(2, .success), .finish(.success, stuck: [])])
    // An ended run counts anew without being opened.
    #expect(
      story.send(.mark([2], .failed)) == [record(2, .failed), .finish(.failed, stuck: [])])
    #expect(
      story.send(.mark([2], .skipped)) == [record(2, .skipped), .finish(.success, stuck: [])])
  }

  @Test func aMarkedTaskThatRunsIsStoppedAndNotHeardAnyMore() throws {
    var story = try Story(.init(id: "a"), .init(id: "b", upstreams: ["a"]))
    _ = story.send(.begin)
    story.claim(0)
    #expect(
      story.send(.mark([0], .success))
        == [.stop(TaskKey(0), attempt: 1), record(0, .success), queued(1)])
    #expect(story.send(.ended(TaskKey(0), attempt: 1, .cancelled)) == [])
    #expect(story[0] == .success)
  }

  // MARK: Size

  /// 10,000 tasks in a row that cannot run: 14 rounds of loading, of which none loads twice.
  @Test func aLongCascadeTakesFewRounds() throws {
    let count = 10_000
    let plan = try RunPlan(
      dag: "long",
      (0..<count).map { .init(id: "t\($0)", upstreams: $0 == 0 ? [] : ["t\($0 - 1)"]) })
    let machine = RunMachine(plan: plan, interval: randomInterval)
    var story = RunMachine.initial(plan)
    guard case .decided(let changes, _) = machine.apply(.begin, to: story, at: noon) else {
      Issue.record("expected a decision")
      return
    }
    story.merge(changes)
    story.tasks[TaskKey(0)]?.state = .running
    story.tasks[TaskKey(0)]?.attempts = 1
    var slice = RunSlice(run: story.run)
    for number in 0..<2 { slice.tasks[TaskKey(number)] = story.tasks[TaskKey(number)] }
    let event = MachineEvent.ended(TaskKey(0), attempt: 1, .failed(permanent: true))
    var rounds = 0
    while case .needs(let numbers) = machine.apply(event, to: slice, at: noon), rounds < 20 {
      rounds += 1
      for number in numbers { slice.tasks[TaskKey(number)] = story.tasks[TaskKey(number)] }
    }
    #expect(rounds <= 14)
    guard case .decided(_, let actions) = machine.apply(event, to: slice, at: noon) else {
      Issue.record("expected a decision")
      return
    }
    #expect(actions.count == count + 1)
    #expect(actions.last == .finish(.failed, stuck: []))
    // An end that lets one task go looks at no more than that one.
    let success = MachineEvent.ended(TaskKey(0), attempt: 1, .success)
    var small = RunSlice(run: story.run)
    for number in 0..<2 { small.tasks[TaskKey(number)] = story.tasks[TaskKey(number)] }
    #expect(
      machine.apply(success, to: small, at: noon)
        == machine.apply(success, to: story, at: noon))
  }

  /// 10,000 tasks held whole: the work per ending does not grow with the DAG.
  @Test func aWideAndALongDAGRunInLinearTime() throws {
    var nodes: [RunPlan.Node] = []
    for number in 0..<5_000 {
      nodes.append(.init(id: "w\(number)"))
      nodes.append(.init(id: "c\(number)", upstreams: number == 0 ? [] : ["c\(number - 1)"]))
    }
    var story = try Story(nodes)
    var actions = story.send(.begin)
    var ended = 0
    while let action = actions.popLast() {
      guard case .enqueue(let key, _, _) = action else { continue }
      ended += 1
      actions += story.run(key.number)
    }
    #expect(ended == 10_000)
    #expect(story.slice.run == RunStanding(ended: .success))
  }

  // MARK: Stuck

  /// Only tables that somebody changed lead there: a tally that lacks an ending.
  @Test func aStuckRunFailsAndTellsItsBuckets() throws {
    var story = try Story(
      .init(id: "a"), .init(id: "b", upstreams: ["a"]), .init(id: "c", upstreams: ["b"]),
      .init(id: "d"))
    _ = story.send(.begin)
    _ = story.run(3)
    story.slice.tasks[TaskKey(1)]?.tally.unfinished = 2
    story.claim(0)
    let event = MachineEvent.ended(TaskKey(0), attempt: 1, .success)
    var part = story.slice
    part.tasks[TaskKey(2)] = nil
    #expect(story.machine.apply(event, to: part, at: noon) == .needsWhole)
    #expect(story.send(event) == [record(0, .success), .finish(.failed, stuck: [1, 2])])
    #expect(
      StuckReport(story.slice, plan: story.plan).description
        == "stuck: nothing can run and not all has ended; waiting: "
        + "b (all_success: 1 success, 0 failed, 0 upstream_failed, 0 skipped, 1 unfinished of 1), "
        + "c (all_success: 0 success, 0 failed, 0 upstream_failed, 0 skipped, 1 unfinished of 1); "
        + "success: a, d")
    // A clear counts anew, which mends it.
    #expect(story.send(.clear([0, 1, 2])).contains(.reopen))
    for number in 0..<3 { _ = story.run(number) }
    #expect(story.slice.run.ended == .success)
  }
}
