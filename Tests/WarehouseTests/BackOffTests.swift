import Schedules
import Synchronization
import TestSupport
import Testing

@testable import Warehouse

@Suite struct BackOffTests {
  private struct Passing: Error {}

  @Test func waitsDoubleUpToTheLimit() {
    let backOff = BackOff(attempts: 9, first: .milliseconds(100), limit: .seconds(1))
    let waits = (1...6).map { backOff.wait(after: $0, fraction: 1) }
    #expect(
      waits == [100, 200, 400, 800, 1000, 1000].map { Duration.milliseconds($0) })
    #expect(backOff.wait(after: 1, fraction: 0) == .milliseconds(50))
    #expect(backOff.wait(after: 5000, fraction: 1) == .seconds(1))
  }

  @Test func triesUntilItSucceeds() async throws {
    let clock = ManualClock()
    let tries = Mutex(0)
    let task = Task {
      try await BackOff(attempts: 4, first: .seconds(1), limit: .seconds(8)).retry(
        clock: clock, when: { $0 is Passing }
      ) {
        let number = tries.withLock { value in
          value += 1
          return value
        }
        if number < 3 { throw Passing() }
        return number
      }
    }
    for _ in 1...2 {
      await clock.waitForSleepers()
      clock.advance(by: .seconds(8))
    }
    #expect(try await task.value == 3)
  }

  @Test func otherFaultsAreNotTriedAgain() async {
    let tries = Mutex(0)
    await #expect(throws: Passing.self) {
      try await BackOff.brief.retry(clock: ManualClock(), when: { _ in false }) {
        tries.withLock { $0 += 1 }
        throw Passing()
      }
    }
    #expect(tries.withLock { $0 } == 1)
  }

  @Test func cancellationEndsTheWait() async {
    let clock = ManualClock()
    let task = Task {
      try await BackOff.patient.retry(clock: clock, when: { _ in true }) { throw Passing() }
    }
    await clock.waitForSleepers()
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(clock.sleeperCount == 0)
  }
}
