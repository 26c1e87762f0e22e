import Columns
import FeatureStore
import Features
import Foundation
import Models
import Orchestrator
import Schedules

extension TaskContext {
  /// The project that the run belongs to.
  ///
  /// - Throws: as ``Project/init(directory:)``.
  func project() throws -> Project {
    try Project(directory: URL(fileURLWithPath: projectDirectory))
  }

  /// The project's catalogues, read afresh: a task sees the files as they are when it runs.
  func catalogues() throws -> Catalogues { Catalogues(project: try project()) }
}
