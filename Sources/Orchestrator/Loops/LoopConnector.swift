import Schedules
import Synchronization
import Warehouse

/// Opens the connection of a loop, again each time that it breaks.
///
/// A daemon outlives minutes without its server. One that was told to end does not wait for it:
/// nothing can be written, its lease ends by itself, and others take over what it had.
final class LoopConnector: Sendable {
  private struct State {
    var isHurried = false
    var patient: Task<Connection, any Error>?
  }

  /// How long a loop that was told to end tries.
  private static let lastTries = Duration.seconds(5)

  private let options: ConnectionOptions
  private let state = Mutex(State())

  /// A connector to a pool's server.
  ///
  /// - Parameters:
  ///   - isPatient: whether it tries for minutes: a daemon; somebody waits for a command.
  ///   - settings: of the sessions, beside the pool's.
  init(_ pool: ConnectionPool, isPatient: Bool, settings: [String: String] = [:]) {
    var options = pool.options
    options.backOff = isPatient ? .patient : .brief
    options.settings.merge(settings) { $1 }
    // Its statements are short, and a worker that hears nothing for a whole lease has lost it.
    options.sendTimeout = .seconds(20)
    self.options = options
  }

  /// Tries only for moments from now on, also where it is at it.
  func hurry() {
    let patient = state.withLock { state in
      state.isHurried = true
      return state.patient
    }
    patient?.cancel()
  }

  /// Connects under a name, trying again while the server is away.
  ///
  /// - Throws: `WarehouseError`, after ``hurry()`` within seconds; `CancellationError`.
  func connect(_ name: String) async throws -> Connection {
    var options = options
    options.applicationName = name
    let fixed = options
    let work = Task { try await Connection.connect(fixed) }
    let isHurried = state.withLock { state in
      state.patient = work
      return state.isHurried
    }
    if isHurried { work.cancel() }
    do {
      return try await withTaskCancellationHandler {
        try await work.value
      } onCancel: {
        work.cancel()
      }
    } catch is CancellationError where !Task.isCancelled {
      return try await lastTry(fixed)
    }
  }

  private func lastTry(_ options: ConnectionOptions) async throws -> Connection {
    var options = options
    options.backOff = .brief
    let work = Task { [options] in try await Connection.connect(options) }
    // Real time, whatever clock tests set. A host that says nothing would take much longer.
    let limit = Task {
      guard (try? await Task.sleep(for: Self.lastTries)) != nil else { return }
      work.cancel()
    }
    defer { limit.cancel() }
    do {
      return try await withTaskCancellationHandler {
        try await work.value
      } onCancel: {
        work.cancel()
      }
    } catch is CancellationError where !Task.isCancelled {
      throw WarehouseError(
        code: "warehouse.unreachable",
        message: "expected an answer of the database within \(Self.lastTries), found none",
        hint: "this process was told to end; others take over what it had")
    }
  }
}
