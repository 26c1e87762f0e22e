import ArgumentParser
import Features
import Schedules
import Segments
import Tasks

/// `strata segments diff A B`: two dates, two segments, or two versions of a rule.
struct SegmentsDiffCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "What two dates, two segments, or two versions of a rule differ in.",
    discussion: """
      Two dates: who entered and who left each segment between them. Two segments: who is in both, \
      and in one only. Two versions of one segment's rule, NAME@VERSION, the version as segments show \
      has it or its first digits, file for that of the file: whom each takes at the live publication.
      """)

  @Argument(help: "A day, an instant, a segment, or NAME@VERSION.") var first: String
  @Argument(help: "Another of the same.") var second: String
  @Option(help: "One segment, where dates are compared.") var segment: String?
  @Option(
    help: ArgumentHelp(
      "The instant at which segments are compared; default now.", valueName: "instant"))
  var asOf: String?
  @Option(help: ArgumentHelp("At most so many customers of each kind.", valueName: "n"))
  var sample = 5
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard (0...1000).contains(sample) else {
      throw ValidationError("expected --sample from 0 to 1000, found \(sample)")
    }
  }

  private static func date(_ text: String, _ zone: Zone) -> Instant? {
    Instant(rfc3339: text) ?? Day(iso8601: text).map { zone.midnight($0 + 1) }
  }

  func run() async throws {
    try await Session.open(global) { session in
      let zone = session.project.zone
      let console = session.console
      let difference = SegmentDifference(pool: session.pool)
      if let from = Self.date(first, zone), let to = Self.date(second, zone) {
        let found = try await difference.between(from, to, segment: segment, sample: sample)
        if console.json { return try console.print(json: found) }
        return console.print(found.text(zone: zone, console.out.textStyle))
      }
      if first.contains("@"), second.contains("@") {
        let plan = try await versions(session)
        if console.json { return try console.print(json: plan) }
        return console.print(plan.text(zone: zone, console.out.textStyle))
      }
      guard Self.date(first, zone) == nil, Self.date(second, zone) == nil,
        !first.contains("@"), !second.contains("@")
      else {
        throw UsageError(
          message: "expected two dates, two segments or two versions, found '\(first)' and "
            + "'\(second)'",
          hint: "strata segments diff 2025-05-01 2025-06-01, or loyal at_risk, or loyal@3f2a "
            + "loyal@file")
      }
      let instant = try asOf.map { try Moment.instant($0, in: zone) }
      let found = try await difference.of(first, second, asOf: instant, sample: sample)
      if console.json { return try console.print(json: found) }
      console.print(found.text(zone: zone, console.out.textStyle))
    }
  }

  private func versions(_ session: Session) async throws -> RuleDifference {
    func parts(_ text: String) -> (String, String) {
      let at = text.lastIndex(of: "@") ?? text.endIndex
      return (String(text[..<at]), String(text[at...].dropFirst()))
    }
    let (name, was) = parts(first)
    let (other, now) = parts(second)
    guard name == other else {
      throw UsageError(
        message: "expected two versions of one segment, found '\(name)' and '\(other)'",
        hint: "strata segments diff \(name)@\(was) \(name)@\(now)")
    }
    let catalogues = Catalogues(project: session.project)
    let features = try catalogues.features()
    let planner = SegmentPlanner(
      pool: session.pool, zone: session.project.zone, features: features,
      segments: try catalogues.segments(features: features),
      attributes: try catalogues.profileAttributes(),
      supply: SegmentsPlanCommand.supply(session))
    return try await planner.versions(of: name, was, now, sample: sample)
  }
}
