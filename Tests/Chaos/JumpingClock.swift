import Schedules
import Synchronization
import TestSupport

/// The clock of a host that is set wrong: it jumps by up to an hour, forwards or back, and now and
/// then by weeks.
///
/// Sleeps are not touched, as on a real machine: they run on a clock that nobody sets.
final class JumpingClock: HostClock {
  private struct State {
    var random: SplitMix64
    var offset = Duration.zero
  }

  private let machine = SystemClock()
  private let state: Mutex<State>

  init(seed: UInt64) { state = Mutex(State(random: SplitMix64(seed: seed))) }

  func now() -> Instant { machine.now() + state.withLock { $0.offset } }

  func sleep(for duration: Duration) async throws { try await machine.sleep(for: duration) }

  /// Sets the clock anew: anywhere within an hour of the truth, or within fifty days of it.
  func jump() {
    state.withLock { state in
      let reach: Int64 = Int.random(in: 0..<8, using: &state.random) == 0 ? 50 * 86_400 : 3600
      state.offset = .milliseconds(
        Int64.random(in: -reach * 1000...reach * 1000, using: &state.random))
    }
  }
}
