import Foundation

/// Named access to the SQL files of `sql/`: migrations and static queries.
public enum SQLCatalog {
  /// The folder that holds `migrations/` and `queries/`; it moves with the binary.
  public static var folder: URL { Bundle.module.bundleURL }

  /// The text of one file.
  ///
  /// - Parameter path: relative to `sql/`, for example `queries/segments/insert_membership.sql`.
  /// - Throws: Foundation's file error when the catalogue lacks the file.
  public static func text(_ path: String) throws -> String {
    try String(contentsOf: folder.appendingPathComponent(path), encoding: .utf8)
  }

  /// The file names of one folder in order, for example those of `migrations`.
  public static func files(in path: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(
      atPath: folder.appendingPathComponent(path).path
    ).filter { $0.hasSuffix(".sql") }.sorted()
  }
}
