import Columns
import FeatureStore
import Features
import Models
import Orchestrator
import Rules
import Schedules
import Segments
import Warehouse

/// Brings segments up to date within seconds, step by step.
///
/// A step does everything in one transaction: it folds the loads that came, advances the customers
/// whom they or time concern, evaluates the rules for these alone, writes the transitions, and records
/// itself as a run. What it compares with is held in memory from step to step and checked against the
/// database in that same transaction: the version of the tiles and the live publication. What others
/// moved by steps is caught up with; where everyone was published, or the day is over, the next step
/// begins with everyone.
///
/// The truth is the ledger of loads, never a notification: a step finds what was loaded since its
/// version, and a process that starts evaluates everyone, so nothing depends on steps before it.
public struct SegmentRefresher: Sendable {
  /// How steps are recorded.
  public enum Recording: Sendable {
    /// Each step is a run of its own, written in its transaction.
    case steps(StepRuns)
    /// All is done by one run, which may lose its lease.
    case run(Int64, fence: Publisher.Fence)
    /// Not at all.
    case none
  }

  /// Brings events within a step's transaction.
  public typealias Intake = @Sendable (Connection) async throws -> Void

  let pool: ConnectionPool
  let project: Project
  let clock: any WallClock
  let features: String
  let segments: String
  let recording: Recording
  var held: HeldDay?

  /// A refresher of a project that holds nothing yet.
  public init(
    _ project: Project, pool: ConnectionPool, clock: any WallClock = SystemClock(),
    features: String = Catalogues.File.features, segments: String = Catalogues.File.segments,
    recording: Recording
  ) {
    self.project = project
    self.pool = pool
    self.clock = clock
    self.features = features
    self.segments = segments
    self.recording = recording
  }

  private var days: LocalDays { LocalDays(zone: project.zone) }

  /// Takes a step.
  ///
  /// - Parameters:
  ///   - asOf: the instant of the memberships, later than that of the live ones.
  ///   - intake: runs first in the step's transaction, to bring events of its own: their load must be
  ///     in the ledger. May run again where the transaction does, and is a transaction of its own
  ///     where the step begins with everyone.
  /// - Throws: what reading catalogues throws; ``FeatureStoreError``; ``SegmentError``;
  ///   ``WarehouseError``. What is held is let go then.
  public mutating func step(
    to asOf: Instant,
    bringing intake: Intake? = nil
  ) async throws -> RefreshStep {
    let watch = ContinuousClock()
    let start = watch.now
    var step: RefreshStep?
    if let held = self.held.take(), held.day.midnight == midnight(of: asOf),
      !days.isMidnight(asOf)
    {
      guard asOf > held.day.asOf, asOf > held.live.asOf else {
        if let intake { try await pool.transaction { try await intake($0) } }
        self.held = held
        return RefreshStep(.idle, asOf)
      }
      step = try await micro(consume held, to: asOf, intake)
    }
    if step == nil {
      if let intake { try await pool.transaction { try await intake($0) } }
      step = try await everyone(to: asOf)
    }
    var done = step ?? RefreshStep(.idle, asOf)
    done.milliseconds = start.duration(to: watch.now).fractionalSeconds * 1000
    return done
  }

  /// Does what keeps steps fast, where it is due: for the time between steps.
  ///
  /// - Throws: ``WarehouseError``.
  public mutating func tidy() async throws {
    guard let held, held.rows >= Self.rowsBeforeTidying else { return }
    try await held.day.summarizeBlocks()
    self.held?.rows = 0
  }

  /// Some dozens of pages of events.
  private static let rowsBeforeTidying = 2000

  /// Whether the next step at an instant goes by what is held, so that it may bring events.
  public func holds(_ asOf: Instant) -> Bool {
    held.map { $0.day.midnight == midnight(of: asOf) && !days.isMidnight(asOf) } ?? false
  }

  func midnight(of asOf: Instant) -> Instant {
    days.isMidnight(asOf) ? asOf : project.zone.midnight(days.lastDay(before: asOf))
  }

  // MARK: A step for few

  private enum Micro: Sendable {
    /// Everyone was published meanwhile.
    case stale
    /// A later as-of is live.
    case behind(LiveMembership)
    /// Nobody is concerned.
    case nothing(LiveMembership)
    case done(
      DayStep, StepPublication, [TimeCrossings.Crossing], pins: Set<Overrides.Pin>,
      publishedAt: Instant, runID: Int64?)
  }

  private struct StaleMemory: Error {}

  /// A step for those concerned; nil where everyone has to be looked at.
  ///
  /// Takes what is held over: columns of everyone that somebody else held, too, would be copied to
  /// change a few rows.
  private mutating func micro(
    _ held: consuming HeldDay, to asOf: Instant,
    _ intake: Intake?
  ) async throws -> RefreshStep? {
    let midnight = held.day.midnight
    let found: Micro
    do {
      found = try await transaction(held, to: asOf, intake)
    } catch is StaleMemory {
      return nil
    }
    let committed = clock.now()
    var after = held
    var step = RefreshStep(.idle, asOf)
    step.fixedAt = midnight
    switch found {
    case .stale: return nil
    case .behind(let live): after.live = live
    case .nothing(let live):
      after.live = live
      after.day.pass(to: asOf)
    case .done(let day, let publication, let crossings, let pins, let publishedAt, let runID):
      after.pins = pins
      after.day.take(day)
      after.crossings.pass(asOf, adding: crossings)
      after.rows += day.rows
      after.live = publication.published(at: publishedAt)
      step = Self.describe(day, publication, asOf)
      step.fixedAt = midnight
      step.runID = runID
      step.loadToCommit = day.arrived.map { Self.milliseconds($0.first, committed) }
      step.eventToTransition = publication.eventTimes.map { Self.milliseconds($0, committed) }
    }
    self.held = after
    return step
  }

  private func transaction(
    _ held: HeldDay, to asOf: Instant, _ intake: Intake?
  ) async throws -> Micro {
    let started = clock.now()
    return try await pool.transaction { connection in
      try await micro(held, to: asOf, from: started, intake, on: connection)
    }
  }

  private func micro(
    _ held: HeldDay, to asOf: Instant, from started: Instant,
    _ intake: Intake?,
    on connection: Connection
  ) async throws -> Micro {
    if let intake { try await intake(connection) }
    let opening = StepPublication.opening(held.live)
    let rows = try await connection.pipeline(
      opening + [OverrideStore.reading(inForceAt: asOf)] + held.day.opening())
    let standing = try StepPublication.standing(
      of: held.live, Array(rows.prefix(opening.count)))
    guard case .current(let live) = standing else {
      // What the intake brought must not be committed: it runs again.
      throw StaleMemory()
    }
    guard asOf > live.asOf else { return .behind(live) }
    let conflicts = ConflictStage(
      held.segments, try OverrideStore.overrides(rows[opening.count]))
    let pins = conflicts.inForce(at: asOf)
    let arrivals = try held.day.arrivals(Array(rows.dropFirst(opening.count + 1)))
    // Whose overrides began, ended, or went over to whom the customer was merged with; and whom rules
    // that count back in time turn.
    let woken = Set(pins.symmetricDifference(held.pins).map(\.customerID))
      .union(held.crossings.due(at: asOf))
    guard
      let day = try await held.day.step(to: asOf, arrivals, waking: woken, on: connection)
    else {
      return .nothing(live)
    }
    // Late events may move anybody's rank: everyone is looked at.
    if day.changesMidnight, held.isRelative || held.prior != nil { throw StaleMemory() }
    var table = day.table
    try held.supplyScores(&table)
    let evaluation = conflicts(
      try EvaluateSegments(held.segments)(over: table, cuts: held.cuts, prior: held.prior)
        .evaluation)
    let crossings = try held.crossings.found(in: table, after: asOf)
    let publication = StepPublication(
      of: evaluation, touched: day.touched, active: day.active, live: live)
    let now = clock.now()
    let publishedAt = publication.publishedAt(now)
    var runID: Int64?
    if !publication.isEmpty || day.isFolded {
      switch recording {
      case .steps(let runs):
        let interval = try DataInterval(start: held.day.asOf, end: asOf)
        var product = Self.describe(day, publication, asOf)
        product.fixedAt = held.day.midnight
        let made = try await connection.first(
          runs.recording(interval, from: started, to: max(started, now), product: product))
        runID = try made?.get("run_id", as: Int64.self)
      case .run(let id, _): runID = id
      case .none: break
      }
    }
    try await publication.write(at: publishedAt, runID: runID, on: connection)
    if case .run(_, let fence) = recording { try await fence(connection) }
    return .done(
      day, publication, crossings, pins: pins, publishedAt: publishedAt, runID: runID)
  }

  private static func describe(
    _ day: DayStep, _ publication: StepPublication, _ asOf: Instant
  ) -> RefreshStep {
    let result = publication.result
    var step = RefreshStep(publication.isEmpty && !day.isFolded ? .idle : .touched, asOf)
    step.loads = day.loads.count
    step.customers = day.touched.count
    step.moved = result.customers
    step.entered = result.entered
    step.left = result.left
    step.publicationID = publication.isEmpty ? nil : result.publicationID
    return step
  }

  private static func milliseconds(_ from: Instant, _ to: Instant) -> Double {
    Double(to.microseconds - from.microseconds) / 1000
  }
}

/// What a refresher holds between the steps of one local day.
struct HeldDay: Sendable {
  var day: DayFeatures
  var live: LiveMembership
  /// The overrides that counted at its instant.
  var pins: Set<Overrides.Pin>
  /// Rows of events since block-range indexes were brought up to date.
  var rows = 0
  let segments: SegmentCatalogue
  let cuts: PopulationCuts
  /// Who was a member at the day's midnight, where rules ask about it.
  let prior: PriorState?
  /// When rules that count back from the as-of turn by time alone.
  var crossings: TimeCrossings
  /// The scores of the day's midnight, by feature.
  let scores: [(feature: String, column: Dense<Double>)]
  let scored: IDIndex
  /// Whether a segment depends on ranks or shares of the population.
  let isRelative: Bool

  /// Gives a table of some customers the scores of midnight; null for those who have none.
  func supplyScores(_ table: inout FeatureTable) throws {
    if scores.isEmpty { return }
    let rows = table.index.rows(in: scored)
    for (feature, column) in scores {
      let values = rows.map { $0 < 0 ? nil : column[$0] }
      try table.supply(
        .real(
          Dense(
            values.map { $0 ?? 0 }, present: Bitset(count: values.count) { values[$0] != nil })),
        for: feature)
    }
  }
}
