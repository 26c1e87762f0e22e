import ArgumentParser
import Features
import Foundation
import Schedules
import Segments
import Tasks

/// `strata segments …`: who is in what, since when, and by which rule.
struct SegmentsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "segments", abstract: "Segments: sizes, members, rules.",
    subcommands: [
      List.self, Show.self, Sizes.self, Members.self, Validate.self,
      SegmentsExplainCommand.self, SegmentsPlanCommand.self, SegmentsPreviewCommand.self,
      SegmentsDiffCommand.self, SegmentsSQLCommand.self, SegmentsOverrideCommand.self,
      SegmentsExportCommand.self,
    ])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "The published segments with size and movement.")
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      try await Session.open(global, limit: 1) { session in
        let listing = try await SegmentReader(pool: session.pool).list()
        let zone = session.project.zone
        try session.console.list(
          listing, empty: "nothing is published yet; try: strata run nightly_segments",
          [
            TableColumn("segment") { $0.segment },
            TableColumn("title") { $0.title },
            TableColumn(number: "members") { Format.count($0.members) },
            TableColumn(number: "entered") { Format.count($0.entered) },
            TableColumn(number: "left") { Format.count($0.left) },
            TableColumn("as of") { Moment.local($0.asOf, in: zone) },
            TableColumn("view") { $0.audienceView },
          ])
      }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "One published segment with the rules it has had.")
    @Argument(help: "The segment's name.") var segment: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      try await Session.open(global, limit: 1) { session in
        let detail = try await SegmentReader(pool: session.pool).show(segment)
        let console = session.console
        if console.json { return try console.print(json: detail) }
        let zone = session.project.zone
        console.print(Style.bold("\(detail.title) (\(detail.segment))", if: console.out.colour))
        if !detail.description.isEmpty { console.print(detail.description) }
        if let members = detail.members, let asOf = detail.asOf {
          console.print(
            "\(Format.count(members)) members as of \(Moment.local(asOf, in: zone)), "
              + "\(Format.count(detail.entered ?? 0)) entered, "
              + "\(Format.count(detail.left ?? 0)) left")
        }
        if let view = detail.audienceView { console.print("view: audience.\(view)") }
        if let promotion = detail.promotion { console.print("promotion: \(promotion)") }
        console.print("")
        try console.list(
          detail.versions, empty: "",
          [
            TableColumn("version") { String($0.ruleVersion.prefix(12)) },
            TableColumn("from as-of") { Moment.local($0.asOf, in: zone) },
            TableColumn(number: "run") { $0.runID.map(String.init) ?? "-" },
            TableColumn("by") { $0.author ?? "-" },
            TableColumn("why") { $0.message ?? "-" },
            TableColumn("rule") { $0.rule },
          ])
      }
    }
  }

  struct Sizes: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Sizes over time.")
    @Argument(help: "One segment; all without it.") var segment: String?
    @Option(help: "The first day.") var from: String?
    @Option(help: "The last day.") var to: String?
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      try await Session.open(global, limit: 1) { session in
        let zone = session.project.zone
        let sizes = try await SegmentReader(pool: session.pool).sizes(
          of: segment, from: try from.map { try Moment.instant($0, in: zone) },
          to: try to.map { try Moment.instant($0, in: zone) })
        try session.console.list(
          sizes, empty: "nothing is published in that time",
          [
            TableColumn("as of") { Moment.local($0.asOf, in: zone) },
            TableColumn("segment") { $0.segment },
            TableColumn(number: "members") { Format.count($0.members) },
            TableColumn(number: "entered") { Format.count($0.entered) },
            TableColumn(number: "left") { Format.count($0.left) },
          ])
      }
    }
  }

  struct Members: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "The members of a segment, now or at an instant.")
    @Argument(help: "The segment's name.") var segment: String
    @Option(help: "The instant, RFC 3339, or a day for its end.") var asOf: String?
    @Option(help: "At most so many.") var limit: Int?
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      try await Session.open(global, limit: 1) { session in
        let zone = session.project.zone
        let instant = try asOf.map { try Moment.instant($0, in: zone) }
        let members = try await SegmentReader(pool: session.pool).members(
          of: segment, asOf: instant, limit: limit)
        try session.console.list(
          members, empty: "\(segment) has no members",
          [
            TableColumn(number: "id") { "\($0.customerID)" },
            TableColumn("customer") { $0.customerKey ?? "-" },
            TableColumn("since") { $0.since.map { Moment.local($0, in: zone) } ?? "-" },
            TableColumn("cause") { $0.cause ?? "-" },
          ])
      }
    }
  }

  struct Validate: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check features.yaml and segments.yaml; exit code 2 where something is wrong.")
    @OptionGroup var global: GlobalOptions

    func run() throws {
      let project = try Project(directory: URL(fileURLWithPath: global.project))
      let catalogues = Catalogues(project: project)
      let features = try catalogues.features()
      let segments = try catalogues.segments(features: features)
      global.console.note(
        "\(features.features.count) features and \(segments.segments.count) segments checked, "
          + "no problem")
    }
  }
}
