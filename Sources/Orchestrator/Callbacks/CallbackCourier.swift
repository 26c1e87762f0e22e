import Logging
import Synchronization

/// Makes calls beside a daemon's loop, which must not wait for somebody's slow program: one round of
/// deliveries at a time, and another one where it was woken meanwhile.
final class CallbackCourier: Sendable {
  private struct State {
    var round: Task<Void, Never>?
    var isWanted = false
  }

  private let state = Mutex(State())
  private let delivery: CallbackDelivery
  private let log = Logger(label: "strata.callbacks")

  init(_ runtime: Runtime) { delivery = Upkeep(runtime).delivery }

  /// Something may be due; returns at once.
  func wake() {
    state.withLock { state in
      state.isWanted = true
      guard state.round == nil else { return }
      state.round = Task { await work() }
    }
  }

  /// Waits until the calls that are due, and were asked for, have been made.
  func finish() async { await state.withLock { $0.round }?.value }

  private func work() async {
    while isWantedAgain() {
      do {
        try await delivery.deliverDue()
      } catch {
        // What was taken is due again after its lease; the next look wakes this one.
        log.warning("callbacks could not be looked at", metadata: ["error": "\(error)"])
      }
    }
  }

  private func isWantedAgain() -> Bool {
    state.withLock { state in
      defer { state.isWanted = false }
      if !state.isWanted { state.round = nil }
      return state.isWanted
    }
  }
}
