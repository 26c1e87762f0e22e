import Foundation
import Logging
import Pipeline
import Schedules
import Synchronization
import Warehouse

/// Tells of lineage what decisions have noted in `runs.lineage`, in order, at least once.
///
/// Notes are written in the transaction of what they tell of and deleted once told, so a process that
/// dies in between tells them again, or another one does. Where they cannot be told they wait, for a
/// week at most; no run fails for it.
struct LineageEmitter: Sendable {
  /// Events that one transaction takes.
  private static let batch = 50
  /// What telling one event to an address may take.
  private static let timeLimit = Duration.seconds(10)
  /// How often to look.
  private static let poll = Duration.seconds(2)

  let runtime: Runtime
  let options: LineageOptions
  private let log = Logger(label: "strata.lineage")
  private let warnings = LineageWarnings()

  init(runtime: Runtime, options: LineageOptions) {
    self.runtime = runtime
    self.options = options
  }

  /// Tells while the body works, and what is left once it has.
  static func during<Result>(
    _ runtime: Runtime, _ body: () async throws -> Result
  ) async throws -> Result {
    guard let options = runtime.lineage else { return try await body() }
    let telling = Task { await LineageEmitter(runtime: runtime, options: options).run() }
    do {
      let result = try await body()
      telling.cancel()
      await telling.value
      return result
    } catch {
      telling.cancel()
      await telling.value
      throw error
    }
  }

  /// Tells until the task is cancelled, and then what is left; each telling goes on for `patience`
  /// at most from then.
  func run(patience: Duration = .seconds(10)) async {
    while !Task.isCancelled {
      _ = await tellWhole(patience)
      guard (try? await Task.sleep(for: Self.poll)) != nil else { break }
    }
    if !(await tellWhole(patience)) {
      log.warning("lineage events are left for the next process that tells of lineage")
    }
  }

  /// Tells in a task of its own: a cancellation between the telling and the deletion of what was told
  /// would have it told again.
  private func tellWhole(_ patience: Duration) async -> Bool {
    let telling = Task { await tell() }
    let limit = Latest<Task<Void, Never>>()
    defer { limit.value?.cancel() }
    return await withTaskCancellationHandler {
      await telling.value
    } onCancel: {
      limit.set(
        Task {
          guard (try? await Task.sleep(for: patience)) != nil else { return }
          telling.cancel()
        })
    }
  }

  /// Tells everything that is noted; false where it could not.
  @discardableResult
  func tell() async -> Bool {
    do {
      try await expire()
      while try await tellBatch() == Self.batch {}
      warnings.forget()
      return true
    } catch is CancellationError {
      return false
    } catch {
      // Once for each fault, not for each look.
      let fault = AttemptFault(error)
      if warnings.isNew(fault.message) {
        log.warning(
          "lineage events could not be told; they are kept", metadata: ["error": "\(fault.message)"]
        )
      }
      return false
    }
  }

  private func expire() async throws {
    let gone = try await runtime.pool.query(SQL(file: "queries/orchestrator/expire_lineage.sql"))
    if !gone.isEmpty {
      log.error("lineage events were given up after a week", metadata: ["count": "\(gone.count)"])
    }
  }

  /// Tells one batch, and returns how many events it had.
  private func tellBatch() async throws -> Int {
    let emitter = self
    return try await runtime.pool.transaction { connection in
      let rows = try await connection.query(
        SQL(file: "queries/orchestrator/take_lineage.sql", Int64(Self.batch)))
      guard !rows.isEmpty else { return 0 }
      var reader = LineageReader(emitter.runtime, connection)
      var told: [Int64] = []
      var events: [JSONValue] = []
      for row in rows {
        told.append(try row.get("lineage_id", as: Int64.self))
        if let event = try await reader.event(row) { events.append(event.json(emitter.options)) }
      }
      switch emitter.options.target {
      case .file(let path): try LineageFile.append(events, to: path)
      case .url(let url):
        for event in events {
          try await emitter.runtime.webhooks.post(event, to: url, timeLimit: Self.timeLimit)
        }
      }
      try await connection.execute(SQL(file: "queries/orchestrator/delete_lineage.sql", told))
      return rows.count
    }
  }
}

/// Makes events of notes, with what the run tables know besides.
private struct LineageReader {
  let runtime: Runtime
  let connection: Connection
  private var runs: [Int64: RunRecord] = [:]

  init(_ runtime: Runtime, _ connection: Connection) {
    self.runtime = runtime
    self.connection = connection
  }

  /// The event of a note; nil where its run, or its task, is no longer there.
  mutating func event(_ row: Row) async throws -> LineageEvent? {
    let runID = try row.get("run_id", as: Int64.self)
    if runs[runID] == nil {
      let found = try await connection.first(
        SQL(file: "queries/orchestrator/find_run.sql", runID))
      runs[runID] = try found.map(RunRecord.init)
    }
    guard let run = runs[runID] else { return nil }
    let definition = try await runtime.definitions.definition(run.snapshotHash, on: connection)
    var attempt: LineageEvent.Attempt?
    if let id = try row.get("task_id", as: String?.self) {
      guard let key = definition.key(id), let token = try row.get("fencing_token", as: Int64?.self)
      else { return nil }
      let task = definition.snapshot.tasks[key.number]
      attempt = LineageEvent.Attempt(task: task, id: id, token: token, datasets: datasets(of: task))
    }
    return LineageEvent(
      kind: try row.state("kind", as: LineageEvent.Kind.self),
      at: try row.get("happened_at", as: Instant.self), run: run,
      pass: Int(try row.get("pass", as: Int32.self)), snapshot: definition.snapshot,
      attempt: attempt, message: try row.get("message", as: String?.self))
  }

  private func datasets(of task: TaskDefinition) -> TaskDatasets {
    do {
      guard let kind = try runtime.registry.task(for: task) as? any DeclaresDatasets else {
        return TaskDatasets()
      }
      return try kind.datasets(projectDirectory: runtime.projectDirectory)
    } catch {
      Logger(label: "strata.lineage").warning(
        "a task's data are unknown", metadata: ["task": "\(task.id)", "error": "\(error)"])
      return TaskDatasets()
    }
  }
}

/// A file of one JSON object per line.
enum LineageFile {
  /// Appends events, on disk when it returns.
  static func append(_ events: [JSONValue], to path: String) throws {
    guard !events.isEmpty else { return }
    let text = events.map { $0.canonicalText + "\n" }.joined()
    let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw fault("opened", path) }
    defer { close(descriptor) }
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw fault("written", path) }
      bytes = bytes.dropFirst(count)
    }
    // A pipe or terminal has nothing to bring to disk, and says so.
    if fsync(descriptor) != 0, errno != EINVAL, errno != EROFS { throw fault("flushed", path) }
  }

  private static func fault(_ what: String, _ path: String) -> OrchestratorError {
    OrchestratorError(
      code: "orchestrator.lineage_failed",
      message: "expected a file that can be \(what), found \(path): "
        + String(cString: strerror(errno)))
  }
}

/// Remembers which fault was told last.
private final class LineageWarnings: Sendable {
  private let last = Mutex<String?>(nil)

  func isNew(_ fault: String) -> Bool {
    last.withLock { last in
      defer { last = fault }
      return last != fault
    }
  }

  func forget() { last.withLock { $0 = nil } }
}
