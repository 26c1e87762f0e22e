import Dispatch
import Synchronization

/// Batches from a thread that may block to a task that may not; at most `depth` lie between.
final class BatchChannel: Sendable {
  private let credit = DispatchSemaphore(value: 0)
  private let stopped = Atomic<Bool>(false)
  private let continuation: AsyncThrowingStream<[UInt8], any Error>.Continuation
  /// The batches in order; the consumer calls ``taken()`` after each.
  let batches: AsyncThrowingStream<[UInt8], any Error>

  init(depth: Int) {
    (batches, continuation) = AsyncThrowingStream.makeStream()
    // A semaphore may not end below the value it began with, so it begins with none.
    for _ in 0..<depth { credit.signal() }
  }

  /// Hands a batch on, waiting while `depth` batches are not yet taken. Only for threads.
  ///
  /// - Throws: `CancellationError` after ``stop()``.
  func send(_ batch: [UInt8]) throws {
    credit.wait()
    if stopped.load(ordering: .acquiring) {
      credit.signal()
      throw CancellationError()
    }
    continuation.yield(batch)
  }

  /// Ends the stream; an error reaches the consumer after the batches before it.
  func finish(throwing error: (any Error)? = nil) { continuation.finish(throwing: error) }

  /// Says that one batch has been dealt with.
  func taken() { credit.signal() }

  /// Makes the producer's next call of ``send(_:)`` throw.
  func stop() {
    stopped.store(true, ordering: .releasing)
    credit.signal()
  }

  var isStopped: Bool { stopped.load(ordering: .acquiring) }
}
