import Foundation

/// A virtual environment for peers in Python, made on demand under `.build/bench-<name>`.
struct PythonPeers {
  private let folder: URL
  private let root: URL

  /// Peers whose dependencies would meet badly get environments of their own.
  init(_ bench: Workbench, environment name: String = "venv") {
    root = bench.root
    folder = root.appendingPathComponent(".build/bench-\(name)")
  }

  private var program: String { folder.appendingPathComponent("bin/python").path }

  /// The interpreter, with packages from PyPI.
  ///
  /// - Parameter alone: packages taken without what they depend on.
  /// - Throws: ``BenchError`` where the packages cannot be had.
  func python(packages: [String], alone: [String]) throws -> String {
    let python = program
    let imports = (packages + alone).map { $0 == "scikit-learn" ? "sklearn" : $0 }
    let probe = ChildProcess(
      program: python, arguments: ["-c", "import " + imports.joined(separator: ", ")])
    if try isReady(probe) { return python }
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

  /// The interpreter, with every package of a list of pinned versions from PyPI.
  ///
  /// - Parameters:
  ///   - file: the list, relative to `Tests/Benchmarks`.
  ///   - module: what can be imported once they are there.
  /// - Throws: ``BenchError`` where the packages cannot be had.
  func python(requirements file: String, module: String) throws -> String {
    let probe = ChildProcess(program: program, arguments: ["-c", "import \(module)"])
    if try isReady(probe) { return program }
    let list = root.appendingPathComponent("Tests/Benchmarks/\(file)").path
    say("  getting \(module) from PyPI into \(folder.path)")
    do {
      _ = try ChildProcess(program: "python3", arguments: ["-m", "venv", folder.path]).run()
      _ = try ChildProcess(
        program: program,
        arguments: ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", list]
      ).run()
      _ = try probe.run()
    } catch {
      throw BenchError("the peer needs python3 with venv, and PyPI for \(file): \(error)")
    }
    return program
  }

  private func isReady(_ probe: ChildProcess) throws -> Bool {
    guard FileManager.default.isExecutableFile(atPath: program) else { return false }
    return try probe.run(expecting: nil).exitCode == 0
  }
}
