import Schedules
import Testing

@testable import Pipeline

/// The columns of the table in the semantics: how two upstream tasks stand.
private let columns = [
  "SS", "SF", "SU", "SK", "S.", "FF", "FU", "FK", "F.", "UU", "UK", "U.", "KK", "K.", "..",
]

/// The table, letter by letter.
private let table: [(TriggerRule, String)] = [
  (.allSuccess, "R U U K w U U U U U U U K w w"),
  (.allFailed, "K K K K K R R K w R K w K K w"),
  (.allDone, "R R R R w R R R w R R w R w w"),
  (.allDoneMinOneSuccess, "R R R K w U U K w U K w K K w"),
  (.allSkipped, "K K K K K K K K K K K K R w w"),
  (.oneSuccess, "R R R R R U U U w U U w K w w"),
  (.oneFailed, "K R R K w R R R R R R R K w w"),
  (.oneDone, "R R R R R R R R R K K w K w w"),
  (.noneFailed, "R U U R w U U U U U U U R w w"),
  (.noneFailedMinOneSuccess, "R U U R w U U U U U U U K w w"),
  (.noneSkipped, "R R R K w R R K w R K w K K w"),
  (.always, "R R R R R R R R R R R R R R R"),
]

/// The law behind the table, letter by letter: the first line that matches wins.
private let law: [(TriggerRule, String)] = [
  (.allSuccess, "F|U→U, .→w, K→K, R"),
  (.allFailed, "S|K→K, .→w, R"),
  (.allDone, ".→w, R"),
  (.allDoneMinOneSuccess, "K→K, .→w, S→R, U"),
  (.allSkipped, "S|F|U→K, .→w, R"),
  (.oneSuccess, "S→R, .→w, F|U→U, K"),
  (.oneFailed, "F|U→R, .→w, K"),
  (.oneDone, "S|F→R, .→w, K"),
  (.noneFailed, "F|U→U, .→w, R"),
  (.noneFailedMinOneSuccess, "F|U→U, .→w, S→R, K"),
  (.noneSkipped, "K→K, .→w, R"),
  (.always, "R"),
]

private func tally(_ letters: some Sequence<Character>) -> UpstreamTally {
  letters.reduce(into: UpstreamTally()) { tally, letter in
    switch letter {
    case "S": tally.succeeded += 1
    case "F": tally.failed += 1
    case "U": tally.upstreamFailed += 1
    case "K": tally.skipped += 1
    default: tally.unfinished += 1
    }
  }
}

@Suite struct TriggerRuleTests {
  @Test func tableNamesEveryRule() {
    #expect(Set(table.map(\.0)) == Set(TriggerRule.allCases))
  }

  @Test(arguments: table) func twoUpstreams(_ rule: TriggerRule, _ row: String) {
    let verdicts = row.split(separator: " ").map(String.init)
    #expect(verdicts.count == columns.count)
    for (column, expected) in zip(columns, verdicts) {
      #expect(rule.verdict(tally(column)).rawValue == expected, "\(rule.rawValue) of \(column)")
    }
  }

  @Test(arguments: TriggerRule.allCases) func withoutUpstreamsItRuns(_ rule: TriggerRule) {
    #expect(rule.verdict(UpstreamTally()) == .run)
    #expect(!rule.mayRunWithoutSuccess(upstreams: 0))
  }

  /// A verdict once given stands: from every tally up to five upstreams, whichever task ends next
  /// and however, nothing but `wait` ever changes. So every order of completion ends alike.
  @Test(arguments: TriggerRule.allCases) func verdictsStand(_ rule: TriggerRule) {
    var tallies = 0
    for total in 1...5 {
      for tally in allTallies(of: total) {
        tallies += 1
        let verdict = rule.verdict(tally)
        guard tally.unfinished > 0 else {
          #expect(verdict != .wait, "\(rule.rawValue) waits for nothing: \(tally)")
          continue
        }
        guard verdict != .wait else { continue }
        for ended in oneStepFurther(tally) {
          #expect(rule.verdict(ended) == verdict, "\(rule.rawValue): \(tally) then \(ended)")
        }
      }
    }
    #expect(tallies == 5 + 15 + 35 + 70 + 126)
  }

  /// A law in other words: the final verdict from the letters alone, written apart from the code.
  @Test(arguments: TriggerRule.allCases) func finalVerdictByNaiveWords(_ rule: TriggerRule) {
    for total in 1...5 {
      for tally in allTallies(of: total) where tally.unfinished == 0 {
        let (s, f, u, k) = (tally.succeeded, tally.failed, tally.upstreamFailed, tally.skipped)
        let runs: Bool
        switch rule {
        case .allSuccess: runs = s == total
        case .allFailed: runs = f + u == total
        case .allDone, .always: runs = true
        case .allDoneMinOneSuccess: runs = k == 0 && s >= 1
        case .allSkipped: runs = k == total
        case .oneSuccess: runs = s >= 1
        case .oneFailed: runs = f + u >= 1
        case .oneDone: runs = s + f >= 1
        case .noneFailed: runs = f + u == 0
        case .noneFailedMinOneSuccess: runs = f + u == 0 && s >= 1
        case .noneSkipped: runs = k == 0
        }
        #expect((rule.verdict(tally) == .run) == runs, "\(rule.rawValue) of \(tally)")
      }
    }
  }

  /// The law as it is written down, over every tally up to five upstreams.
  @Test(arguments: law) func lawAsWritten(_ rule: TriggerRule, _ lines: String) {
    for total in 1...5 {
      for tally in allTallies(of: total) {
        let counts: [Character: Int] = [
          "S": tally.succeeded, "F": tally.failed, "U": tally.upstreamFailed, "K": tally.skipped,
          ".": tally.unfinished,
        ]
        let matching = lines.split(separator: ", ").first { line in
          let parts = line.split(separator: "→")
          return parts.count == 1 || parts[0].contains { counts[$0, default: 0] > 0 }
        }
        #expect(
          rule.verdict(tally).rawValue == matching?.split(separator: "→").last.map(String.init))
      }
    }
    #expect(Set(law.map(\.0)) == Set(TriggerRule.allCases))
  }

  /// Up to five upstreams in every order and with every ending: the first verdict that is not to
  /// wait is the one that the endings have in any other order.
  @Test(arguments: TriggerRule.allCases) func everyOrderEndsAlike(_ rule: TriggerRule) {
    for total in 1...5 {
      for number in 0..<(1 << (2 * total)) {
        let order = (0..<total).map { Array("SFUK")[number >> (2 * $0) & 3] }
        let verdicts = (0...total).map { rule.verdict(tally(order[..<$0] + dots(total - $0))) }
        #expect(
          verdicts.first { $0 != .wait } == rule.verdict(tally(order.sorted())),
          "\(rule.rawValue): \(String(order))")
      }
    }
  }

  private func dots(_ count: Int) -> [Character] { Array(repeating: ".", count: count) }

  /// The same through the machine: three upstreams that end in every order and every way.
  @Test(arguments: TriggerRule.allCases) func everyOrderEndsAlikeInARun(_ rule: TriggerRule) throws
  {
    var nodes = [RunPlan.Node(id: "target", rule: rule, upstreams: ["u0", "u1", "u2"])]
    for number in 0..<3 {
      nodes.append(.init(id: "u\(number)", upstreams: ["p\(number)"]))
      nodes.append(.init(id: "p\(number)"))
    }
    let plan = try RunPlan(dag: "d", nodes)
    for number in 0..<64 {
      let letters = (0..<3).map { Array("SFUK")[number >> (2 * $0) & 3] }
      var slice = RunMachine.initial(plan)
      let machine = RunMachine(plan: plan, interval: randomInterval)
      let run = { (task: Int, ending: AttemptEnding) in
        slice.tasks[TaskKey(task)]?.state = .running
        slice.tasks[TaskKey(task)]?.attempts = 1
        let event = MachineEvent.ended(TaskKey(task), attempt: 1, ending)
        guard
          case .decided(let changes, _) = machine.apply(event, to: slice, at: Instant(seconds: 0))
        else { return }
        slice.merge(changes)
      }
      for (index, letter) in letters.enumerated() {
        let (upstream, before) = (1 + 2 * index, 2 + 2 * index)
        run(before, letter == "U" ? .failed(permanent: true) : .success)
        switch letter {
        case "S": run(upstream, .success)
        case "F": run(upstream, .failed(permanent: true))
        case "K": run(upstream, .skipped)
        default: #expect(slice.tasks[TaskKey(upstream)]?.state == .upstreamFailed)
        }
      }
      let expected: TaskState? =
        switch rule.verdict(tally(letters)) {
        case .run: .queued
        case .skip: .skipped
        case .upstreamFailed: .upstreamFailed
        case .wait: nil
        }
      // `always` does not wait for an ending to be asked: it is asked when the run begins.
      #expect(slice.tasks[TaskKey(0)]?.state == expected, "\(rule.rawValue): \(String(letters))")
    }
  }

  @Test func whichRulesGuaranteeTheProduct() {
    let sure = { (count: Int) in
      Set(TriggerRule.allCases.filter { !$0.mayRunWithoutSuccess(upstreams: count) })
    }
    #expect(
      sure(1) == [.allSuccess, .oneSuccess, .noneFailedMinOneSuccess, .allDoneMinOneSuccess])
    for count in 2...8 { #expect(sure(count) == [.allSuccess]) }
  }

  private func allTallies(of total: Int) -> [UpstreamTally] {
    var found: [UpstreamTally] = []
    for s in 0...total {
      for f in 0...(total - s) {
        for u in 0...(total - s - f) {
          for k in 0...(total - s - f - u) {
            found.append(
              UpstreamTally(
                succeeded: s, failed: f, upstreamFailed: u, skipped: k,
                unfinished: total - s - f - u - k))
          }
        }
      }
    }
    return found
  }

  private func oneStepFurther(_ tally: UpstreamTally) -> [UpstreamTally] {
    let endings: [WritableKeyPath<UpstreamTally, Int>] = [
      \.succeeded, \.failed, \.upstreamFailed, \.skipped,
    ]
    return endings.map { ending in
      var next = tally
      next.unfinished -= 1
      next[keyPath: ending] += 1
      return next
    }
  }
}
