import Columns
import FeatureStore
import Features
import Rules
import Schedules
import Warehouse

/// Whom a rule would take, judged by a sample of customers.
public struct SegmentPreview: Sendable, Hashable, Codable {
  /// A customer of the sample who is a member.
  public struct Member: Sendable, Hashable, Codable {
    /// The internal number.
    public let customerID: Int64
    /// The company's own key; nil where the customer is unknown by now.
    public let customerKey: String?
    /// The clauses that are true, with the customer's values.
    public let reasons: [String]
  }

  /// The segment; nil for a rule that stands alone.
  public let segment: String?
  /// The rule in its normal form.
  public let rule: String
  /// The instant evaluated.
  public let asOf: Instant
  /// How many customers there are.
  public let population: Int
  /// How many were evaluated.
  public let sample: Int
  /// Members in the sample.
  public let members: Int
  /// Customers of the sample of whom the rule says nothing, because a value is missing.
  public let unknown: Int
  /// Members among everyone, about.
  public let estimate: Int
  /// The interval that holds the true number in 95 of 100 samples, by Wilson's score.
  public let low: Int
  /// Its upper end.
  public let high: Int
  /// Where top and bottom conditions cut among everyone.
  public let cuts: [PercentileCut]
  /// Some members.
  public let shown: [Member]
}

/// Wilson's score interval of a share (Wilson 1927), 95 %, for a sample without replacement.
enum WilsonInterval {
  /// The members among a population, judged by a sample.
  ///
  /// - Returns: the number expected and the bounds, in whole customers; exact for a sample of all.
  static func members(
    _ members: Int, of sample: Int, population: Int
  ) -> (estimate: Int, low: Int, high: Int) {
    guard sample > 0, sample < population else { return (members, members, members) }
    let share = Double(members) / Double(sample)
    // What was drawn is not drawn again: the effective sample is larger.
    let size = Double(sample) * Double(population - 1) / Double(population - sample)
    let z = 1.959963984540054
    let middle = (share + z * z / (2 * size)) / (1 + z * z / size)
    let half =
      z * ((share * (1 - share) + z * z / (4 * size)) / size).squareRoot() / (1 + z * z / size)
    // Those seen are members, those seen outside are none.
    let low = max(Double(members), (middle - half) * Double(population))
    let high = min(
      Double(population - (sample - members)), (middle + half) * Double(population))
    return (
      Int((share * Double(population)).rounded()), Int(low.rounded(.down)), Int(high.rounded(.up))
    )
  }
}

extension SegmentPlanner {
  /// Whom a rule would take at the live publication's instant, judged by a sample.
  ///
  /// - Parameters:
  ///   - segment: its name in the catalogue.
  ///   - sample: how many customers are evaluated; all where there are no more.
  ///   - shown: at most so many members.
  /// - Throws: ``SegmentError`` `segments.unknown_segment`; what building features throws.
  public func preview(
    segment: String, sample: Int, shown: Int
  ) async throws -> SegmentPreview {
    guard let found = segments.segment(named: segment) else {
      throw SegmentError.unknownSegment(segment, among: segments.segments.map(\.name))
    }
    return try await preview(found.rule, of: found.name, sample: sample, shown: shown)
  }

  /// Whom a rule that stands alone would take; it may refer to segments of the catalogue.
  ///
  /// - Throws: `RuleErrors` with every problem of the rule; what building features throws.
  public func preview(rule text: String, sample: Int, shown: Int) async throws -> SegmentPreview {
    let rule = try segments.rule(
      text, attributes: FeatureAttributes(features), zone: zone)
    return try await preview(rule, of: nil, sample: sample, shown: shown)
  }

  private func preview(
    _ rule: Rule, of segment: String?, sample: Int, shown: Int
  ) async throws -> SegmentPreview {
    let name = segment ?? "this rule"
    let catalogue = try segments.replacing(name, by: rule).closed(over: [name])
    let rules = RuleSet(catalogue)
    let tested = rules.rules.flatMap { $0.rule.attributes }
    let read = try features.answering(tested.compactMap(\.question))
      .restricted(to: tested.map(\.name))
    let days = LocalDays(zone: zone)
    let live = try await SegmentReader(pool: pool).liveAsOf()
    let asOf = live ?? days.lastMidnight(at: clock.now())
    let population = try await pool.first(
      SQL(file: "queries/segments/count_customers_at.sql", asOf)
    )?.get("customers", as: Int64.self)
    let drawn = try await pool.query(
      SQL(file: "queries/segments/draw_customers.sql", asOf, Int64(sample))
    ).map { try $0.get("customer_id", as: Int64.self) }
    let table = try await table(read, asOf: asOf, of: IDIndex(drawn))
    var cuts: PopulationCuts?
    if !rules.percentileAttributes.isEmpty {
      // A share of everyone cannot be judged by some.
      let everyone = try await self.table(
        try read.restricted(to: rules.percentileAttributes.map(\.name)),
        asOf: days.lastMidnight(at: asOf))
      cuts = try rules.cuts(FeatureColumns(everyone))
    }
    let prior = try await prior(of: catalogue, before: asOf)
    let source = FeatureColumns(table, prior: prior?.rows(of: table.index))
    let verdict = try rules.evaluate(source, cuts: cuts).verdicts[name]
    let members = verdict?.isTrue ?? Bitset(count: table.index.count)
    let estimate = WilsonInterval.members(
      members.population, of: table.index.count, population: Int(population ?? 0))
    var explainer = Explainer(source, catalogue: catalogue, cuts: cuts?.reports ?? [])
    let explained = try catalogue.resolve(name)
    let ids = SampleOrder.draw(shown, of: members.rows.lazy.map { table.index.ids[$0] })
    let keys = try await keys(of: ids)
    return SegmentPreview(
      segment: segment, rule: rule.expression.normalised.description, asOf: asOf,
      population: Int(population ?? 0), sample: table.index.count, members: members.population,
      unknown: verdict?.isUnknown.population ?? 0, estimate: estimate.estimate,
      low: estimate.low, high: estimate.high, cuts: cuts?.reports ?? [],
      shown: try ids.compactMap { id in
        guard let row = table.row(of: id) else { return nil }
        return SegmentPreview.Member(
          customerID: id, customerKey: keys[id],
          reasons: try explainer.explain(explained, row: row).reasons)
      })
  }

  /// The features of everyone, or of some customers, with their scores: from the tiles, and from the
  /// events themselves where the tiles lack what a rule that no night has built yet reads.
  func table(
    _ catalogue: FeatureCatalogue, asOf: Instant, of customers: IDIndex? = nil
  ) async throws -> FeatureTable {
    let builder = FeatureBuilder(pool: pool, zone: zone)
    var table: FeatureTable
    do {
      if let customers {
        table = try await builder.features(of: customers, catalogue, asOf: asOf)
      } else {
        table = try await builder.build(catalogue, asOf: asOf, saving: false).table
      }
    } catch let error as FeatureStoreError where error.code == "feature_store.missing_measure" {
      table = try await KnownFeatures(pool: pool, zone: zone, knownAt: clock.now()).build(
        catalogue, asOf: asOf, customers: customers?.ids
      ).table
    }
    try await supply(&table)
    return table
  }

  /// The company's keys of some customers.
  func keys(of customers: [Int64]) async throws -> [Int64: String] {
    if customers.isEmpty { return [:] }
    var keys: [Int64: String] = [:]
    let rows = try await pool.query(
      SQL(file: "queries/segments/list_customer_keys.sql", customers))
    for row in rows { keys[try row.get("customer_id")] = try row.get("customer_key") }
    return keys
  }
}

extension SegmentPreview {
  /// The preview as people read it.
  public func text(zone: Zone, _ ink: TextStyle = TextStyle()) -> String {
    var lines = [
      ink.bold(segment.map { RuleTextLine.visible($0) } ?? "the rule"),
      "  \(RuleTextLine.visible(rule))", "as of \(LocalText.moment(asOf, zone))", "",
    ]
    if sample == population {
      lines.append(
        "\(ink.bold(LocalText.plural(members, "member"))) of "
          + LocalText.plural(population, "customer"))
    } else {
      let about = ink.sign("≈", "about")
      lines.append(
        "\(ink.bold("\(about) \(LocalText.plural(estimate, "member"))")) of "
          + "\(LocalText.plural(population, "customer")): \(LocalText.count(low)) to "
          + "\(LocalText.count(high)) with 95 % confidence")
      lines.append(
        ink.dim(
          "\(LocalText.count(members)) of \(LocalText.count(sample)) customers drawn are members"))
    }
    if unknown > 0 {
      lines.append(
        "of \(LocalText.plural(unknown, "customer")) the rule says nothing: a value is missing")
    }
    for cut in cuts {
      let tie = cut.isDegenerate ? ", only values beyond it count" : ""
      lines.append(
        "\(RuleTextLine.visible(cut.condition)) cuts at \(cut.cut): "
          + "\(LocalText.count(cut.members)) of \(LocalText.count(cut.population))\(tie)")
    }
    if !shown.isEmpty { lines.append("") }
    for member in shown {
      let key = RuleTextLine.visible(member.customerKey ?? "#\(member.customerID)")
      lines.append(
        "  \(ink.bold(key))  \(member.reasons.map { RuleTextLine.visible($0) }.joined(separator: "; "))"
      )
    }
    return lines.joined(separator: "\n")
  }
}
