import ArgumentParser
import Features
import Models
import Schedules
import Segments
import Tasks

/// `strata segments plan`: what publishing the edited files would change.
struct SegmentsPlanCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan", abstract: "What publishing the edited catalogue would change.",
    discussion: """
      Compares the project's files with the live publication: members now and then, who enters and \
      leaves and why, overlaps, and the sizes of the days before. Nothing is published; only rules \
      that change are evaluated, with what depends on them.
      """)

  @Option(help: ArgumentHelp("How many days before are compared; 0 for none.", valueName: "n"))
  var days = 30
  @Option(
    help: ArgumentHelp("At most so many customers who enter, and who leave.", valueName: "n"))
  var sample = 3
  @Option(
    help: ArgumentHelp(
      """
      Leave with 5 where more than this share of a published segment's members enters or leaves, for \
      example 20%.
      """, valueName: "share"))
  var failIfChange: Share?
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard (0...3660).contains(days) else {
      throw ValidationError("expected --days from 0 to 3660, found \(days)")
    }
    guard (0...1000).contains(sample) else {
      throw ValidationError("expected --sample from 0 to 1000, found \(sample)")
    }
  }

  func run() async throws {
    try await Session.open(global) { session in
      let console = session.console
      let zone = session.project.zone
      let catalogues = Catalogues(project: session.project)
      let features = try catalogues.features()
      let planner = SegmentPlanner(
        pool: session.pool, zone: zone, features: features,
        segments: try catalogues.segments(features: features),
        attributes: try catalogues.profileAttributes(),
        supply: Self.supply(session))
      let change = try await catalogues.featurePlan(in: session.pool).plan
      let options = SegmentPlanner.Options(
        days: days, sample: sample, changedFeatures: change.changedFeatures)
      let line = ProgressLine(console, "evaluating")
      let plan = try await Signals.cancelling {
        try await planner(options) { line.show($0.done, of: $0.total) }
      }
      line.clear()
      if console.json {
        try console.print(json: plan)
      } else {
        console.print(plan.text(zone: zone, limit: failIfChange?.value, console.out.textStyle))
      }
      guard let limit = failIfChange else { return }
      let beyond = plan.changes(beyond: limit.value)
      guard !beyond.isEmpty else { return }
      console.warn(
        "more than \(limit.text) of the members of "
          + beyond.map(\.segment).joined(separator: ", ") + " would enter or leave")
      throw ExitCode(5)
    }
  }

  /// Gives tables the scores that count at their as-of.
  static func supply(_ session: Session) -> SegmentExplainer.Supply {
    let scorer = Scorer(session.pool, zone: session.project.zone)
    return { _ = try await scorer.supply(&$0) }
  }
}

/// A share as people write it: `20%` or `0.2`.
struct Share: ExpressibleByArgument {
  let value: Double
  let text: String

  init?(argument: String) {
    let isPercent = argument.hasSuffix("%")
    guard let number = Double(isPercent ? String(argument.dropLast()) : argument), number >= 0,
      number.isFinite
    else { return nil }
    value = isPercent ? number / 100 : number
    text = argument
  }
}

extension FeaturePlan {
  /// The features that have other values than those of the last build; none before the first.
  var changedFeatures: Set<String> {
    if isFirst { return [] }
    let others: Set<Category> = [.changed, .affected]
    return Set(features.filter { others.contains($0.category) }.map(\.feature))
  }
}

/// How far something has come, on one line of a terminal that a person looks at.
struct ProgressLine: Sendable {
  private let console: Console
  private let verb: String

  init(_ console: Console, _ verb: String) {
    self.console = console
    self.verb = verb
  }

  private var isShown: Bool {
    console.err.isInteractive && !console.quiet && !console.json && !Console.logsJSON
  }

  func show(_ done: Int, of total: Int) {
    if isShown { Console.write("\r\u{1B}[K\(verb): \(done) of \(total)", to: 2) }
  }

  func clear() {
    if isShown { Console.write("\r\u{1B}[K", to: 2) }
  }
}
