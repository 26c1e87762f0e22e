import Orchestrator
import Pipeline
import Schedules
import Synchronization

/// Returns a number.
struct Number: RunnableTask {
  static let kind = "number"
  var value: Int
  func run(in context: TaskContext) async throws -> Int { value }
}

/// Adds up what it reads.
struct Sum: RunnableTask {
  static let kind = "sum"
  var inputs: [Output<Int>]
  var plus = 0
  func run(in context: TaskContext) async throws -> Int {
    try inputs.reduce(plus) { $0 + (try context.value(of: $1)) }
  }
}

/// A list of the numbers from 0.
struct Numbers: RunnableTask {
  static let kind = "numbers"
  var count: Int
  func run(in context: TaskContext) async throws -> [Int] { Array(0..<count) }
}

/// Adds up a list.
struct Total: RunnableTask {
  static let kind = "total"
  var list: Output<[Int]>
  func run(in context: TaskContext) async throws -> Int {
    try context.value(of: list).reduce(0, +)
  }
}

/// Ten times an item.
struct Tenfold: RunnableTask {
  static let kind = "tenfold"
  var item: Output<Int>
  func run(in context: TaskContext) async throws -> Int { try context.value(of: item) * 10 }
}

/// Sleeps on its clock, and says when it woke, in seconds.
struct Nap: RunnableTask {
  static let kind = "nap"
  var seconds: Int
  func run(in context: TaskContext) async throws -> Int64 {
    try await context.clock.sleep(for: .seconds(seconds))
    return context.clock.now().seconds
  }
}

/// There from an instant on.
struct Arrival: RunnableTask, SensorKind {
  static let kind = "arrival"
  var at: Int64
  func run(in context: TaskContext) async throws -> Int64 {
    let now = context.clock.now().seconds
    guard now >= at else { throw NotYet("it is \(now)") }
    return now
  }
}

/// Fails as often as it is told, by the number of the attempt.
struct Stumble: RunnableTask {
  static let kind = "stumble"
  var times: Int
  func run(in context: TaskContext) async throws -> Int {
    if context.attempt.attempt <= times {
      throw OrchestratorError(code: "test.stumble", message: "try \(context.attempt.attempt)")
    }
    return context.attempt.attempt
  }
}

/// Chooses among the tasks behind it.
struct Pick: RunnableTask {
  static let kind = "pick"
  var chosen: [String]
  func run(in context: TaskContext) async throws -> BranchChoice { BranchChoice(chosen: chosen) }
}

/// Asks the database.
struct Ask: RunnableTask {
  static let kind = "ask"
  func run(in context: TaskContext) async throws -> Int {
    try await context.pool.withConnection { connection in
      try await connection.first("SELECT 42 AS answer")?.get("answer", as: Int32.self)
    }.map(Int.init) ?? 0
  }
}

/// Says how the tasks of its run stand.
struct Census: RunnableTask {
  static let kind = "census"
  func run(in context: TaskContext) async throws -> String {
    try await context.tasksOfRun().map { "\($0.task) \($0.state.rawValue)" }
      .joined(separator: ", ")
  }
}

/// Waits until the test lets it go, or until it is stopped.
struct Wait: RunnableTask {
  static let kind = "wait"
  static let begun = AsyncStream<Void>.makeStream()
  func run(in context: TaskContext) async throws -> Int {
    Self.begun.continuation.yield()
    // Real time: nothing but a stop ends it within the test.
    try await Task.sleep(for: .seconds(600))
    return 1
  }
}

/// The kinds, the interval and the start of all local tests.
enum Local {
  static let interval = DataInterval(day: Day(number: 20_000), in: .utc)
  static let start = Instant(seconds: 1_800_000_000)
  static let kinds: [any RunnableTask.Type] = [
    Number.self, Sum.self, Numbers.self, Total.self, Tenfold.self, Nap.self, Arrival.self,
    Stumble.self, Pick.self, Ask.self, Census.self, Wait.self,
  ]

  static func run(
    _ dag: DAG, _ standIns: StandIns = StandIns(), params: JSONValue = .object([:])
  ) throws -> LocalRun {
    try LocalRun(
      dag, interval: interval, params: params, registry: TaskRegistry(kinds),
      projectDirectory: "/nowhere", zone: .utc,
      options: LocalRun.Options(standIns: standIns, startsAt: start))
  }
}

extension RunOutcome {
  var states: String { tasks.map { "\($0.task) \($0.state.rawValue)" }.joined(separator: ", ") }

  func task(_ id: String) -> TaskRecord? { tasks.first { $0.task == id } }

  /// Seconds of virtual time.
  var seconds: Int64 { (run.finishedAt?.seconds ?? 0) - run.startedAt.seconds }
}
