import Foundation

/// Where lineage events go.
public enum LineageTarget: Sendable, Hashable {
  /// Appended to a file, one JSON object a line.
  case file(String)
  /// Posted to an address, one event a request.
  case url(String)

  /// The target that `file:///path`, `http://…` or `https://…` names.
  ///
  /// - Throws: ``OrchestratorError`` `orchestrator.bad_lineage_target`.
  public init(_ text: String) throws(OrchestratorError) {
    let url = URL(string: text)
    switch url?.scheme?.lowercased() {
    case "http", "https":
      if url?.host?.isEmpty == false {
        self = .url(text)
        return
      }
    case "file":
      if let path = url?.path(percentEncoded: false), path.hasPrefix("/"), !path.hasSuffix("/"),
        url?.host ?? "" == ""
      {
        self = .file(path)
        return
      }
    default: break
    }
    throw OrchestratorError(
      code: "orchestrator.bad_lineage_target",
      message: "expected where lineage events go as file:///absolute/path or https://host/path, "
        + "found '\(text)'",
      hint: "a Marquez server takes them at http://host:5000/api/v1/lineage", isPermanent: true)
  }
}

/// Whether and where a process tells of lineage.
public struct LineageOptions: Sendable, Hashable {
  /// Where events go.
  public var target: LineageTarget
  /// The namespace of jobs and runs, for example the project's name.
  public var namespace: String
  /// The namespace of the database's tables: `postgres://host:5432`.
  public var databaseNamespace: String
  /// The database's name, the first part of its tables' names.
  public var database: String
  /// The release that runs the tasks.
  public var version: String

  /// Events to a target, with names that are unique among all that it collects from.
  public init(
    target: LineageTarget, namespace: String, databaseNamespace: String, database: String,
    version: String = "0"
  ) {
    self.target = target
    self.namespace = namespace
    self.databaseNamespace = databaseNamespace
    self.database = database
    self.version = version
  }
}
