import Foundation

/// A virtual environment for peers in Python, made on demand under `.build/bench-venv`.
struct PythonPeers {
  private let folder: URL

  init(_ bench: Workbench) { folder = bench.root.appendingPathComponent(".build/bench-venv") }

  /// The interpreter, with packages from PyPI.
  ///
  /// - Parameter alone: packages taken without what they depend on.
  /// - Throws: ``BenchError`` where the packages cannot be had.
  func python(packages: [String], alone: [String]) throws -> String {
    let python = folder.appendingPathComponent("bin/python").path
    let imports = (packages + alone).map { $0 == "scikit-learn" ? "sklearn" : $0 }
    let probe = ChildProcess(
      program: python, arguments: ["-c", "import " + imports.joined(separator: ", ")])
    let isMade = FileManager.default.isExecutableFile(atPath: python)
    if isMade, try probe.run(expecting: nil).exitCode == 0 { return python }
    say("  getting \(imports.joined(separator: ", ")) from PyPI into \(folder.path)")
    do {
      _ = try ChildProcess(program: "python3", arguments: ["-m", "venv", folder.path]).run()
      let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
      _ = try ChildProcess(program: python, arguments: pip + packages).run()
      _ = try ChildProcess(program: python, arguments: pip + ["--no-deps"] + alone).run()
      _ = try probe.run()
    } catch {
      throw BenchError(
        "the peers in Python need python3 with venv, and PyPI for "
          + "\(imports.joined(separator: ", ")): \(error)")
    }
    return python
  }
}
