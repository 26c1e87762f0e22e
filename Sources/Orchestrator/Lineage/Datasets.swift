import Pipeline
import Schedules

/// Data that a task reads or writes, as lineage names it.
public enum Dataset: Codable, Sendable, Hashable {
  /// A table of the project's database: `facts.events`.
  case table(String)
  /// A file by its absolute path.
  case file(String)
}

/// What a task reads and writes.
public struct TaskDatasets: Codable, Sendable, Hashable {
  /// Read.
  public var inputs: [Dataset]
  /// Written.
  public var outputs: [Dataset]

  /// Datasets read and written.
  public init(inputs: [Dataset] = [], outputs: [Dataset] = []) {
    self.inputs = inputs
    self.outputs = outputs
  }
}

/// A task kind that knows its data before it runs: its lineage events name them.
public protocol DeclaresDatasets: RunnableTask {
  /// What an attempt will read and write.
  ///
  /// - Parameter projectDirectory: what catalogue paths are relative to.
  /// - Throws: where a catalogue cannot be read; the events then name no data.
  func datasets(projectDirectory: String) throws -> TaskDatasets
}
