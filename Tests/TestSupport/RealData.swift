import Foundation

/// The real data sets, which are not part of the project.
public enum RealData {
  /// `$STRATA_DATA`, or a folder `shared/data` beside the package or above it; nil, with a notice,
  /// where there is none.
  public static func folder(from file: String) -> String? {
    let manager = FileManager.default
    if let named = ProcessInfo.processInfo.environment["STRATA_DATA"],
      manager.fileExists(atPath: named)
    {
      return named
    }
    var folder = URL(fileURLWithPath: file).deletingLastPathComponent()
    while folder.path != "/" {
      let candidate = folder.appendingPathComponent("shared/data")
      if manager.fileExists(atPath: candidate.path) { return candidate.path }
      folder = folder.deletingLastPathComponent()
    }
    print("skipped: the real data is not here; name its folder in STRATA_DATA")
    return nil
  }
}
