import ArgumentParser
import Diagnostics
import Foundation
import Schedules

/// `strata cron …`: schedules, checked by eye; needs neither project nor database.
struct CronCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cron", abstract: "Cron expressions: when they fire, and what they mean.",
    subcommands: [Next.self, Previous.self, Explain.self])

  /// What every subcommand is asked.
  struct Question: ParsableArguments {
    @Argument(
      help: ArgumentHelp(
        "Five fields (minute hour day month weekday), six with seconds first, or a preset.",
        discussion: "Quote it, or the shell expands the stars: '30 2 * * mon-fri'."))
    var expression: String

    @Option(help: ArgumentHelp("The IANA zone whose wall clock is read.", valueName: "name"))
    var zone = "UTC"

    @Option(
      help: ArgumentHelp(
        "Where to start, such as 2024-03-10, 2024-03-10T02:30 (both in the zone) or "
          + "2024-03-10T07:00:00Z; else now.", valueName: "time"))
    var from: String?

    @Option(help: ArgumentHelp("How many firings to show, 1 to 10000.", valueName: "n"))
    var count = 5

    @OptionGroup var global: GlobalOptions

    func validate() throws {
      guard (1...10_000).contains(count) else {
        throw ValidationError("expected --count from 1 to 10000, found \(count)")
      }
    }

    /// The expression, checked: all its faults at once.
    func cron() throws -> Cron {
      let faults = Cron.faults(in: expression)
      guard let first = faults.first else { return try Cron(expression) }
      throw ScheduleError(
        code: first.code, message: faults.map(\.message).joined(separator: "\n"), hint: first.hint,
        column: first.column)
    }

    func checkedZone() throws -> Zone {
      do {
        return try Zone(zone)
      } catch {
        throw ScheduleError(
          code: error.code, message: error.message,
          hint: Suggestion.hint(for: zone, among: Zone.knownNames) ?? error.hint)
      }
    }

    func start(in zone: Zone) throws -> Instant {
      guard let from else { return SystemClock().now() }
      if let instant = Instant(rfc3339: from) { return instant }
      if let (local, rest) = LocalTime.parse(prefixOf: from), rest.isEmpty {
        return zone.instants(of: local).first
      }
      throw UsageError(
        message: "expected a time for --from, found '\(from)'",
        hint: "write 2024-03-10, 2024-03-10T02:30 or 2024-03-10T07:00:00Z")
    }

    /// The firings on one side of the start, the nearest first.
    func firings(forward: Bool) throws -> [Firing] {
      let (cron, zone) = (try cron(), try checkedZone())
      let timetable = Timetable.cron(cron, zone)
      var instant = try start(in: zone)
      var found: [Firing] = []
      while found.count < count,
        let next = forward ? timetable.next(after: instant) : timetable.previous(before: instant)
      {
        found.append(Firing(next, timetable.interval(firingAt: next), in: zone))
        instant = next
      }
      return found
    }

    /// Shows them.
    func list(forward: Bool) throws {
      try Firing.list(try firings(forward: forward), asked: count, global.console)
    }
  }

  /// One firing as listings show it.
  struct Firing: Encodable {
    let at: String
    let utc: String
    let intervalStart: String?
    let intervalEnd: String?

    init(_ instant: Instant, _ interval: DataInterval?, in zone: Zone) {
      at = zone.text(of: instant)
      utc = instant.description
      intervalStart = interval.map { zone.text(of: $0.start) }
      intervalEnd = interval.map { zone.text(of: $0.end) }
    }

    static func list(_ firings: [Firing], asked: Int, _ console: Console) throws {
      try console.list(
        firings, empty: "no firing: the years 1 to 9999 hold none on this side",
        [
          TableColumn("fires") { $0.at }, TableColumn("in UTC") { $0.utc },
          TableColumn("data from") { $0.intervalStart ?? "" },
          TableColumn("to") { $0.intervalEnd ?? "" },
        ])
      if !firings.isEmpty, firings.count < asked { console.note("no more firings") }
    }
  }

  struct Next: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "The next firings, with their offsets and the data that each covers.")
    @OptionGroup var question: Question

    func run() throws { try question.list(forward: true) }
  }

  struct Previous: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "The firings before, the latest first.")
    @OptionGroup var question: Question

    func run() throws { try question.list(forward: false) }
  }

  struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "What an expression means, in words.")
    @OptionGroup var question: Question

    struct Explanation: Encodable {
      let expression: String
      let zone: String
      let fields: [CronFieldMeaning]
      let days: String
      let law: String
      let lawMeaning: String
      let data: String
      let next: [Firing]
    }

    func run() throws {
      let cron = try question.cron()
      let explanation = Explanation(
        expression: cron.expression, zone: try question.checkedZone().name,
        fields: cron.fieldMeanings, days: cron.dayMeaning, law: cron.law.rawValue,
        lawMeaning: cron.lawMeaning, data: cron.dataMeaning,
        next: try question.firings(forward: true))
      let console = question.global.console
      if console.json { return try console.print(json: explanation) }
      console.print("\(explanation.expression) in \(explanation.zone)")
      try console.list(
        explanation.fields, empty: "",
        [
          TableColumn("field") { $0.field }, TableColumn("written") { $0.text },
          TableColumn("means") { $0.meaning },
        ])
      console.print("days:   \(explanation.days)")
      console.print("clocks: \(explanation.lawMeaning)")
      console.print("data:   \(explanation.data)")
      console.print("")
      try Firing.list(explanation.next, asked: question.count, console)
    }
  }
}
