import Foundation
import Schedules

/// What a person waits for who edits a rule: an explanation of one customer, and the plan of the edit
/// over the last thirty published days, through the binary from its start to its end.
struct PlanSuite: Suite {
  static let name = "plan"
  static let purpose = "1,000,000 customers, 6,000,000 events, 10 rules, 30 published days"
  private static let published = 30
  private static let days = 120
  /// 2024-01-01.
  private static let firstDay = 19_723
  private static let rounds = 3
  /// One rule of each ten of the bench's project, and how one of them is edited.
  private static let edited = (from: "orders_30d >= 2", to: "orders_30d >= 1")

  let bench: Workbench
  init(_ bench: Workbench) { self.bench = bench }

  private var shop: EventFile {
    let customers = RulesSuite.customers
    return EventFile(customers: customers, eventsPerDay: max(200, customers / 20))
  }

  func run() async throws -> [Measurement] {
    let end = Self.firstDay + Self.days
    let history = bench.home.appendingPathComponent("plan_history.csv").path
    _ = try shop.write(days: Self.firstDay..<end, to: history)
    let project = try copyProject("plan_project", edit: false)
    let edited = try copyProject("plan_edited", edit: true)
    try bench.clone("plan")
    let events = ["STRATA_BENCH_EVENTS": history]
    func strata(_ arguments: [String], in folder: String) throws -> Finished {
      try bench.strata(
        arguments + ["--project", folder, "--database", bench.url(of: "plan")],
        environment: events)
    }
    func date(_ day: Int) -> String { "\(Day(number: Int32(day)))" }
    let loaded = try strata(["sources", "load", "events", "--quiet"], in: project)
    let filled = try strata(
      [
        "backfill", "nightly_segments", "--from", date(end - Self.published), "--to",
        date(end - 1), "--quiet",
      ], in: project)
    try bench.settle("plan")
    say(
      "  loaded in \(ResultTable.value(loaded.seconds, "s")), thirty days published in "
        + ResultTable.value(filled.seconds, "s"))

    let members = try bench.query(
      "plan",
      """
      SELECT customer_key, segment FROM segments.membership
      ORDER BY md5(customer_id::text || segment) LIMIT \(Self.rounds * 3)
      """)
    guard members.count == Self.rounds * 3 else { throw BenchError("nobody is a member") }
    var explained: [Double] = []
    for row in members {
      let told = try strata(["segments", "explain", row[0], row[1], "--json"], in: project)
      guard told.output.contains(row[1]) else { throw BenchError("no explanation: \(told.output)") }
      explained.append(told.seconds * 1000)
    }
    var planned: [Double] = []
    for _ in 0..<Self.rounds {
      let plan = try strata(
        ["segments", "plan", "--days", "\(Self.published)", "--json"], in: edited)
      guard plan.output.contains("buyers") else { throw BenchError("no plan: \(plan.output)") }
      planned.append(plan.seconds)
    }
    try bench.discard(databases: ["plan"], files: [history, project, edited])
    func line(
      _ what: String, _ unit: String, _ values: [Double], _ goal: Measurement.Goal
    ) -> Measurement {
      Measurement(
        suite: Self.name, what: what, unit: unit, ours: median(values), peer: nil, goal: goal)
    }
    return [
      line("explain one customer in one segment", "ms", explained, .atMost(100)),
      line("plan one changed rule over 30 days", "s", planned, .atMost(10)),
    ]
  }

  /// The bench's project with every tenth rule, in a folder of its own.
  private func copyProject(_ name: String, edit: Bool) throws -> String {
    let folder = bench.home.appendingPathComponent(name)
    let manager = FileManager.default
    if manager.fileExists(atPath: folder.path) { try manager.removeItem(at: folder) }
    try manager.copyItem(atPath: bench.project, toPath: folder.path)
    let file = folder.appendingPathComponent("segments.yaml")
    let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(
      String.init)
    let rules = lines.filter { $0.hasPrefix("  - ") }
    let head = lines.filter { !$0.hasPrefix("  - ") }
    let kept = rules.enumerated().filter { $0.offset % 10 == 5 }.map(\.element)
    var text = (head + kept).joined(separator: "\n") + "\n"
    if edit {
      let changed = text.replacing(Self.edited.from, with: Self.edited.to)
      guard changed != text else { throw BenchError("expected a rule with \(Self.edited.from)") }
      text = changed
    }
    try text.write(to: file, atomically: true, encoding: .utf8)
    return folder.path
  }
}
