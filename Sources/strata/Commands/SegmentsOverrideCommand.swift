import ArgumentParser
import Foundation
import Schedules
import Segments
import Tasks

/// `strata segments override …`: what people decide about customers, whatever the rules say.
struct SegmentsOverrideCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "override",
    abstract: "Put a customer into a segment or take one out, whatever the rule says.",
    discussion: """
      An override counts from the next publication on whose as-of it is in force, at once where \
      strata watch runs. Nothing is ever changed or deleted: a removal is recorded, too.
      """,
    subcommands: [Add.self, Remove.self, List.self])

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Pin a customer into a segment, or out of it.")
    @Argument(help: "The customer, the company's own key.") var customer: String
    @Argument(help: "The segment's name.") var segment: String
    @Flag(help: "Out of the segment; without it into the segment.") var out = false
    @Option(help: "Why.") var reason: String
    @Option(help: "Who decides; without it the user of this system.") var author: String?
    @Option(help: "The first as-of, RFC 3339, or a day for its start; without it now.")
    var from: String?
    @Option(help: "When it expires, RFC 3339, or a day for its end; without it never.")
    var expires: String?
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      let project = try Project(directory: URL(fileURLWithPath: global.project))
      let catalogues = Catalogues(project: project)
      let catalogue = try catalogues.segments(features: try catalogues.features())
      let order = OverrideStore.Order(
        customerKey: customer, segment: segment, direction: out ? .out : .in,
        validFrom: try from.map { try Self.start($0, in: project.zone) },
        expires: try expires.map { try Moment.instant($0, in: project.zone) },
        author: SegmentsOverrideCommand.author(author), reason: reason)
      try await Session.open(global, limit: 1) { session in
        let made = try await OverrideStore(pool: session.pool).add(order, catalogue: catalogue)
        if session.console.json { return try session.console.print(json: made) }
        let until = made.validTo.map { " until \(Moment.local($0, in: project.zone))" } ?? ""
        session.console.print(
          "override \(made.id): '\(made.customerKey)' is \(out ? "out of" : "in") "
            + "'\(made.segment)' from \(Moment.local(made.validFrom, in: project.zone))\(until)")
      }
    }

    private static func start(_ text: String, in zone: Zone) throws -> Instant {
      if let day = Day(iso8601: text) { return zone.midnight(day) }
      return try Moment.instant(text, in: zone)
    }
  }

  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "End an override from now on; past days stay as they were.")
    @Argument(help: "Its number; strata segments override list shows them.") var id: Int64
    @Option(help: "Why.") var reason: String
    @Option(help: "Who decides; without it the user of this system.") var author: String?
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      try await Session.open(global, limit: 1) { session in
        let removed = try await OverrideStore(pool: session.pool).remove(
          id, author: SegmentsOverrideCommand.author(author), reason: reason)
        if session.console.json { return try session.console.print(json: removed) }
        session.console.print(
          "override \(id) of '\(removed.customerKey)' and '\(removed.segment)' is removed")
      }
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "The overrides that count now or will, oldest first.")
    @Flag(help: "Also those that have expired or were removed.") var all = false
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      try await Session.open(global, limit: 1) { session in
        let zone = session.project.zone
        let overrides = try await OverrideStore(pool: session.pool).list(all: all)
        try session.console.list(
          overrides, empty: all ? "there was never an override" : "no override counts",
          [
            TableColumn(number: "id") { "\($0.id)" },
            TableColumn("customer") { $0.customerKey },
            TableColumn("segment") { $0.segment },
            TableColumn("pin") { $0.direction.rawValue },
            TableColumn("from") { Moment.local($0.validFrom, in: zone) },
            TableColumn("expires") { $0.expires.map { Moment.local($0, in: zone) } ?? "-" },
            TableColumn("removed") { $0.removedAt.map { Moment.local($0, in: zone) } ?? "-" },
            TableColumn("author") { $0.author },
            TableColumn("reason") { $0.reason },
          ])
      }
    }
  }

  /// The author named, else the user whom the system knows.
  private static func author(_ named: String?) -> String {
    if let named, named.contains(where: { !$0.isWhitespace }) { return named }
    return ProcessInfo.processInfo.userName
  }
}
