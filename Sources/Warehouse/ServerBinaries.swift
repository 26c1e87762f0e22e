import Foundation
import Subprocess

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// Where a PostgreSQL server's programs are.
public struct ServerBinaries: Sendable, Equatable {
  /// The folder with `postgres`, `initdb` and `pg_ctl`.
  public let folder: String
  /// The major version, for example 15.
  public let major: Int

  /// Programs in a folder.
  public init(folder: String, major: Int) {
    self.folder = folder
    self.major = major
  }

  /// The path of a program.
  public func path(_ program: String) -> String { folder + "/" + program }

  /// The folders to look in, the most wanted first: `STRATA_PG_BIN`, then PATH, Debian's and
  /// Red Hat's folders and Homebrew's.
  static func candidates(environment: [String: String]) -> [String] {
    if let only = environment["STRATA_PG_BIN"], !only.isEmpty { return [only] }
    var folders = (environment["PATH"] ?? "").split(separator: ":").map(String.init)
    for (root, suffix) in [
      ("/usr/lib/postgresql", "/bin"), ("/usr", "/bin"), ("/opt/homebrew/opt", "/bin"),
      ("/usr/local/opt", "/bin"), ("/home/linuxbrew/.linuxbrew/opt", "/bin"),
    ] {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
      // `15`, `pgsql-16` and `postgresql@17`, the newest first.
      let versions = names.compactMap { name -> (Int, String)? in
        let digits = name.drop { !$0.isNumber }
        let prefix = name.dropLast(digits.count)
        guard ["", "pgsql-", "postgresql@"].contains(prefix), let number = Int(digits) else {
          return name == "postgresql" && root != "/usr/lib/postgresql" ? (0, name) : nil
        }
        return (number, name)
      }
      folders += versions.sorted { $0.0 > $1.0 }.map { "\(root)/\($0.1)\(suffix)" }
    }
    return folders
  }

  /// Every installation found, in the order of preference, each once.
  ///
  /// A program on the PATH may be a link to its installation, whose other programs are beside the
  /// link's target.
  public static func installed(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) async -> [ServerBinaries] {
    var seen: Set<String> = []
    var found: [ServerBinaries] = []
    for candidate in candidates(environment: environment) {
      let program = URL(fileURLWithPath: candidate).appendingPathComponent("postgres")
        .resolvingSymlinksInPath().path
      let folder = String(program.dropLast("/postgres".count))
      guard FileManager.default.isExecutableFile(atPath: program),
        FileManager.default.isExecutableFile(atPath: folder + "/initdb"),
        FileManager.default.isExecutableFile(atPath: folder + "/pg_ctl"),
        seen.insert(folder).inserted, let major = await version(of: program)
      else { continue }
      found.append(ServerBinaries(folder: folder, major: major))
    }
    return found
  }

  /// The major version that `postgres --version` prints; nil where it does not run.
  private static func version(of program: String) async -> Int? {
    guard
      let result = try? await Subprocess.run(
        .path(FilePath(program)), arguments: ["--version"], output: .string(limit: 4096))
    else { return nil }
    return parse(version: result.standardOutput)
  }

  /// 15 of `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
  static func parse(version: String) -> Int? {
    version.split(separator: ")").dropFirst().first.flatMap { rest in
      Int(rest.drop { $0 == " " }.prefix { $0.isNumber })
    }
  }

  /// The installation to use: the one of the data's version, else the most wanted one.
  ///
  /// - Parameter data: the major version in PG_VERSION, nil where there is no data yet.
  /// - Throws: `warehouse.no_server_binaries`, `warehouse.data_version`.
  static func choose(_ found: [ServerBinaries], data: Int?) throws -> ServerBinaries {
    guard let first = found.first else {
      throw WarehouseError(
        code: "warehouse.no_server_binaries",
        message: "expected PostgreSQL's server programs (postgres, initdb, pg_ctl), found none",
        hint: "install them (`make deps`, `apt-get install postgresql`, or"
          + " `brew install postgresql@17`), name their folder in STRATA_PG_BIN, or give a database"
          + " with --database URL")
    }
    guard let data else {
      // The newest one; the order decides between equals.
      return found.dropFirst().reduce(first) { $1.major > $0.major ? $1 : $0 }
    }
    guard let match = found.first(where: { $0.major == data }) else {
      let versions = found.map { String($0.major) }.joined(separator: ", ")
      throw WarehouseError(
        code: "warehouse.data_version",
        message: "expected PostgreSQL \(data), which made this cluster, found version \(versions)",
        hint: "install PostgreSQL \(data) again, or dump the data with it and remove the cluster")
    }
    return match
  }
}
