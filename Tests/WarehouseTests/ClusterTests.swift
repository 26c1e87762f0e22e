import Foundation
import Testing

@testable import Warehouse

@Suite struct ClusterTests {
  private let me = ClusterOwner(user: 1000, group: 1000, name: "me", isOther: false)
  private let server = ClusterOwner(user: 101, group: 104, name: "postgres", isOther: true)

  @Test func homeHoldsTheCluster() {
    let layout = ClusterLayout(home: "/srv/shop/.strata", owner: me)
    #expect(layout.folder == "/srv/shop/.strata/cluster")
    #expect(layout.data == "/srv/shop/.strata/cluster/data")
    #expect(layout.socket == "/srv/shop/.strata/cluster/run/.s.PGSQL.5432")
    #expect(layout.reason == nil)
  }

  @Test func longPathsGetAShortSocketFolder() {
    let home = "/srv/" + String(repeating: "long", count: 25)
    let layout = ClusterLayout(home: home, owner: me)
    #expect(layout.folder == home + "/cluster")
    #expect(layout.run.hasPrefix("/tmp/strata-1000-"))
    #expect(layout.socket.utf8.count <= 100)
    let other = ClusterLayout(home: home + "x", owner: me)
    #expect(other.run != layout.run)
  }

  @Test func closedParentsMoveTheCluster() throws {
    let base = FileManager.default.temporaryDirectory.path + "/strata-closed-\(UUID().uuidString)"
    try FileManager.default.createDirectory(
      atPath: base + "/inner", withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: base) }
    #expect(chmod(base, 0o700) == 0)
    let layout = ClusterLayout(home: base + "/inner/home", owner: server)
    #expect(layout.folder.hasPrefix("/var/lib/strata/"))
    #expect(layout.reason?.contains(base) == true)
    #expect(chmod(base, 0o755) == 0)
    #expect(ClusterLayout(home: base + "/inner/home", owner: server).reason == nil)
    // Its own user needs no way in.
    #expect(chmod(base, 0o700) == 0)
    #expect(ClusterLayout(home: base + "/inner/home", owner: me).reason == nil)
  }

  @Test(arguments: [
    (0o755, 0, 0, true), (0o700, 0, 0, false), (0o700, 101, 0, true), (0o710, 0, 104, true),
    (0o070, 101, 0, false), (0o001, 0, 104, false),
  ])
  func permissionsDecide(mode: Int, user: Int, group: Int, expected: Bool) {
    #expect(
      server.mayEnter(mode: mode_t(mode), user: uid_t(user), group: gid_t(group)) == expected)
  }

  @Test func anotherProgramChangesTheUser() {
    let own = me.command("/pg/initdb", ["-D", "x y"]) { _ in true }
    #expect(own.program == "/pg/initdb" && own.arguments == ["-D", "x y"])
    let setpriv = server.command("/pg/initdb", ["-D"]) { $0 == "/usr/bin/setpriv" }
    #expect(setpriv.program == "/usr/bin/setpriv")
    #expect(
      setpriv.arguments == [
        "--reuid=101", "--regid=104", "--clear-groups", "--", "/pg/initdb", "-D",
      ])
    let su = server.command("/pg/initdb", ["-D"]) { $0 == "/bin/su" }
    #expect(su.program == "/bin/su")
    #expect(su.arguments.suffix(4) == ["--", "postgres", "/pg/initdb", "-D"])
  }

  @Test(arguments: [
    (1 << 30, "170MB", "8MB"), (24 << 30, "4096MB", "96MB"), (256 << 30, "8192MB", "256MB"),
  ])
  func memoryFollowsTheMachine(memory: Int, shared: String, work: String) {
    let text = ClusterSettings(memory: memory, cores: 8, durability: .full).text(
      socketFolder: "/s'x", logFolder: "/l", port: 5432)
    #expect(text.contains("shared_buffers = '\(shared)'"))
    #expect(text.contains("work_mem = '\(work)'"))
    #expect(text.contains("listen_addresses = ''"))
    #expect(text.contains("unix_socket_directories = '/s''x'"))
    #expect(!text.contains("fsync"))
  }

  @Test func onlyTestsGiveUpDurability() {
    let text = ClusterSettings(memory: 8 << 30, cores: 2, durability: .none).text(
      socketFolder: "/s", logFolder: "/l", port: 1, overrides: ["port": "7"])
    #expect(text.contains("fsync = 'off'"))
    #expect(text.hasSuffix("port = '7'\n"))
  }

  @Test func processFileIsRead() throws {
    let text = "4711\n/data\n1700000000\n5432\n/run\n\n 12 34\nready   \n"
    let file = try #require(PostmasterFile(text))
    #expect(file.process == 4711)
    #expect(file.startedAt == 1_700_000_000)
    #expect(file.phase == .ready)
    #expect(PostmasterFile("4711\n/data\n")?.phase == nil)
    #expect(PostmasterFile("") == nil)
    #expect(PostmasterFile("x\n") == nil)
  }

  @Test func versionsAreParsed() {
    #expect(
      ServerBinaries.parse(version: "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n") == 15)
    #expect(ServerBinaries.parse(version: "postgres (PostgreSQL) 18beta1\n") == 18)
    #expect(ServerBinaries.parse(version: "nonsense") == nil)
  }

  @Test func theDataDecidesTheVersion() throws {
    let found = [15, 17, 16].map { ServerBinaries(folder: "/pg\($0)", major: $0) }
    #expect(try ServerBinaries.choose(found, data: nil).major == 17)
    #expect(try ServerBinaries.choose(found, data: 15).major == 15)
    let error = #expect(throws: WarehouseError.self) {
      try ServerBinaries.choose(found, data: 12)
    }
    #expect(error?.code == "warehouse.data_version")
    #expect(error?.message.contains("PostgreSQL 12") == true)
    let none = #expect(throws: WarehouseError.self) { try ServerBinaries.choose([], data: nil) }
    #expect(none?.code == "warehouse.no_server_binaries")
    #expect(none?.hint?.contains("make deps") == true)
  }

  @Test func theEnvironmentNamesTheFolder() {
    #expect(
      ServerBinaries.candidates(environment: ["STRATA_PG_BIN": "/x", "PATH": "/y"]) == ["/x"])
    #expect(ServerBinaries.candidates(environment: ["PATH": "/y:/z"]).prefix(2) == ["/y", "/z"])
  }
}
