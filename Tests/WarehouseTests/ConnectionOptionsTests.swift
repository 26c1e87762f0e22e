import Testing

@testable import Warehouse

@Suite struct ConnectionOptionsTests {
  private func words(
    _ options: ConnectionOptions, _ environment: [String: String] = [:]
  ) throws -> [String] {
    try options.parameters(environment: environment).words.map { "\($0)=\($1)" }
  }

  @Test func textGoesUntouchedToLibpq() throws {
    let url = "postgresql://ann@h1:5432,h2:5433/shop?target_session_attrs=read-write"
    let found = try words(ConnectionOptions(url))
    #expect(found.contains("dbname=\(url)"))
    #expect(found.contains("client_encoding=UTF8"))
    #expect(found.contains("options=-c TimeZone=UTC -c DateStyle=ISO -c jit=off"))
    #expect(found.first == "fallback_application_name=strata")
  }

  @Test func keywordsLeadElsewhereToTheSamePlace() throws {
    let url = "postgresql://ann:it's%5C@h1:5432,h2:5433/shop?target_session_attrs=read-write"
    let words = try ConnectionOptions(ConnectionOptions(url).with(database: "b=c").keywords())
      .checked()
    #expect(
      words == [
        "user": "ann", "password": "it's\\", "host": "h1,h2", "port": "5432,5433",
        "dbname": "b=c", "target_session_attrs": "read-write",
      ])
  }

  @Test func whatRefusesSaysWhyHoweverItIsAsked() async throws {
    let fault = WarehouseError(code: "test.none", message: "no database here")
    let options = ConnectionOptions.refusing(fault).with(database: "shop")
    let pool = ConnectionPool(options).scoped("view")
    await #expect(throws: fault) { try await Connection.connect(options) }
    await #expect(throws: fault) { try await pool.query("SELECT 1") }
    await #expect(throws: fault) { try await pool.transaction { _ in } }
    await #expect(throws: fault) {
      for try await _ in pool.notifications(on: ["strata_runs"]) {}
    }
    #expect(throws: fault) { try options.psqlInvocation() }
    #expect(throws: fault) { try options.keywords() }
  }

  @Test func userOptionsComeLast() throws {
    let found = try words(ConnectionOptions("postgresql:///shop?options=-c%20jit%3Don"))
    #expect(found.contains("options=-c TimeZone=UTC -c DateStyle=ISO -c jit=off -c jit=on"))
    let inherited = try words(ConnectionOptions(), ["PGOPTIONS": "-c TimeZone=CET"])
    #expect(
      inherited.contains("options=-c TimeZone=UTC -c DateStyle=ISO -c jit=off -c TimeZone=CET"))
  }

  /// What libpq makes of keywords whose only dbname it expands, as `PQconnectdbParams` does.
  private func settings(_ options: ConnectionOptions) async throws -> [String: String] {
    var found: [String: String] = [:]
    for (word, value) in try options.parameters(environment: [:]).words {
      if word == "dbname", let own = ConnectionOptions(value).words() {
        found.merge(own) { $1 }
      } else {
        found[word] = value
      }
    }
    return found
  }

  @Test func aHostThatIsGoneIsFoundOutInHalfAMinute() async throws {
    var options = ConnectionOptions("postgresql://h/shop")
    var found = try await settings(options)
    let quiet = try #require(found["keepalives_idle"].flatMap { Int($0) })
    let pause = try #require(found["keepalives_interval"].flatMap { Int($0) })
    let questions = try #require(found["keepalives_count"].flatMap { Int($0) })
    #expect(quiet + pause * questions == 30)
    #expect(found["tcp_user_timeout"] == nil, "a COPY that the server keeps waiting would break")
    options.sendTimeout = .microseconds(1_500)
    found = try await settings(options)
    #expect(found["tcp_user_timeout"] == "2")
  }

  @Test func theUsersKeepalivesWin() async throws {
    var options = ConnectionOptions("postgresql://h/shop?keepalives_idle=600&tcp_user_timeout=0")
    options.sendTimeout = .seconds(20)
    let found = try await settings(options)
    #expect(found["keepalives_idle"] == "600" && found["tcp_user_timeout"] == "0")
    #expect(found["keepalives_count"] == "3")
    // The file's words fill in only what nobody else has given.
    let (words, _) = try ConnectionOptions("service=shop").parameters(environment: [:])
    #expect(!words.contains { $0.0.hasPrefix("keepalives") || $0.0 == "tcp_user_timeout" })
  }

  @Test func databaseIsReplacedAfterExpansion() throws {
    let found = try words(ConnectionOptions("host=/tmp dbname=a").with(database: "b=c"))
    #expect(
      found.filter { $0.hasPrefix("dbname=") } == ["dbname=host=/tmp dbname=a", "dbname=b=c"])
    let bare = try words(ConnectionOptions().with(database: "b"))
    #expect(bare.filter { $0.hasPrefix("dbname=") } == ["dbname=dbname=''", "dbname=b"])
  }

  @Test func settingsAreEscaped() throws {
    var options = ConnectionOptions("host=/tmp")
    options.settings = ["search_path": "a, b\\c"]
    #expect(
      try words(options).contains(
        "options=-c TimeZone=UTC -c DateStyle=ISO -c jit=off -c search_path=a,\\ b\\\\c"))
  }

  @Test func serviceFilesKeepTheirOptions() throws {
    let (words, later) = try ConnectionOptions("service=shop").parameters(environment: [:])
    #expect(later)
    #expect(!words.contains { $0.0 == "options" || $0.0 == "connect_timeout" })
    #expect(try ConnectionOptions().parameters(environment: ["PGSERVICE": "x"]).setsDefaultsLater)
  }

  @Test func descriptionsHoldNoSecret() throws {
    for text in [
      "postgresql://ann:hunter2%21@h/shop", "host=h user=ann password='hunter2!' dbname=shop",
    ] {
      let options = ConnectionOptions(text)
      #expect(options.description == "host=h user=ann dbname=shop")
      var dumped = ""
      dump(options, to: &dumped)
      for shown in ["\(options)", String(reflecting: options), dumped] {
        #expect(!shown.contains("hunter2"))
      }
      let message = "server says hunter2! and hunter2%21"
      #expect(!Secrets.redacted(message, options: options).contains("hunter2"))
      let psql = try options.psqlInvocation()
      #expect(psql.environment == ["PGPASSWORD": "hunter2!"])
      #expect(psql.arguments == ["dbname='shop' host='h' user='ann'"])
    }
  }

  @Test(arguments: [
    "postgresql://ann:hunter2@h:port:x/shop?bogus=1", "host='h password=hunter2",
    "postgresql://ann:hunter2%zz@h/", "hunter2",
  ])
  func unreadableTextIsRefusedWithoutQuotingIt(text: String) throws {
    let error = try #require(
      #expect(throws: WarehouseError.self) { try ConnectionOptions(text).parameters() })
    #expect(error.code == "warehouse.bad_url")
    #expect(!String(reflecting: error).contains("hunter2"))
    #expect(error.hint != nil)
  }

  @Test(arguments: [
    ("FATAL:  password authentication failed for user \"x\"", "warehouse.authentication_failed"),
    ("FATAL:  database \"x\" does not exist", "warehouse.unknown_database"),
    ("FATAL:  role \"x\" does not exist", "warehouse.authentication_failed"),
    ("FATAL:  the database system is starting up", "warehouse.starting_up"),
    ("FATAL:  sorry, too many clients already", "warehouse.too_many_connections"),
    ("connection failed: Connection refused\n\tIs the server", "warehouse.unreachable"),
    ("server does not support SSL, but SSL was required", "warehouse.tls_failed"),
    ("definition of service \"x\" not found", "warehouse.unknown_service"),
    ("invalid sslmode value: \"x\"", "warehouse.bad_url"),
  ])
  func failuresHaveCodes(said: String, code: String) {
    let error = ConnectFailure.error(said, needsPassword: false, options: ConnectionOptions())
    #expect(error.code == code)
    #expect(error.hint != nil)
  }
}
