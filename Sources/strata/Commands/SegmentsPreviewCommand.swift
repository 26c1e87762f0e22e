import ArgumentParser
import Features
import Rules
import Schedules
import Segments
import Tasks

/// `strata segments preview NAME | --rule TEXT`: whom a rule would take, by a sample.
struct SegmentsPreviewCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "preview", abstract: "Whom a rule would take, judged by a sample of customers.",
    discussion: """
      The sample is the same every time. Sizes are told with the interval that holds the true number \
      in 95 of 100 samples; shares of everyone (top 10%) are cut among everyone.
      """)

  @Argument(help: "A segment of segments.yaml.") var segment: String?
  @Option(
    help: ArgumentHelp(
      "A rule, as it would stand in segments.yaml: \"orders_45d > 3\".", valueName: "text"))
  var rule: String?
  @Option(help: ArgumentHelp("How many customers are evaluated.", valueName: "n"))
  var sample = 10_000
  @Option(help: ArgumentHelp("At most so many members are shown.", valueName: "n"))
  var show = 5
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard (segment == nil) != (rule == nil) else {
      throw ValidationError(
        "expected a segment or --rule, found \(segment == nil ? "neither" : "both")")
    }
    guard sample >= 1 else {
      throw ValidationError("expected --sample of at least 1, found \(sample)")
    }
    guard (0...1000).contains(show) else {
      throw ValidationError("expected --show from 0 to 1000, found \(show)")
    }
  }

  func run() async throws {
    try await Session.open(global) { session in
      let zone = session.project.zone
      let catalogues = Catalogues(project: session.project)
      let features = try catalogues.features()
      let planner = SegmentPlanner(
        pool: session.pool, zone: zone, features: features,
        segments: try catalogues.segments(features: features),
        attributes: try catalogues.profileAttributes(),
        supply: SegmentsPlanCommand.supply(session))
      let preview =
        if let segment {
          try await planner.preview(segment: segment, sample: sample, shown: show)
        } else {
          try await planner.preview(rule: rule ?? "", sample: sample, shown: show)
        }
      let console = session.console
      if console.json { return try console.print(json: preview) }
      console.print(preview.text(zone: zone, console.out.textStyle))
    }
  }
}

/// `strata segments sql NAME`: the members as a query.
struct SegmentsSQLCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sql", abstract: "A segment's members as SQL that runs against the warehouse.")
  @Argument(help: "The segment's name.") var segment: String
  @Option(help: "The instant, RFC 3339, or a day for its end; default the end of yesterday.")
  var asOf: String?
  @Option(
    help: ArgumentHelp(
      "Only the rule, over a relation that holds one column per feature.", valueName: "name"))
  var relation: String?
  @OptionGroup var global: GlobalOptions

  func run() throws {
    let (catalogues, features) = try FeaturesCommand.load(global)
    let catalogue = try catalogues.segments(features: features)
    let found = try catalogue.find(segment)
    let sql: String
    let zone = catalogues.project.zone
    let yesterday = try IntervalChoice(date: nil, interval: nil)
      .resolve(in: zone, now: SystemClock().now())
    let instant = try asOf.map { try Moment.instant($0, in: zone) } ?? yesterday.asOf
    if let relation {
      var translator = RuleSQL(
        relation: relation, moment: RuleMoment(asOf: instant, zone: zone)
      ) { RuleSQL.identifier($0.name) }
      translator.readHistory()
      sql = try translator.select(found, of: catalogue)
    } else {
      sql = try SegmentSQL.text(
        of: found, in: catalogue, features: features, asOf: instant, zone: zone,
        attributes: catalogues.profileAttributes())
    }
    if global.json { return try global.console.print(json: ["segment": segment, "sql": sql]) }
    global.console.print(sql)
  }
}
