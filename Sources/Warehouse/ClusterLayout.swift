import Crypto
import Foundation

/// The user that the server runs as.
struct ClusterOwner: Sendable, Equatable {
  let user: uid_t
  let group: gid_t
  let name: String
  /// Whether that is another user than the one that runs this process.
  let isOther: Bool

  /// This user; for root, who may not run PostgreSQL, `postgres` or else `nobody`.
  static func current() throws -> ClusterOwner {
    guard geteuid() == 0 else {
      return ClusterOwner(user: geteuid(), group: getegid(), name: NSUserName(), isOther: false)
    }
    for name in ["postgres", "nobody"] {
      if let entry = getpwnam(name)?.pointee {
        return ClusterOwner(user: entry.pw_uid, group: entry.pw_gid, name: name, isOther: true)
      }
    }
    throw WarehouseError(
      code: "warehouse.no_owner",
      message: "expected a user 'postgres' or 'nobody' to run PostgreSQL as, found neither",
      hint: "PostgreSQL refuses to run as root; run strata as another user")
  }

  /// The program and arguments that run a program as this user.
  ///
  /// Another program changes the user. Subprocess's own option calls `setgroups` between clone and
  /// exec, where glibc may wait for ever for a thread that the child does not have.
  func command(
    _ program: String, _ arguments: [String], isExecutable: (String) -> Bool
  ) -> (program: String, arguments: [String]) {
    guard isOther else { return (program, arguments) }
    for setpriv in ["/usr/bin/setpriv", "/bin/setpriv"] where isExecutable(setpriv) {
      let change = ["--reuid=\(user)", "--regid=\(group)", "--clear-groups", "--", program]
      return (setpriv, change + arguments)
    }
    let su = ["/usr/bin/su", "/bin/su"].first(where: isExecutable) ?? "/bin/su"
    let script = #"exec "$0" "$@""#
    return (su, ["-s", "/bin/sh", "-c", script, "--", name, program] + arguments)
  }

  /// Whether this user may pass through a folder with these facts.
  func mayEnter(mode: mode_t, user: uid_t, group: gid_t) -> Bool {
    if self.user == user { return mode & 0o100 != 0 }
    if self.group == group { return mode & 0o010 != 0 }
    return mode & 0o001 != 0
  }

  /// The first folder on the way to a path that this user may not pass; nil where all is open.
  /// Folders that do not exist yet will be open.
  func obstacle(on path: String) -> String? {
    var current = ""
    for name in path.split(separator: "/") {
      current += "/" + name
      var facts = stat()
      guard stat(current, &facts) == 0 else { return nil }
      if !mayEnter(mode: facts.st_mode, user: facts.st_uid, group: facts.st_gid) { return current }
    }
    return nil
  }
}

/// Where the files of a cluster are.
struct ClusterLayout: Sendable, Equatable {
  /// The folder that holds everything.
  let folder: String
  /// Why it is not in the home folder; nil where it is.
  let reason: String?
  /// The folder of the socket; short, since the address of a socket holds about 100 bytes.
  let run: String
  /// The number in the socket's name.
  let port: Int

  var data: String { folder + "/data" }
  var log: String { folder + "/log" }
  var settings: String { folder + "/strata.conf" }
  var lock: String { folder + "/lock" }
  var processFile: String { data + "/postmaster.pid" }
  var socket: String { "\(run)/.s.PGSQL.\(port)" }

  /// The layout of a home folder for an owner.
  ///
  /// - Parameters:
  ///   - stateFolder: where clusters go whose home the owner cannot reach.
  ///   - temporaryFolder: where sockets go whose path would be too long.
  init(
    home: String, owner: ClusterOwner, port: Int = 5432,
    stateFolder: String = "/var/lib/strata", temporaryFolder: String = "/tmp"
  ) {
    self.port = port
    let home = URL(fileURLWithPath: home).standardizedFileURL.resolvingSymlinksInPath().path
    let digest = SHA256.hash(data: Data(home.utf8)).prefix(6).map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
    if owner.isOther, let obstacle = owner.obstacle(on: home) {
      folder = "\(stateFolder)/\(digest)"
      reason =
        "the server runs as user '\(owner.name)', who may not enter \(obstacle);"
        + " the cluster of \(home) is in \(folder)"
    } else {
      folder = home + "/cluster"
      reason = nil
    }
    let near = folder + "/run"
    let long = "\(near)/.s.PGSQL.\(port)".utf8.count > 100
    run = long ? "\(temporaryFolder)/strata-\(owner.user)-\(digest)" : near
  }
}
