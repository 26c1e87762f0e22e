import Synchronization

/// Messages for one reader, who takes all that have come at once.
///
/// What arrives while the reader works is taken together afterwards: under load, many ends of
/// attempts share one transaction.
final class Mailbox<Message: Sendable>: Sendable {
  private let waiting = Mutex<[Message]>([])
  private let signal: AsyncStream<Void>.Continuation
  /// One element where there is something to take.
  let signals: AsyncStream<Void>

  init() {
    (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  func put(_ message: Message) {
    waiting.withLock { $0.append(message) }
    signal.yield()
  }

  func take() -> [Message] {
    waiting.withLock { waiting in
      defer { waiting = [] }
      return waiting
    }
  }

  /// Ends the reader's loop once it has taken what is there.
  func close() { signal.finish() }
}
