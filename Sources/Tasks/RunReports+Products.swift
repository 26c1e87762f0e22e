import Inputs
import Learning
import Models
import Orchestrator
import Pipeline
import Reporting
import Schedules
import Segments
import Warehouse

extension RunReports {
  /// Adds what the tasks' products say.
  func add(_ tasks: [TaskRecord], to report: inout RunReport) async throws {
    for task in tasks {
      guard let output = task.output else { continue }
      switch task.kind {
      case Extract.kind:
        let landed = try output.decoded(as: Landed.self)
        report.loads += landed.loads.map(facts)
      case BuildFeatures.kind, JoinFeatures.kind:
        // Of a mapped task the parts, and their list, are joined by a task of its own.
        guard case .object = output else { continue }
        let built = try output.decoded(as: FeatureReference.self)
        if built.range != nil { continue }
        report.features = FeatureFacts(
          customers: built.customers, features: built.features,
          mode: ProductSummary.way(of: built),
          tileRows: built.rowsRead, seconds: task.duration?.fractionalSeconds ?? 0)
      case TrainModel.kind:
        let trained = try output.decoded(as: TrainedReference.self)
        if let model = try await facts(of: trained, scored: scored(trained.model, tasks)) {
          report.models.append(model)
        }
      case PublishSegments.kind:
        try await add(output.decoded(as: PublicationResult.self), to: &report)
      default:
        continue
      }
    }
  }

  private func facts(of load: Landed.Load) -> LoadFacts {
    let report = load.report
    let reasons =
      report.rejected.map { LoadFacts.Reason($0.key, rows: Int($0.value)) }
      + report.warnings.map { LoadFacts.Reason($0.key, rows: Int($0.value), isWarning: true) }
    return LoadFacts(
      source: report.source, file: report.file, isUnchanged: report.state == .skipped,
      accepted: Int(report.rowsAccepted), rejected: Int(report.rowsRejected),
      duplicates: Int(report.rowsDuplicate), warned: Int(report.rowsWarned),
      seconds: load.seconds,
      reasons: reasons.sorted { ($1.rows, $0.reason) < ($0.rows, $1.reason) },
      totals: report.totals.map {
        LoadFacts.ControlTotal(
          name: $0.name, accepted: $0.accepted, rejected: $0.rejected, all: $0.all)
      }, watermark: report.watermark, notes: notes(of: report))
  }

  /// What a load has to tell beside its counts; nil for nothing.
  private func notes(of report: LoadReport) -> [String]? {
    var notes = report.notes ?? []
    if let freshness = report.freshness, let lag = freshness.lag {
      let limits = [("warns", freshness.warnSeconds), ("stops", freshness.stopSeconds)]
        .compactMap { verb, seconds in
          seconds.map { "\(verb) from \(DurationText.words(.seconds($0)))" }
        }
      notes.append("lag \(lag) at the run's as-of (\(limits.joined(separator: ", ")))")
    }
    if let corrected = report.rowsCorrected, corrected > 0 {
      notes.append("\(corrected) rows replaced earlier versions of their events")
    }
    for (kind, rows) in (report.unknownKinds ?? [:]).sorted(by: { $0.key < $1.key }) {
      notes.append("\(rows) rows of the unknown kind '\(kind)' are in quarantine")
    }
    return notes.isEmpty ? nil : notes
  }

  private func scored(_ model: String, _ tasks: [TaskRecord]) throws -> Int? {
    for task in tasks where task.kind == ScoreModel.kind {
      guard let output = task.output else { continue }
      let scores = try output.decoded(as: ScoresReference.self)
      if scores.model == model { return scores.customers }
    }
    return nil
  }

  private func facts(of trained: TrainedReference, scored: Int?) async throws -> ModelFacts? {
    guard let number = trained.version else { return nil }
    let version = try await ModelRegistry(pool).version(
      ModelReference(model: trained.model, version: number))
    let metrics = version.metrics
    return ModelFacts(
      name: trained.model, version: number, learner: version.learner, isNew: trained.isNew,
      isChampion: version.isChampion, trainedAt: version.trainedAt,
      trainedAsOf: version.lineage.asOf,
      trainingRows: version.lineage.cuts.filter { $0.part == .train }.reduce(0) { $0 + $1.rows },
      testRows: metrics.rows, testRate: metrics.baseRate, auc: metrics.auc,
      logLoss: metrics.logLoss, brier: metrics.brier, bestRound: version.curve.last?.bestRound,
      curve: version.curve.map {
        ModelFacts.CurvePoint(
          round: $0.round, training: $0.trainLoss, validation: $0.validationLoss)
      },
      calibration: version.calibration.bins.map {
        ModelFacts.CalibrationBin(
          low: $0.lower, high: $0.upper, rows: $0.rows, predicted: $0.meanScore,
          observed: $0.observedRate)
      },
      importance: version.importance.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        .map { ModelFacts.Importance($0.key, $0.value) },
      scored: scored)
  }

  private func add(_ result: PublicationResult, to report: inout RunReport) async throws {
    let isWithheld = result.outcome == .withheld || result.outcome == .overtaken
    if isWithheld {
      report.warnings.append(
        Notice(
          result.outcome == .withheld
            ? "the segments are as known once: they are shown here, and were not published"
            : "a refresh had published this midnight already: the segments are shown as this run "
              + "found them, and what it loaded counts from the next step of the refresh on"))
    }
    let causes = isWithheld ? [:] : try await self.causes(of: result)
    report.segments = result.segments.filter(\.isLive).map {
      SegmentFacts(
        name: $0.name, title: $0.title, members: $0.members, population: result.customers,
        entered: $0.entered, left: $0.left, causes: causes[$0.name] ?? [])
    }
    if !isWithheld { report.sizes = try await history(result) }
  }

  /// Why customers moved: as the publication told, or, after a correction, from the transitions.
  private func causes(
    of result: PublicationResult
  ) async throws -> [String: [SegmentFacts.Cause]] {
    var told: [String: [SegmentFacts.Cause]] = [:]
    for segment in result.segments {
      told[segment.name] = segment.causes?.map {
        SegmentFacts.Cause($0.cause.rawValue, entered: $0.entered, left: $0.left)
      }
    }
    if told.count == result.segments.count { return told }
    let rows = try await pool.query(
      """
      SELECT segment, cause, count(*) FILTER (WHERE transition = 'entered') AS entered,
        count(*) FILTER (WHERE transition = 'left') AS "left"
      FROM segments.transitions WHERE as_of = \(result.asOf)
      GROUP BY segment, cause ORDER BY segment, count(*) DESC, cause
      """)
    var causes: [String: [SegmentFacts.Cause]] = [:]
    for row in rows {
      causes[try row.get("segment", as: String.self), default: []].append(
        SegmentFacts.Cause(
          try row.get("cause"), entered: Int(try row.get("entered", as: Int64.self)),
          left: Int(try row.get("left", as: Int64.self))))
    }
    return causes
  }

  private func history(_ result: PublicationResult) async throws -> SizeHistory {
    let from = result.asOf - .days(Self.historyDays)
    let sizes = try await SegmentReader(pool: pool).sizes(from: from, to: result.asOf)
    func day(_ asOf: Instant) -> Day {
      project.zone.day(of: Instant(microseconds: asOf.microseconds - 1))
    }
    let days = Set(sizes.map { day($0.asOf) }).sorted()
    var members: [String: [Day: Int]] = [:]
    for size in sizes { members[size.segment, default: [:]][day(size.asOf)] = Int(size.members) }
    return SizeHistory(
      days: days,
      series: result.segments.filter(\.isLive).map { segment in
        SizeHistory.Series(
          segment: segment.name, members: days.map { members[segment.name]?[$0] })
      })
  }
}

/// A product in one line, for the list of tasks.
enum ProductSummary {
  /// How features were come by.
  static func way(of built: FeatureReference) -> String {
    if let instant = built.knownAt { return "as known at \(instant)" }
    return built.advancedFrom.map { "advanced from \($0)" } ?? "full build"
  }

  static func sentence(of task: TaskRecord) -> String? {
    guard let output = task.output else { return task.message }
    do {
      switch task.kind {
      case Extract.kind:
        let loads = try output.decoded(as: Landed.self).loads.map(\.report)
        let accepted = loads.reduce(0) { $0 + $1.rowsAccepted }
        let rejected = loads.reduce(0) { $0 + $1.rowsRejected }
        return "\(loads.count) sources: \(accepted) rows accepted, \(rejected) rejected"
      case BuildFeatures.kind, JoinFeatures.kind:
        guard case .object = output else { return task.message }
        let built = try output.decoded(as: FeatureReference.self)
        return "\(built.features) features of \(built.customers) customers, \(way(of: built))"
      case TrainModel.kind:
        let trained = try output.decoded(as: TrainedReference.self)
        return trained.version.map { "\(trained.model) v\($0): \(trained.reason)" }
          ?? "\(trained.model): \(trained.reason)"
      case ScoreModel.kind:
        let scores = try output.decoded(as: ScoresReference.self)
        return "\(scores.customers) customers scored"
      case EvaluateRules.kind:
        let evaluation = try output.decoded(as: EvaluationReference.self)
        return "\(evaluation.segments) rules over \(evaluation.customers) customers"
      case PublishSegments.kind:
        let result = try output.decoded(as: PublicationResult.self)
        return "\(result.outcome.rawValue), \(result.rowsChanged) changes"
      default:
        return nil
      }
    } catch {
      // A product of an older version of its kind: the line is left out, the run is not at fault.
      return nil
    }
  }
}
