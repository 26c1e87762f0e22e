import Orchestrator
import Pipeline
import Schedules
import Synchronization
import TestSupport
import Warehouse

/// What the tasks of orchestrator tests do: closures, which no DAG could encode, by name.
final class Probes: Sendable {
  typealias Body = @Sendable (TaskContext) async throws -> Int

  static let shared = Probes()
  private let bodies = Mutex<[String: Body]>([:])

  func set(_ name: String, _ body: @escaping Body) { bodies.withLock { $0[name] = body } }

  func body(_ name: String) -> Body? { bodies.withLock { $0[name] } }
}

/// Does what the probe of its name does; 1 where there is none.
struct Probe: RunnableTask {
  static let kind = "probe"
  var name: String
  var input: Output<Int>?
  var note = ""

  func run(in context: TaskContext) async throws -> Int {
    try await Probes.shared.body(name)?(context) ?? 1
  }
}

/// Adds one to what it reads.
struct Successor: RunnableTask {
  static let kind = "successor"
  var input: Output<Int>

  func run(in context: TaskContext) async throws -> Int { try context.value(of: input) + 1 }
}

/// Reads what may be missing, and says what it read.
struct Reporter: RunnableTask {
  static let kind = "reporter"
  var input: Output<Int>?

  func run(in context: TaskContext) async throws -> String {
    let read = try context.value(of: input).map(String.init) ?? "nothing"
    let states = try await context.tasksOfRun().map { "\($0.task) \($0.state.rawValue)" }
    return "read \(read); " + states.joined(separator: ", ")
  }
}

/// An error with a code, permanent or not.
struct ProbeFailure: CodedError {
  var code = "probe.failed"
  var message = "the probe failed"
  var hint: String? = "change the probe"
  var isPermanent = false
}

/// Opens once; whoever waits goes on then, or at cancellation with an error.
final class Gate: Sendable {
  private let stream: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  init() { (stream, continuation) = AsyncStream.makeStream() }

  func open() { continuation.finish() }

  func wait() async throws {
    for await _ in stream {}
    try Task.checkCancellation()
  }
}

/// Collects what an observer is told.
final class Events: Sendable {
  private let all = Mutex<[RunEvent]>([])

  var observer: @Sendable (RunEvent) -> Void {
    { [self] event in all.withLock { $0.append(event) } }
  }

  var recorded: [RunEvent] { all.withLock { $0 } }
}

/// The interval of all orchestrator tests, and a coordinator on a fresh database.
let probeInterval = DataInterval(day: Day(number: 20_000), in: .utc)

func coordinator(
  _ pool: ConnectionPool, clock: any WallClock = SystemClock()
) throws -> RunCoordinator {
  RunCoordinator(
    pool: pool, registry: try TaskRegistry([Probe.self, Successor.self, Reporter.self]),
    projectDirectory: "/nowhere", zone: .utc, clock: clock)
}

extension RunOutcome {
  /// `a success, b failed` in the order of declaration.
  var states: String { tasks.map { "\($0.task) \($0.state.rawValue)" }.joined(separator: ", ") }

  func task(_ id: String) -> TaskRecord? { tasks.first { $0.task == id } }
}
