import Rules
import Schedules
import Segments
import Warehouse

/// What every road does between evaluating the rules and publishing: overrides, groups, cap, default.
struct ConflictStage: Sendable {
  private let catalogue: SegmentCatalogue
  private let resolution: ConflictResolution
  private let overrides: Overrides

  /// The stage with overrides that were read already.
  init(_ catalogue: SegmentCatalogue, _ overrides: Overrides) {
    self.catalogue = catalogue
    self.overrides = overrides
    resolution = ConflictResolution(catalogue, overrides: overrides)
  }

  /// The stage with the overrides in the database.
  ///
  /// - Parameter knownAt: those that were known then; nil for now.
  static func load(
    _ catalogue: SegmentCatalogue, _ pool: ConnectionPool, knownAt: Instant? = nil
  ) async throws -> ConflictStage {
    ConflictStage(catalogue, try await OverrideStore(pool: pool).load(knownAt: knownAt))
  }

  /// What is published of an evaluation.
  func callAsFunction(_ raw: SegmentEvaluation) -> SegmentEvaluation { resolution(raw) }

  /// Tells of segments with nearly the same members, of an evaluation of everyone.
  ///
  /// - Throws: `segments.near_duplicates` where the catalogue refuses them.
  func checkDuplicates(
    _ raw: SegmentEvaluation, tell: (NearDuplicate) -> Void
  ) throws {
    for pair in try raw.checkNearDuplicates(by: catalogue.policy) { tell(pair) }
  }

  /// The overrides that count at an instant.
  func inForce(at asOf: Instant) -> Set<Overrides.Pin> { overrides.inForce(at: asOf) }
}
