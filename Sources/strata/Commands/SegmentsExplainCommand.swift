import ArgumentParser
import Features
import Models
import Schedules
import Segments
import Tasks

/// `strata segments explain CUSTOMER [SEGMENT]`: why somebody is in a segment, or is not.
struct SegmentsExplainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Why a customer is in a segment, or is not.",
    discussion: """
      With a segment: the rule clause by clause, with the customer's values, the events behind them, \
      and since when by which run the customer is in. Without one: every segment in short.

      A past date is explained by the rules that were published then, from what was known when they \
      were; --known-at now explains it from what is known now.
      """)

  @Argument(help: "The customer's key.") var customer: String
  @Argument(help: "The segment's name; every segment in short without it.") var segment: String?
  @Option(
    help: ArgumentHelp(
      "The instant, RFC 3339, or a day for its end; default the live publication.",
      valueName: "instant"))
  var asOf: String?
  @Option(
    help: ArgumentHelp(
      "now, or an instant whose knowledge counts; default that of the publication.",
      valueName: "instant"))
  var knownAt: String?
  @Option(help: ArgumentHelp("At most so many events of each kind.", valueName: "n"))
  var events = 3
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard (0...1000).contains(events) else {
      throw ValidationError("expected --events from 0 to 1000, found \(events)")
    }
  }

  func run() async throws {
    try await Session.open(global, limit: 4) { session in
      let zone = session.project.zone
      var question = SegmentExplainer.Question(
        customer, segment: segment, asOf: try asOf.map { try Moment.instant($0, in: zone) },
        events: events)
      switch knownAt {
      case nil: break
      case "now": question.knowledge = .now
      case .some(let text):
        question.knowledge = .instant
        question.knownAt = try Moment.instant(text, in: zone)
      }
      let catalogues = Catalogues(project: session.project)
      let features = try catalogues.features()
      let scorer = Scorer(session.pool, zone: zone)
      let explain = SegmentExplainer(
        pool: session.pool, zone: zone, features: features,
        segments: try catalogues.segments(features: features),
        attributes: try catalogues.profileAttributes(),
        supply: { _ = try await scorer.supply(&$0) })
      let found = try await explain(question)
      let console = session.console
      if console.json { return try console.print(json: found) }
      console.print(found.text(zone: zone, console.out.textStyle))
    }
  }
}

extension Terminal {
  /// How texts of explanations and plans may look on it.
  var textStyle: TextStyle { TextStyle(isColoured: colour, isUnicode: isUnicode) }
}
