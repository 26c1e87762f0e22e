import Foundation
import Glibc

/// The files of a source that has many.
enum FileFolder {
  /// Endings and beginnings of files that are still being delivered.
  private static let unfinished = [".tmp", ".part", ".partial", ".filepart", ".crdownload", "~"]

  /// The files that match a pattern, in order of their paths' bytes; a folder stands for all files
  /// in it. Hidden files and those that are still being delivered are left out.
  ///
  /// - Throws: `inputs.missing_folder` where not even the folder is there.
  static func files(matching pattern: String) throws(InputError) -> [String] {
    let manager = FileManager.default
    var isFolder: ObjCBool = false
    var wanted = pattern
    if manager.fileExists(atPath: pattern, isDirectory: &isFolder), isFolder.boolValue {
      wanted = (pattern.hasSuffix("/") ? pattern : pattern + "/") + "*"
    }
    let fixed = wanted.prefix { !"*?[".contains($0) }
    let folder = fixed.lastIndex(of: "/").map { String(fixed[..<$0]) } ?? "."
    guard folder.isEmpty || manager.fileExists(atPath: folder) else {
      throw InputError(
        code: "inputs.missing_folder", message: "expected a folder, found nothing at '\(folder)'",
        hint: "an empty folder is fine; one that is not there is a mistake", file: folder)
    }
    var result = glob_t()
    defer { globfree(&result) }
    // Without GLOB_ERR: a folder that may not be read is as good as empty here, and its files'
    // absence shows in the freshness.
    guard glob(wanted, GLOB_NOSORT, nil, &result) == 0, let paths = result.gl_pathv else {
      return []
    }
    var found: [String] = []
    for index in 0..<Int(result.gl_pathc) {
      guard let path = paths[index].map({ String(cString: $0) }) else { continue }
      let name = path.split(separator: "/").last ?? ""
      let isWhole = !name.hasPrefix(".") && !unfinished.contains { name.hasSuffix($0) }
      var isFolder: ObjCBool = false
      guard isWhole, manager.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue
      else { continue }
      found.append(path)
    }
    return found.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
  }
}

/// How a file differs from what was loaded under its path.
enum FileChange: Equatable {
  /// What was loaded is the front of it.
  case grown(from: Int64, to: Int64, load: Int64)
  /// It is another content.
  case changed(from: Int64, to: Int64, load: Int64)

  /// What the report says of it.
  var sentence: String {
    switch self {
    case .grown(let from, let to, let load):
      "the file grew from \(from) to \(to) bytes since load \(load); its first rows are known"
    case .changed(let from, let to, let load):
      "the file changed since load \(load) (\(from) bytes then, \(to) now); rows that differ are "
        + "corrections"
    }
  }

  /// Compares a file with what was loaded under its path; nil where it is the same.
  static func of(
    _ path: String, size: Int64, before: (bytes: Int64, digest: String, load: Int64)
  ) throws(InputError) -> FileChange? {
    if size >= before.bytes,
      try FileBytes.digest(of: path, first: Int(before.bytes)) == before.digest
    {
      return size == before.bytes
        ? nil : .grown(from: before.bytes, to: size, load: before.load)
    }
    return .changed(from: before.bytes, to: size, load: before.load)
  }
}
