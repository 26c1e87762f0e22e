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
