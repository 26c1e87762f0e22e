import Columns
import Diagnostics
import FeatureStore
import Features
import Rules
import Schedules
import Warehouse

/// Explains a customer's memberships at any instant: by the rules that were published then, from what
/// was known then.
///
/// 1. Find the publication that holds at the instant, and the rules that it used.
/// 2. Build the customer's features as they were known when it was made; where nothing that counts
///    was recorded since, those are today's.
/// 3. Explain each rule clause by clause, with the events behind the values.
/// 4. Hold what the rules say against what was published.
public struct SegmentExplainer: Sendable {
  /// What is asked.
  public struct Question: Sendable {
    /// The customer's key.
    public var customer: String
    /// The segment; nil for all of them in short.
    public var segment: String?
    /// The instant; nil for the live publication.
    public var asOf: Instant?
    /// Whose knowledge counts.
    public var knowledge: CustomerExplanation.Knowledge
    /// The instant of ``CustomerExplanation/Knowledge/instant``.
    public var knownAt: Instant?
    /// At most so many events of each kind.
    public var events: Int

    /// A question; by default what was known when the live publication was made.
    public init(
      _ customer: String, segment: String? = nil, asOf: Instant? = nil,
      knowledge: CustomerExplanation.Knowledge = .publication, knownAt: Instant? = nil,
      events: Int = 3
    ) {
      self.customer = customer
      self.segment = segment
      self.asOf = asOf
      self.knowledge = knowledge
      self.knownAt = knownAt
      self.events = events
    }
  }

  /// Gives a table its scores.
  public typealias Supply = @Sendable (inout FeatureTable) async throws -> Void

  let pool: ConnectionPool
  let zone: Zone
  let clock: any WallClock
  let features: FeatureCatalogue
  let segments: SegmentCatalogue
  let attributes: ProfileAttributes
  let supply: Supply

  /// An explainer for a project whose catalogues these are.
  ///
  /// - Parameter attributes: what the project's sources say of profile attributes.
  public init(
    pool: ConnectionPool, zone: Zone, features: FeatureCatalogue, segments: SegmentCatalogue,
    attributes: ProfileAttributes = .none, clock: any WallClock = SystemClock(),
    supply: @escaping Supply = { _ in }
  ) {
    self.attributes = attributes
    self.pool = pool
    self.zone = zone
    self.clock = clock
    self.features = features
    self.segments = segments
    self.supply = supply
  }

  /// The answer.
  ///
  /// - Throws: ``SegmentError`` `segments.unknown_customer`, `segments.unknown_segment`,
  ///   `segments.unreadable_rule`; what building features throws; `WarehouseError`.
  public func callAsFunction(_ question: Question) async throws -> CustomerExplanation {
    let scene = try await scene(question)
    let (wanted, notes) = try wanted(question, scene)
    let catalogue = scene.rules?.catalogue ?? segments
    let ruled = wanted.filter { $0.rule.version != SegmentDefinition.unruledVersion }
    let explained = try ruled.map { try catalogue.resolve($0.segment) }
    let tested = catalogue.closure(of: explained).flatMap(\.attributes)
    let features = features.answering(tested.compactMap(\.question))
    let read = try features.restricted(to: tested.map(\.name))
    let found = try await CustomerFeatures(pool: pool, zone: zone).build(
      of: scene.customer, read, asOf: scene.asOf, knownAt: scene.knownAt, now: clock.now())
    var table = found.table
    try await supply(&table)
    guard let row = table.row(of: scene.customer) else {
      throw SegmentError(
        code: "segments.unknown_customer",
        message:
          "expected a customer known at \(scene.asOf), found '\(question.customer)', who was "
          + "not known yet")
    }
    let knownAt = found.isCurrent ? nil : scene.knownAt ?? clock.now()
    let (cuts, computed) = try await cuts(
      RuleSet(catalogue.closure(of: explained)), read, scene, knownAt: knownAt)
    let prior = try await prior(of: catalogue, explained, asOf: scene.asOf, knownAt: knownAt)
    var explainer = Explainer(
      FeatureColumns(table, prior: prior?.rows(of: table.index)), catalogue: catalogue, cuts: cuts)
    var evidence = EvidenceFinder(
      reader: EvidenceReader(pool: pool, zone: zone), pool: pool, features: features, zone: zone,
      customer: scene.customer, asOf: scene.asOf, knownAt: knownAt, limit: question.events)
    var answers: [SegmentExplanation] = []
    for entry in wanted {
      let tree: Explanation
      if entry.rule.version == SegmentDefinition.unruledVersion {
        tree = Explanation(
          clause: entry.rule.text,
          verdict: isMember(of: entry.segment, scene) == true ? .true : .false)
      } else {
        tree = try explainer.explain(try catalogue.resolve(entry.segment), row: row)
      }
      answers.append(
        answer(
          entry, tree, scene,
          clauses: question.segment == nil ? nil : try await evidence.clause(tree)))
    }
    return CustomerExplanation(
      customerID: scene.customer, customerKey: question.customer, asOf: scene.asOf,
      publication: scene.publication, knowledge: question.knowledge, knownAt: scene.knownAt,
      segments: answers, notes: scene.notes + notes + computed)
  }

  // MARK: Who, when, by which rules

  /// What the question is about.
  private struct Scene: Sendable {
    let customer: Int64
    let asOf: Instant
    let knownAt: Instant?
    let publication: CustomerExplanation.Published?
    /// Nil where nothing was published by then.
    let rules: RulesInForce?
    let stays: [String: SegmentExplanation.Stay]
    let deciding: DecidingReader
    let notes: [String]
  }

  private func scene(_ question: Question) async throws -> Scene {
    let forever = Instant(microseconds: .max)
    let limit = question.knowledge == .instant ? question.knownAt : nil
    let published = try await pool.withConnection { connection in
      try await connection.first(
        SQL(
          file: "queries/segments/find_publication_at.sql", question.asOf ?? forever,
          limit ?? forever)
      ).map { row in
        CustomerExplanation.Published(
          publicationID: try row.get("publication_id"), asOf: try row.get("as_of"),
          publishedAt: try row.get("published_at"), runID: try row.get("run_id"))
      }
    }
    let knownAt: Instant? =
      switch question.knowledge {
      case .publication: published?.publishedAt
      case .now: nil
      case .instant: question.knownAt
      }
    let customer = try await customer(question.customer, knownAt: knownAt)
    guard let published else {
      return Scene(
        customer: customer, asOf: question.asOf ?? clock.now(), knownAt: knownAt, publication: nil,
        rules: nil, stays: [:], deciding: DecidingReader(),
        notes: ["nothing was published by then: explained by the rules of today's file"])
    }
    return try await pool.withConnection { connection in
      let rules = try await RulesInForce.read(
        of: published.publicationID, today: segments, attributes: FeatureAttributes(features),
        zone: zone, on: connection)
      let upTo = question.knowledge == .now ? Int32.max : published.publicationID
      let rows = try await connection.query(
        SQL(
          file: "queries/segments/list_stays_of_customer.sql", customer, published.asOf, upTo))
      let stays = try rows.map { row in
        (
          try row.get("segment", as: String.self),
          SegmentExplanation.Stay(
            since: try row.get("valid_from"), until: try row.get("valid_to"),
            enteredCause: try row.get("entered_cause"), leftCause: try row.get("left_cause"),
            enteredRun: try row.get("entered_run"), leftRun: try row.get("left_run"))
        )
      }
      return Scene(
        customer: customer, asOf: published.asOf, knownAt: knownAt, publication: published,
        rules: rules, stays: Dictionary(stays) { first, _ in first },
        deciding: try await DecidingReader.read(
          of: customer, at: published.asOf, knownAt: knownAt, on: connection),
        notes: note(on: question.asOf, published.asOf))
    }
  }

  /// That another instant is explained than was asked for.
  private func note(on asked: Instant?, _ published: Instant) -> [String] {
    guard let asked, asked != published else { return [] }
    return [
      "nothing was published as of \(LocalText.moment(asked, zone)): what held then was published as of "
        + LocalText.moment(published, zone)
    ]
  }

  private func customer(_ key: String, knownAt: Instant?) async throws -> Int64 {
    if let id = try await FeatureBuilder.customer(withKey: key, knownAt: knownAt, in: pool) {
      return id
    }
    if knownAt != nil, try await FeatureBuilder.customer(withKey: key, in: pool) != nil {
      throw SegmentError(
        code: "segments.unknown_customer",
        message: "expected a customer's key that was known then, found '\(key)', which came later",
        hint: "--known-at now explains by what is known now")
    }
    let near = try await pool.query(
      SQL(file: "queries/segments/list_near_customers.sql", key, Int64(50))
    ).map { try $0.get("customer_key", as: String.self) }
    throw SegmentError(
      code: "segments.unknown_customer",
      message: "expected a customer's key, found '\(key)', which no source has named",
      hint: Suggestion.hint(for: key, among: near)
        ?? near.first.map { "keys look like '\($0)'" })
  }

  /// The segments to explain with the rules that were in force.
  private func wanted(
    _ question: Question, _ scene: Scene
  ) throws -> ([RulesInForce.Entry], notes: [String]) {
    let today = segments.segments.map { segment in
      RulesInForce.Entry(
        segment: segment.name, title: segment.title,
        rule: SegmentExplanation.InForce(
          version: segment.rule.version, text: segment.rule.expression.normalised.description,
          since: nil, runID: nil, author: nil, message: nil))
    }
    guard let name = question.segment else {
      guard let rules = scene.rules else { return (today, []) }
      let readable = rules.entries.filter { rules.unreadable[$0.segment] == nil }
      return (
        readable,
        rules.unreadable.sorted { $0.key < $1.key }.map {
          "the rule of \($0.key) at that time cannot be read by today's features: \($0.value)"
        }
      )
    }
    guard let rules = scene.rules else {
      guard let segment = segments.segment(named: name) else {
        throw SegmentError.unknownSegment(name, among: segments.segments.map(\.name))
      }
      return (today.filter { $0.segment == segment.name }, [])
    }
    guard let entry = try rules.entry(of: name, today: segments) else {
      throw SegmentError(
        code: "segments.unpublished_segment",
        message:
          "expected a segment that was published as of \(scene.asOf), found '\(name)', which "
          + "the file has and no publication had by then",
        hint: "strata segments preview \(name) shows whom its rule would take")
    }
    if let why = rules.unreadable[entry.segment] {
      throw SegmentError(
        code: "segments.unreadable_rule",
        message: "expected a rule that today's features can read, found \(entry.rule.text): \(why)",
        hint: "declare the feature again to explain what was published with it")
    }
    return ([entry], [])
  }

  // MARK: Cuts

  /// Where the percentile conditions of some rules cut: as it was found then, else computed now.
  private func cuts(
    _ rules: RuleSet, _ catalogue: FeatureCatalogue, _ scene: Scene, knownAt: Instant?
  ) async throws -> ([PercentileCut], notes: [String]) {
    let attributes = rules.percentileAttributes.map(\.name)
    if attributes.isEmpty { return ([], []) }
    let midnight = LocalDays(zone: zone).lastMidnight(at: scene.asOf)
    let stored = try await pool.query(
      SQL(
        file: "queries/segments/list_population_cuts.sql", midnight, scene.asOf,
        scene.knownAt ?? Instant(microseconds: .max))
    ).map { row in
      PercentileCut(
        condition: try row.get("condition"), cut: try row.get("cut"),
        population: Int(try row.get("population", as: Int64.self)),
        members: Int(try row.get("members", as: Int64.self)),
        isDegenerate: try row.get("is_degenerate"))
    }
    let known = Set(stored.map(\.condition))
    if rules.percentileConditionTexts.allSatisfy(known.contains) { return (stored, []) }
    let read = try catalogue.restricted(to: attributes)
    var table =
      if let knownAt {
        try await KnownFeatures(pool: pool, zone: zone, knownAt: knownAt).build(
          read, asOf: midnight
        ).table
      } else {
        try await FeatureBuilder(pool: pool, zone: zone).build(
          read, asOf: midnight, saving: false
        ).table
      }
    try await supply(&table)
    return (
      try rules.cuts(FeatureColumns(table)).reports,
      ["where top and bottom conditions cut was not kept for this date: computed now for everyone"]
    )
  }

  /// Who was a member at the midnight before, where rules ask: the state that the night has kept.
  private func prior(
    of catalogue: SegmentCatalogue, _ explained: [Segment], asOf: Instant, knownAt: Instant?
  ) async throws -> PriorState? {
    guard catalogue.closed(over: explained.map(\.name)).priorNeeds != nil else { return nil }
    // Of all rules, as the night goes by them: that is what is stored.
    let read = features.answering(catalogue.attributes.compactMap(\.question))
    return try await PriorStates(
      catalogue, read, pool: pool, zone: zone, attributes: attributes, clock: clock
    )?.before(asOf, knownAt: knownAt, supply: supply)
  }

  // MARK: What was published

  private func answer(
    _ entry: RulesInForce.Entry, _ tree: Explanation, _ scene: Scene, clauses: ExplainedClause?
  ) -> SegmentExplanation {
    let stay = scene.stays[entry.segment]
    let isMember = isMember(of: entry.segment, scene)
    let decider = scene.deciding.decider(of: entry.segment)
    let fallback = segments.policy.fallback?.name
    return SegmentExplanation(
      segment: entry.segment, title: entry.title, isMember: isMember, verdict: tree.verdict,
      decidedBy: Self.decision(
        isMember, tree.verdict, decider, isDefault: entry.segment == fallback, stay),
      decider: decider, reasons: tree.reasons, stay: stay, rule: entry.rule, clauses: clauses)
  }

  /// Whether the publication has the customer in a segment; nil where nothing was published.
  private func isMember(of segment: String, _ scene: Scene) -> Bool? {
    guard scene.publication != nil else { return nil }
    guard let stay = scene.stays[segment] else { return false }
    return stay.until.map { scene.asOf < $0 } ?? true
  }

  private static func decision(
    _ isMember: Bool?, _ verdict: Truth, _ decider: SegmentExplanation.Decider?, isDefault: Bool,
    _ stay: SegmentExplanation.Stay?
  ) -> SegmentExplanation.Decision {
    guard let isMember, isMember != (verdict == .true) else { return .rule }
    if let decider { return decider.kind == "override" ? .override : .conflict }
    if isMember, isDefault { return .default }
    return switch isMember ? stay?.enteredCause : stay?.leftCause {
    case "override": .override
    case "conflict": .conflict
    case "default": .default
    default: .other
    }
  }
}
