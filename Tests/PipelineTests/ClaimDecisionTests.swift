import Schedules
import TestSupport
import Testing

@testable import Pipeline

private let noon = Instant(seconds: 1_700_000_000)

private let keys: [LimitKey] = [
  .pool("db"), .pool("api"), .dag("a"), .dag("b"), .run(1), .run(2), .task(dag: "a", task: "t"),
  .mapped(run: 1, task: "m"),
]

/// A random question: due tasks of both classes under random limits, some of them overdrawn.
private struct Question {
  var candidates: [ClaimCandidate]
  var limits: [LimitKey: ClaimLimit]
  var freeSlots: Int
  var turns = ClaimTurns()

  init(_ random: inout SplitMix64, impatient: Bool) {
    limits = [:]
    for key in keys where Bool.random(using: &random) {
      let capacity = Int.random(in: 0...12, using: &random)
      limits[key] = ClaimLimit(capacity: capacity, used: Int.random(in: 0...14, using: &random))
    }
    candidates = (0..<Int.random(in: 0...60, using: &random)).map { number in
      var slots: [LimitKey: Int] = [:]
      for key in keys where Int.random(in: 0..<3, using: &random) == 0 {
        slots[key] = Int.random(in: 1...4, using: &random)
      }
      let age = Int64.random(in: 0...(impatient ? 600 : 299), using: &random)
      return ClaimCandidate(
        run: Int64.random(in: 1...3, using: &random), key: TaskKey(number),
        kind: ClaimClass.allCases.randomElement(using: &random) ?? .regular,
        priority: Int.random(in: 0...2, using: &random), dueAt: noon - .seconds(age),
        slots: slots)
    }
    freeSlots = Int.random(in: 0...20, using: &random)
    turns.backfill = Int.random(in: 0...5, using: &random)
  }

  var answer: ClaimDecision {
    ClaimDecision(candidates, limits: limits, freeSlots: freeSlots, turns: turns, at: noon)
  }

  /// The limits after some candidates were taken.
  func left(after chosen: [Int]) -> [LimitKey: Int] {
    var left = limits.mapValues { $0.capacity - $0.used }
    for index in chosen {
      for (key, slots) in candidates[index].slots where left[key] != nil {
        left[key, default: 0] -= slots
      }
    }
    return left
  }

  func fits(_ index: Int, _ left: [LimitKey: Int]) -> Bool {
    candidates[index].slots.allSatisfy { $1 <= left[$0] ?? .max }
  }
}

@Suite struct ClaimDecisionTests {
  @Test(arguments: [false, true]) func noLimitIsExceeded(impatient: Bool) {
    for seed in 0..<2_000 {
      var random = SplitMix64(seed: UInt64(seed))
      let question = Question(&random, impatient: impatient)
      let answer = question.answer
      #expect(answer.chosen.count <= question.freeSlots)
      #expect(Set(answer.chosen).count == answer.chosen.count)
      let left = question.left(after: answer.chosen)
      for index in answer.chosen {
        for key in question.candidates[index].slots.keys {
          #expect(left[key, default: 0] >= 0, "seed \(seed): \(key)")
        }
      }
    }
  }

  /// While a slot of the worker is free, nobody who fits is left; and each who is left is refused by
  /// a limit that the decision names.
  @Test func whoFitsIsTaken() {
    var idle = 0
    for seed in 0..<2_000 {
      var random = SplitMix64(seed: UInt64(seed))
      let question = Question(&random, impatient: false)
      let answer = question.answer
      guard answer.chosen.count < question.freeSlots else { continue }
      let left = question.left(after: answer.chosen)
      for index in Set(question.candidates.indices).subtracting(answer.chosen) {
        idle += 1
        #expect(!question.fits(index, left), "seed \(seed)")
        #expect(
          question.candidates[index].slots.contains { $1 > answer.full[$0] ?? .max },
          "seed \(seed): \(answer.full)")
      }
    }
    #expect(idle > 1_000)
  }

  /// Within a class, nobody is chosen before a better one that fitted as well; and the order in
  /// which the candidates are handed in means nothing.
  @Test func theBestGoFirst() {
    for seed in 0..<2_000 {
      var random = SplitMix64(seed: UInt64(seed))
      var question = Question(&random, impatient: false)
      let answer = question.answer
      for (position, index) in answer.chosen.enumerated() {
        let before = question.left(after: Array(answer.chosen[..<position]))
        let chosen = question.candidates[index]
        for other in question.candidates.indices
        where !answer.chosen[...position].contains(other) {
          let candidate = question.candidates[other]
          guard candidate.kind == chosen.kind, question.fits(other, before) else { continue }
          #expect(
            (-chosen.priority, chosen.dueAt, chosen.run, chosen.key)
              < (-candidate.priority, candidate.dueAt, candidate.run, candidate.key),
            "seed \(seed)")
        }
      }
      let chosen = answer.chosen.map { question.candidates[$0] }
      question.candidates.shuffle(using: &random)
      let again = question.answer
      #expect(again.chosen.map { question.candidates[$0] } == chosen)
      #expect(again.full == answer.full)
      #expect(again.turns == answer.turns)
    }
  }

  /// With one class alone the shares mean nothing: it is plain order.
  @Test func alonePlainOrder() {
    let candidates = [3, 1, 2].map {
      ClaimCandidate(
        run: 1, key: TaskKey($0), kind: .backfill, priority: $0 == 2 ? 1 : 0,
        dueAt: noon - .seconds($0))
    }
    let answer = ClaimDecision(candidates, limits: [:], freeSlots: 9, at: noon)
    #expect(answer.chosen == [2, 0, 1])
    #expect(answer.full == [:])
    #expect(answer.turns == ClaimTurns())
  }

  /// Two endless crowds, one of them always better: in every window of `oneIn` claims the other
  /// has one, over workers of any number of slots.
  @Test(arguments: [ClaimClass.backfill, .regular], [1, 3, 7])
  func neitherClassStarves(_ weak: ClaimClass, _ slots: Int) {
    let shares = ClaimShares(backfillOneIn: 4, regularOneIn: 3)
    var turns = ClaimTurns()
    var claims: [ClaimClass] = []
    for round in 0..<200 {
      let crowd = (0..<20).map { number in
        let kind = number % 2 == 0 ? weak : weak.other
        return ClaimCandidate(
          run: 1, key: TaskKey(round * 20 + number), kind: kind, priority: kind == weak ? 0 : 9,
          dueAt: noon)
      }
      let answer = ClaimDecision(
        crowd, limits: [:], freeSlots: slots, shares: shares, turns: turns, at: noon)
      #expect(answer.chosen.count == slots)
      claims += answer.chosen.map { crowd[$0].kind }
      turns = answer.turns
    }
    let window = shares.oneIn(weak)
    for start in 0...(claims.count - window) {
      #expect(claims[start..<start + window].contains(weak))
    }
    // And it gets no more than that while better ones wait.
    #expect(claims.count { $0 == weak } <= claims.count / window + 1)
  }

  /// Every candidate's turn comes though newer ones never stop coming: also that of one who wants
  /// more of a pool at once than is ever free by chance.
  @Test func theOldAreNotPassedForever() {
    var random = SplitMix64(seed: 7)
    var now = noon
    var waiting: [ClaimCandidate] = []
    var running: [(ends: Int, slots: Int)] = []
    var served: [TaskKey: Int64] = [:]
    var next = 0
    for round in 0..<2_000 {
      now = now + .seconds(10)
      running.removeAll { $0.ends <= round }
      for _ in 0..<3 where waiting.count < 10 {
        let slots = next % 20 == 0 ? 4 : 1
        waiting.append(
          ClaimCandidate(
            run: 1, key: TaskKey(next), kind: next % 3 == 0 ? .backfill : .regular, dueAt: now,
            slots: [.pool("db"): slots]))
        next += 1
      }
      let used = running.reduce(0) { $0 + $1.slots }
      let answer = ClaimDecision(
        waiting, limits: [.pool("db"): ClaimLimit(capacity: 4, used: used)], freeSlots: 8,
        at: now)
      for index in answer.chosen {
        let candidate = waiting[index]
        running.append(
          (round + Int.random(in: 5...15, using: &random), candidate.slots[.pool("db")] ?? 0))
        served[candidate.key] = (now - candidate.dueAt).components.seconds
      }
      waiting = waiting.enumerated().filter { !answer.chosen.contains($0.offset) }.map(\.element)
      #expect(waiting.allSatisfy { (now - $0.dueAt).components.seconds <= 1_200 })
    }
    let greedy = served.filter { $0.key.number % 20 == 0 }
    #expect(greedy.count >= 20)
    // They do need their patience: the pool is never empty by chance.
    #expect(greedy.values.contains { $0 >= 300 })
  }

  @Test func whatCanNeverFitKeepsNothing() {
    let old = noon - .seconds(86_400)
    let candidates = [
      ClaimCandidate(run: 1, key: TaskKey(0), priority: 9, dueAt: old, slots: [.pool("db"): 5]),
      ClaimCandidate(run: 1, key: TaskKey(1), dueAt: noon, slots: [.pool("db"): 1]),
    ]
    let limits = [LimitKey.pool("db"): ClaimLimit(capacity: 4, used: 2)]
    let answer = ClaimDecision(candidates, limits: limits, freeSlots: 4, at: noon)
    #expect(answer.chosen == [1])
    #expect(answer.full == [.pool("db"): 1])
    // One that can fit keeps the two that are free.
    var possible = candidates
    possible[0].slots = [.pool("db"): 4]
    let kept = ClaimDecision(possible, limits: limits, freeSlots: 4, at: noon)
    #expect(kept.chosen == [])
    #expect(kept.full == [.pool("db"): 0])
  }
}
