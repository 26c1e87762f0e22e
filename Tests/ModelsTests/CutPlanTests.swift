import Models
import Schedules
import Testing

@Suite("Cut plan")
struct CutPlanTests {
  private func day(_ text: String) throws -> Day { try #require(Day(iso8601: text)) }

  @Test("labels end by the last day; training labels end before the test's features do")
  func parts() throws {
    let plan = try CutPlan(
      count: 6, everyDays: 30, horizonDays: 60, firstDay: day("2024-01-01"),
      lastDay: day("2024-12-31"))
    #expect(
      plan.cuts.map { "\($0.day) \($0.part.rawValue)" } == [
        "2024-06-04 train", "2024-07-04 train", "2024-08-03 train", "2024-09-02 train",
        "2024-10-02 validation", "2024-11-01 test",
      ])
    #expect(plan.labelDay(of: plan.cuts[5]) == (try day("2024-12-31")))
    #expect(plan.days.count == 8)
    #expect(plan.days == plan.days.sorted())
  }

  @Test("a training cut whose label reaches past the test cut is left out", arguments: 1...8)
  func embargo(every: Int) throws {
    let last = try day("2024-12-31")
    let plan = try CutPlan(
      count: 30, everyDays: every, horizonDays: 20, firstDay: last - 300, lastDay: last)
    let test = try #require(plan.cuts.last)
    #expect(test.part == .test && plan.labelDay(of: test) == last)
    for cut in plan.cuts.dropLast(2) {
      #expect((cut.part == .train) == (cut.day + 20 <= test.day))
      #expect(cut.part == .train || cut.part == .unused)
      if cut.part == .unused { #expect(cut.day < test.day) }
    }
    #expect(plan.cuts.dropLast().last?.part == .validation)
    let used = plan.cuts.filter { $0.part != .unused }
    for cut in used { #expect(plan.days.contains(cut.day) && plan.days.contains(cut.day + 20)) }
  }

  @Test("fewer cuts where the data is young; an error with the least history where none is left")
  func shortHistory() throws {
    let last = try day("2024-12-31")
    // Horizon 60 and two steps of 30: 121 days are the least.
    let plan = try CutPlan(
      count: 6, everyDays: 30, horizonDays: 60, firstDay: last - 120, lastDay: last)
    #expect(plan.cuts.map(\.part) == [.train, .validation, .test])
    for days in [119, 59, 0, -1] {
      let error = #expect(throws: ModelError.self) {
        try CutPlan(
          count: 6, everyDays: 30, horizonDays: 60, firstDay: last - days, lastDay: last)
      }
      #expect(error?.code == "models.not_enough_history")
      #expect(error?.isLackOfData == true && error?.isPermanent == true)
      #expect(error?.hint?.contains("121 days") == true)
      #expect(error?.message.contains("in \(days + 1) days") == true)
    }
  }

  @Test("too few cuts for the horizon: the hint says how many, whatever the history")
  func fewCuts() throws {
    let last = try day("2024-12-31")
    let error = #expect(throws: ModelError.self) {
      try CutPlan(count: 3, everyDays: 7, horizonDays: 60, firstDay: last - 900, lastDay: last)
    }
    #expect(error?.hint?.contains("at least 10 cuts") == true)
    let plan = try CutPlan(
      count: 10, everyDays: 7, horizonDays: 60, firstDay: last - 900, lastDay: last)
    #expect(plan.cuts.filter { $0.part == .train }.count == 1)
  }
}
