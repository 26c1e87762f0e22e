import ArgumentParser
import Columns
import FeatureStore
import Features
import Foundation
import Models
import Schedules
import Tasks
import Warehouse

/// `strata features …`: what is known about customers.
struct FeaturesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "features", abstract: "Features: definitions and a customer's values.",
    subcommands: [List.self, Show.self, SQLText.self, Of.self, Plan.self])

  struct Summary: Encodable {
    let name: String
    let aliases: [String]
    let type: String
    let unit: String
    let window: String?
    let source: String
    let owner: String?
    let description: String
    /// What the values are, in normal form, with conditions and what attributes are derived from.
    let meaning: String

    init(_ feature: FeatureDefinition, _ attributes: ProfileAttributes) {
      name = feature.name
      aliases = feature.aliases
      type = feature.type.rawValue
      unit = feature.unit.rawValue
      window = feature.window?.description
      source = feature.source
      owner = feature.owner
      description = feature.description
      meaning = feature.meaning(attributes)
    }
  }

  static func load(_ global: GlobalOptions) throws -> (Catalogues, FeatureCatalogue) {
    let project = try Project(directory: URL(fileURLWithPath: global.project))
    let catalogues = Catalogues(project: project)
    return (catalogues, try catalogues.features())
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Every feature of the project.")
    @Flag(help: "Hidden ones, too: what the segments' rules ask about events.") var all = false
    @OptionGroup var global: GlobalOptions

    func run() throws {
      let (catalogues, catalogue) = try FeaturesCommand.load(global)
      let attributes = try catalogues.profileAttributes()
      try global.console.list(
        (all ? catalogue.features : catalogue.declared).map { Summary($0, attributes) },
        empty: "features.yaml declares none",
        [
          TableColumn("feature") { $0.name },
          TableColumn("type") { $0.type },
          TableColumn("unit") { $0.unit },
          TableColumn("window") { $0.window ?? "-" },
          TableColumn("from") { $0.source },
          TableColumn("description") { $0.description },
        ])
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "One feature.")
    @Argument(help: "The feature's name or alias.") var feature: String
    @OptionGroup var global: GlobalOptions

    func run() throws {
      let (catalogues, catalogue) = try FeaturesCommand.load(global)
      let summary = Summary(
        try catalogue.resolve(feature), try catalogues.profileAttributes())
      let console = global.console
      if console.json { return try console.print(json: summary) }
      var lines = [
        summary.description.isEmpty ? summary.name : "\(summary.name): \(summary.description)"
      ]
      if !summary.aliases.isEmpty {
        lines.append("aliases  \(summary.aliases.joined(separator: ", "))")
      }
      lines += ["type     \(summary.type)", "unit     \(summary.unit)"]
      if let window = summary.window { lines.append("window   \(window)") }
      lines += ["from     \(summary.source)", "means    \(summary.meaning)"]
      if let owner = summary.owner { lines.append("owner    \(owner)") }
      console.print(lines.joined(separator: "\n"))
    }
  }

  struct SQLText: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "sql", abstract: "A feature as SQL, one row per customer.")
    @Argument(help: "The feature's name or alias.") var feature: String
    @Option(help: "The instant, RFC 3339, or a day for its end; default the end of yesterday.")
    var asOf: String?
    @Option(help: "The last day that counts; the same as --as-of with a day.") var date: String?
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      guard asOf == nil || date == nil else {
        throw ValidationError("expected --as-of or --date, found both")
      }
    }

    func run() throws {
      let (catalogues, catalogue) = try FeaturesCommand.load(global)
      let zone = catalogues.project.zone
      let yesterday = try IntervalChoice(date: date, interval: nil)
        .resolve(in: zone, now: SystemClock().now())
      let instant = try asOf.map { try Moment.instant($0, in: zone) } ?? yesterday.asOf
      let sql = try FeatureSQL.text(
        of: feature, in: catalogue, asOf: instant, zone: zone,
        attributes: catalogues.profileAttributes())
      if global.json { return try global.console.print(json: ["feature": feature, "sql": sql]) }
      global.console.print(sql)
    }
  }

  struct Of: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "A customer's features, now or at an instant.")
    @Argument(help: "The customer's key.") var customer: String
    @Option(help: "The instant, RFC 3339, or a day for its end; default the live publication's.")
    var asOf: String?
    @Option(
      help: ArgumentHelp(
        "As it was known then: late events, corrections and merges recorded later have not happened.",
        valueName: "instant"))
    var knownAt: String?
    @Flag(help: "Hidden features, too: what the segments' rules ask about events.") var all = false
    @OptionGroup var global: GlobalOptions

    struct Value: Encodable {
      let feature: String
      let value: String?
      let unit: String
      let description: String
    }

    private static func unknown(_ customer: String, _ known: Instant?) -> UsageError {
      UsageError(
        message: "expected a customer's key, found '\(customer)', "
          + (known == nil ? "which no source has named" : "which was not known by then"))
    }

    func run() async throws {
      try await Session.open(global, limit: 4) { session in
        let zone = session.project.zone
        let catalogue = try Catalogues(project: session.project)
          .features()
        let instant = try await Moment.asOf(asOf, session)
        let known = try knownAt.map { try Moment.instant($0, in: zone) }
        let found = try await FeatureBuilder.customer(
          withKey: customer, knownAt: known, in: session.pool)
        guard let id = found else { throw Self.unknown(customer, known) }
        var table =
          if let known {
            try await KnownFeatures(pool: session.pool, zone: zone, knownAt: known).build(
              catalogue, asOf: instant, customers: [id]
            ).table
          } else {
            try await FeatureBuilder(pool: session.pool, zone: zone).features(
              of: id, catalogue, asOf: instant)
          }
        try await Scorer(session.pool, zone: zone).supply(&table)
        guard let place = table.row(of: id) else {
          if let known, known < instant { throw Self.unknown(customer, known) }
          throw UsageError(
            message:
              "customer '\(customer)' was not known yet at \(Moment.local(instant, in: zone))")
        }
        let values = try (all ? catalogue.features : catalogue.declared).map { feature in
          Value(
            feature: feature.name,
            value: try ValueText.of(table.column(named: feature.name), row: place),
            unit: feature.unit.rawValue, description: feature.description)
        }
        let then = known.map { ", as known at \(Moment.local($0, in: zone))" } ?? ""
        session.console.note("customer \(customer) as of \(Moment.local(instant, in: zone))\(then)")
        try session.console.list(
          values, empty: "features.yaml declares none",
          [
            TableColumn("feature") { $0.feature },
            TableColumn(number: "value") { $0.value ?? "null" },
            TableColumn("unit") { $0.unit },
            TableColumn("description") { $0.description },
          ])
      }
    }
  }
}

/// A cell of a column as text.
enum ValueText {
  static func of(_ column: Column, row: Int) -> String? {
    switch column {
    case .integer(let dense, let scale): dense[row].map { decimal($0, scale: scale) }
    case .real(let dense): dense[row].map { Format.decimal($0, 4) }
    case .text(let dense, let dictionary): dense[row].map { dictionary[Int($0)] }
    case .boolean(let dense): dense[row].map { $0 ? "true" : "false" }
    case .instant(let dense): dense[row].map { Instant(microseconds: $0).description }
    case .day(let dense): dense[row].map { Day(number: $0).description }
    }
  }

  private static func decimal(_ value: Int64, scale: Int) -> String {
    guard scale > 0 else { return String(value) }
    let digits = String(value.magnitude)
    let padded = String(repeating: "0", count: max(0, scale + 1 - digits.count)) + digits
    var text = padded.dropLast(scale) + "." + padded.suffix(scale)
    while text.hasSuffix("0") { text = text.dropLast() }
    if text.hasSuffix(".") { text = text.dropLast() }
    return (value < 0 ? "-" : "") + text
  }
}
