import Logging
import Pipeline
import Schedules
import Subprocess
import Warehouse

/// Makes the calls that decisions noted: commands and webhooks.
///
/// A call is taken by moving its due time on, so that a process which dies with it in hand delays it
/// and does not lose it: who is called may be called twice, and tells by the idempotency key.
public struct CallbackDelivery: Sendable {
  /// Calls of one event, at most; the last one failing, it is given up and an event tells so.
  public static let triesAtMost = 10
  /// What one call may take.
  public static let timeLimit = Duration.seconds(60)
  /// Calls that are made at once.
  private static let atOnce = 8

  private let pool: ConnectionPool
  private let projectDirectory: String
  private let time: TimeSource
  private let webhooks: WebhookClient
  private let timeLimit: Duration
  private let log = Logger(label: "strata.callbacks")

  /// The calls of a project.
  ///
  /// - Parameter projectDirectory: the current folder of commands; relative paths start here.
  public init(
    pool: ConnectionPool, projectDirectory: String, clock: any WallClock = SystemClock(),
    webhooks: WebhookClient = .beside, timeLimit: Duration = Self.timeLimit
  ) {
    self.pool = pool
    self.projectDirectory = projectDirectory
    time = TimeSource(clock: clock)
    self.webhooks = webhooks
    self.timeLimit = timeLimit
  }

  /// Makes every call that is due, each once, and returns how many were made, well or not.
  ///
  /// - Throws: `WarehouseError`; a call that fails is no error here, it is made again later.
  @discardableResult
  public func deliverDue() async throws -> Int {
    var made = 0
    while true {
      let calls = try await claim()
      guard !calls.isEmpty else { return made }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for call in calls { group.addTask { try await deliver(call) } }
        try await group.waitForAll()
      }
      made += calls.count
    }
  }

  private func claim() async throws -> [DueCall] {
    // Longer than a call may take: one that is on its way is nobody else's.
    let lease = timeLimit + .seconds(60)
    return try await pool.query(
      SQL(
        file: "queries/orchestrator/claim_callbacks.sql", time.fixed, Int64(Self.atOnce),
        lease.fractionalSeconds)
    ).map(DueCall.init)
  }

  private func deliver(_ call: DueCall) async throws {
    do {
      try await make(call)
    } catch {
      return try await postpone(call, AttemptFault(error))
    }
    try await pool.execute(
      SQL(file: "queries/orchestrator/delete_callback.sql", call.id, Int32(call.tries)))
  }

  private func postpone(_ call: DueCall, _ fault: AttemptFault) async throws {
    let isLast = fault.isPermanent || call.tries >= Self.triesAtMost
    log.log(
      level: isLast ? .error : .warning,
      isLast ? "a callback is given up" : "a callback failed and is made again later",
      metadata: [
        "run": "\(call.runID)", "event": "\(call.event)", "try": "\(call.tries)",
        "error": "\(fault.message)",
      ])
    guard isLast else {
      try await pool.execute(
        SQL(
          file: "queries/orchestrator/postpone_callback.sql", call.id, Int32(call.tries),
          time.fixed, Self.pause(after: call.tries).fractionalSeconds, fault.message))
      return
    }
    let detail = JSONValue.object([
      "event": .string(call.event), "task": call.task.map(JSONValue.string) ?? .null,
      "tries": .integer(Int64(call.tries)), "message": .string(fault.message),
    ])
    try await pool.transaction { connection in
      let ledger = RunLedger(connection: connection)
      let now = try await ledger.now(time)
      try await connection.execute(
        SQL(file: "queries/orchestrator/delete_callback.sql", call.id, Int32(call.tries)))
      try await ledger.ensurePartitions(at: now)
      try await connection.execute(
        SQL(
          file: "queries/orchestrator/insert_event.sql", call.runID, "callback_failed",
          JSONText(detail.canonicalText), now))
    }
  }

  /// 10 s, then twice as long each time, at most an hour.
  static func pause(after tries: Int) -> Duration {
    .seconds(min(10 << Int64(min(max(tries - 1, 0), 20)), 3600))
  }

  // MARK: Calls

  private func make(_ call: DueCall) async throws {
    switch call.action {
    case .webhook(let url):
      try await webhooks.post(
        call.payload, to: url,
        headers: [
          "Idempotency-Key": call.key, "User-Agent": "strata", "X-Strata-Event": call.event,
        ], timeLimit: timeLimit)
    case .command(let words):
      let outcome = try await BoundedCommand(
        words: words, variables: call.variables, directory: projectDirectory,
        input: call.payload.canonicalText + "\n", timeLimit: timeLimit
      ).run()
      guard !outcome.status.isSuccess else { return }
      let how =
        switch outcome.status {
        case _ where outcome.isTimedOut: "no end within \(timeLimit)"
        case .exited(let code): "exit code \(code)"
        case .signaled(let number): "signal \(number)"
        }
      let last = outcome.lines.isEmpty ? "" : ": " + outcome.lines.joined(separator: " | ")
      throw OrchestratorError(
        code: "orchestrator.callback_failed",
        message: "expected '\(words.first ?? "")' to succeed, found \(how)\(last)")
    }
  }
}

/// A call that was taken.
struct DueCall: Sendable {
  let id: Int64
  let runID: Int64
  let task: String?
  let event: String
  let tries: Int
  /// The same for every try of this call, and another for every other call.
  let key: String
  let action: Callback.Action
  let payload: JSONValue

  init(_ row: Row) throws {
    id = try row.get("callback_id", as: Int64.self)
    runID = try row.get("run_id", as: Int64.self)
    task = try row.get("task_id", as: String?.self)
    event = try row.get("event", as: String.self)
    tries = Int(try row.get("tries", as: Int32.self))
    // A restored database may give out numbers again: the time tells them apart.
    key = "strata-\(id)-\(try row.get("created_at", as: Instant.self).microseconds)"
    action = try JSONValue(parsing: row.get("target", as: JSONText.self).text)
      .decoded(as: Callback.self).action
    var payload = try JSONValue(parsing: row.get("payload", as: JSONText.self).text)
    if case .object(var members) = payload {
      members["key"] = .string(key)
      payload = .object(members)
    }
    self.payload = payload
  }

  /// `STRATA_EVENT`, `STRATA_DAG`, `STRATA_RUN` and so on: every member of the payload that is one
  /// value.
  var variables: [String: String] {
    guard case .object(let members) = payload else { return [:] }
    var variables: [String: String] = [:]
    for (name, value) in members {
      switch value {
      case .string(let text): variables["STRATA_" + name.uppercased()] = text
      case .integer(let number): variables["STRATA_" + name.uppercased()] = "\(number)"
      case .null, .bool, .number, .array, .object: break
      }
    }
    return variables
  }
}
