import FeatureStore
import Features
import Foundation
import Inputs
import Models
import Rules
import Schedules
import Segments

/// What a project declares, read and checked on demand.
public struct Catalogues: Sendable {
  /// The names that the files have unless a task names others.
  public enum File {
    /// Inputs and their contracts.
    public static let sources = "sources.yaml"
    /// Features.
    public static let features = "features.yaml"
    /// Segments and their rules.
    public static let segments = "segments.yaml"
    /// Models; optional.
    public static let models = "models.yaml"
  }

  /// The project that they belong to.
  public let project: Project
  private let environment: [String: String]

  /// The catalogues of a project.
  ///
  /// - Parameter environment: the values of `${NAME}` in the paths of sources; `STRATA_HOME` is
  ///   the folder of the embedded cluster and of demo data.
  public init(
    project: Project, environment: [String: String] = ProcessInfo.processInfo.environment
  ) {
    self.project = project
    self.environment = environment
  }

  /// The sources.
  ///
  /// - Throws: `InputError` with every problem.
  public func sources(_ file: String = File.sources) throws -> SourceCatalogue {
    try SourceCatalogue.load(
      project.path(file), project: project.settings, environment: environment)
  }

  /// The features, of events of Strata's kinds and of those that the sources declare, and the hidden
  /// ones that answer what the rules of segments and models ask about events: every road sees the
  /// same.
  ///
  /// - Throws: `FeatureError` with every problem; `InputError` for kinds that cannot be read.
  public func features(_ file: String = File.features) throws -> FeatureCatalogue {
    try FeatureCatalogue(
      contentsOf: project.directory.appendingPathComponent(file),
      eventKinds: SourceCatalogue.declarations(project.path(File.sources)).kinds
    ).answering(
      segmentFiles.flatMap { SegmentCatalogue.questions(path: project.path($0)) }
        + ModelCatalogue.questions(path: project.path(File.models)))
  }

  /// The project's catalogues of segments, by name: `segments.yaml`, and others whose names end so.
  private var segmentFiles: [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: project.directory.path)) ?? []
    return names.filter { name in
      ["segments.yaml", "segments.yml", "segments.json"].contains { name.hasSuffix($0) }
    }.sorted()
  }

  /// What the sources declare of profile attributes.
  ///
  /// - Throws: `InputError` with every problem.
  public func profileAttributes() throws -> ProfileAttributes {
    let declared = try SourceCatalogue.declarations(project.path(File.sources)).attributes
    return ProfileAttributes(
      Dictionary(declared.map { ($0.name, $0.definition.read) }) { first, _ in first })
  }

  /// The segments, checked against the features.
  ///
  /// - Parameter retired: names of segments that were published, so that a reference to one that has
  ///   left the catalogue is told from a typing error.
  /// - Throws: `RuleErrors` with every problem.
  public func segments(
    _ file: String = File.segments, features: FeatureCatalogue, retired: [String] = []
  ) throws -> SegmentCatalogue {
    let catalogue = try SegmentCatalogue.load(
      path: project.path(file), attributes: FeatureAttributes(features), zone: project.zone,
      retired: retired)
    for attribute in catalogue.attributes where features.feature(named: attribute.name) == nil {
      throw TaskError(
        code: "project.hidden_feature",
        message: "expected the features to hold what \(file) asks about events, found no answer to "
          + "'\(attribute.question?.description ?? attribute.name)'",
        hint: "rules over events stand in files whose names end in segments.yaml or segments.json")
    }
    return catalogue
  }

  /// The models, checked against the features; nil where the project has no `models.yaml`.
  ///
  /// - Throws: `ModelError` with every problem.
  public func models(
    _ file: String = File.models, features: FeatureCatalogue
  ) throws -> ModelCatalogue? {
    let url = project.directory.appendingPathComponent(file)
    guard FileManager.default.fileExists(atPath: url.path) else { return nil }
    return try ModelCatalogue(contentsOf: url, features: features, zone: project.zone)
  }
}

extension ProfileAttribute.Definition {
  /// The same for readers of profiles.
  fileprivate var read: ProfileAttributes.Definition {
    var definition = ProfileAttributes.Definition()
    definition.from = from
    definition.derive = derive?.rawValue
    definition.bands = bands
    definition.values = values
    definition.accepted = accepted
    definition.min = min
    definition.max = max
    definition.fallback = fallback
    return definition
  }
}
