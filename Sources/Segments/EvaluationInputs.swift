import Columns
import FeatureStore
import Features
import Foundation
import Rules
import Schedules
import Warehouse

/// What an evaluation of everyone is made of: the facts, and what each rule means.
///
/// Two evaluations of one stamp have the same members of every segment of one meaning, so that only
/// changed rules, and what rests on them, have to be evaluated again.
public struct EvaluationInputs: Sendable, Equatable {
  /// The instant evaluated.
  public let asOf: Instant
  /// The facts.
  public let stamp: String
  /// A hash of its meaning by segment.
  public let meanings: [String: String]

  /// Grows where the engine comes to other verdicts about the same rules and facts.
  private static let engine = 1

  /// Reads what decides an evaluation at `asOf`; to be read before it is made.
  ///
  /// - Parameters:
  ///   - tileVersion: that of the tiles that the features are made of.
  ///   - attributes: what the project says of profile attributes.
  /// - Throws: `FeatureError` where a rule reads a feature that is not there; `WarehouseError`.
  public static func read(
    _ segments: SegmentCatalogue, _ features: FeatureCatalogue, asOf: Instant, tileVersion: Int64,
    zone: Zone, attributes: ProfileAttributes = .none, from pool: ConnectionPool
  ) async throws -> EvaluationInputs {
    let meanings = try segments.meanings { attribute in
      let read = try features.restricted(to: [attribute.name]).features
      return read.sorted { $0.name < $1.name }
        .map { "\($0.name) \($0.meaning(attributes))" }.joined(separator: "; ")
    }
    let days = LocalDays(zone: zone)
    let midnight = days.isMidnight(asOf) ? asOf : zone.midnight(days.lastDay(before: asOf))
    let facts =
      try await pool.first(SQL(file: "queries/segments/describe_facts.sql", midnight))?
      .get("facts", as: String.self) ?? ""
    return EvaluationInputs(
      asOf: asOf, stamp: "engine \(engine) tiles \(tileVersion) zone \(zone.name) facts \(facts)",
      meanings: meanings)
  }
}

/// A stored evaluation of the same facts, and the segments whose members in it still hold.
public struct ReusableEvaluation: Sendable {
  /// What the rules found, before overrides and conflicts.
  let customers: IDIndex
  let members: [String: Bitset]

  /// The segments that need no evaluation.
  public var unchanged: Set<String> { Set(members.keys) }
}

extension EvaluationStore {
  /// Notes what a stored evaluation was made of.
  ///
  /// - Throws: `WarehouseError`.
  public func note(_ inputs: EvaluationInputs, of evaluationID: Int64) async throws {
    _ = try await pool.execute(
      SQL(
        file: "queries/segments/insert_evaluation_input.sql", evaluationID, inputs.stamp,
        JSONText(try Self.json(inputs.meanings))))
  }

  /// What is stored of the same facts; nil where nothing is, or every rule is another.
  ///
  /// - Throws: as ``load(_:)``.
  public func reusable(for inputs: EvaluationInputs) async throws -> ReusableEvaluation? {
    guard
      let row = try await pool.first(
        SQL(file: "queries/segments/find_evaluation_of_facts.sql", inputs.asOf, inputs.stamp))
    else { return nil }
    let text = try row.get("meanings", as: JSONText.self).text
    let meanings = (try? JSONDecoder().decode([String: String].self, from: Data(text.utf8))) ?? [:]
    let evaluation = try await load(try row.get("evaluation_id"))
    var members: [String: Bitset] = [:]
    for (segment, set) in zip(evaluation.segments, evaluation.rawMembers) {
      guard let meaning = inputs.meanings[segment.name], meanings[segment.name] == meaning else {
        continue
      }
      members[segment.name] = set
    }
    return members.isEmpty
      ? nil : ReusableEvaluation(customers: evaluation.customers, members: members)
  }
}

extension EvaluateSegments {
  /// Evaluates the changed rules and what rests on them, and takes the others' members as stored.
  ///
  /// - Returns: nil where the customers are others than those stored, so that everything has to be
  ///   evaluated.
  /// - Throws: as ``callAsFunction(everyoneFrom:_:asOf:by:prior:supply:)``.
  public func callAsFunction(
    reusing stored: ReusableEvaluation, everyoneFrom builder: FeatureBuilder,
    _ features: FeatureCatalogue, asOf: Instant, prior: PriorState? = nil,
    supply: @escaping @Sendable (inout FeatureTable) async throws -> Void = { _ in }
  ) async throws -> Outcome? {
    let changed = catalogue.segments.map(\.name).filter { stored.members[$0] == nil }
    var part: Outcome?
    if !changed.isEmpty {
      let rules = catalogue.restricted(to: catalogue.closure(of: changed))
      part = try await EvaluateSegments(rules, needs: needs)(
        everyoneFrom: builder, features, asOf: asOf, prior: prior, supply: supply)
      guard part?.evaluation.customers == stored.customers else { return nil }
    }
    let nobody = Bitset(count: stored.customers.count)
    let evaluation = SegmentEvaluation(
      asOf: asOf, customers: stored.customers, segments: definitions(features),
      members: catalogue.segments.map { segment in
        stored.members[segment.name] ?? part?.evaluation.members(of: segment.name) ?? nobody
      })
    return Outcome(
      evaluation: evaluation, cuts: part?.cuts ?? [], distinctParts: part?.distinctParts ?? 0,
      next: next(evaluation, after: prior, zone: builder.zone))
  }
}
