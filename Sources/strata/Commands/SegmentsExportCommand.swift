import ArgumentParser
import Foundation
import Schedules
import Segments

extension SegmentExport.Format: ExpressibleByArgument {}

/// `strata segments export …`: members for other systems.
struct SegmentsExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "The members of a segment, or of all, as CSV or NDJSON.",
    discussion: """
      Rows are streamed from one publication, in the order of segment and internal number. A file \
      appears whole or not at all, and is compressed where its name ends in .gz.

      Columns: customer_id, customer_key, segment; of the live publication also since, cause, \
      rule_version, run_id; and profile.ATTRIBUTE for each attribute of the profile, as it is now.
      """)
  @Argument(help: "The segment's name.") var segment: String?
  @Flag(help: "All segments.") var all = false
  @Option(help: "The instant, RFC 3339, or a day for its end; without it, the live publication.")
  var asOf: String?
  @Option(help: "What was known at this instant, or at the end of this day; with --as-of.")
  var knownAt: String?
  @Option(help: "csv (RFC 4180, with a header) or ndjson.") var format: SegmentExport.Format?
  @Option(
    name: .shortAndLong, help: "The file; without it, standard output.",
    completion: .file())
  var output: String?
  @Option(help: "Columns with commas between them, in their order.") var columns: String?
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard all != (segment != nil) else {
      throw ValidationError(
        "expected the name of a segment or --all, found "
          + (all ? "both" : "neither"))
    }
    guard knownAt == nil || asOf != nil else {
      throw ValidationError("expected --as-of with --known-at, found none")
    }
  }

  /// `--format`, else what the file's name says, else NDJSON under `--json`, else CSV.
  private var chosenFormat: SegmentExport.Format {
    if let format { return format }
    let name = output.map { $0.hasSuffix(".gz") ? String($0.dropLast(3)) : $0 } ?? ""
    if name.hasSuffix(".ndjson") || name.hasSuffix(".jsonl") { return .ndjson }
    return global.json && !name.hasSuffix(".csv") ? .ndjson : .csv
  }

  func run() async throws {
    try await Session.open(global, limit: 2) { session in
      let zone = session.project.zone
      let names = columns?.split(separator: ",", omittingEmptySubsequences: false).map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      let request = SegmentExport.Request(
        segment: segment, asOf: try asOf.map { try Moment.instant($0, in: zone) },
        knownAt: try knownAt.map { try Moment.instant($0, in: zone) }, format: chosenFormat,
        columns: names ?? [])
      let file = try OutputFile(path: output)
      let members = try await SegmentExport(pool: session.pool).write(request) {
        try file.append($0)
      }
      try file.finish()
      if let output {
        session.console.note("\(Format.count(members)) members written to \(output)")
      }
    }
  }
}
