import Synchronization

/// A continuation that is resumed by whoever comes first; later results are dropped.
final class OneShot<Value: Sendable>: Sendable {
  private enum State {
    case new
    case waiting(CheckedContinuation<Value, any Error>)
    case early(Result<Value, any Error>)
    case done
  }

  private let state = Mutex(State.new)

  /// Sets the continuation; resumes it at once where a result is already there.
  func wait(_ continuation: CheckedContinuation<Value, any Error>) {
    let early: Result<Value, any Error>? = state.withLock { state in
      if case .early(let result) = state {
        state = .done
        return result
      }
      state = .waiting(continuation)
      return nil
    }
    if let early { continuation.resume(with: early) }
  }

  /// Resumes with a result; false where one was there before.
  @discardableResult
  func resume(_ result: Result<Value, any Error>) -> Bool {
    let (continuation, first): (CheckedContinuation<Value, any Error>?, Bool) = state.withLock {
      switch $0 {
      case .new:
        $0 = .early(result)
        return (nil, true)
      case .waiting(let continuation):
        $0 = .done
        return (continuation, true)
      case .early, .done: return (nil, false)
      }
    }
    continuation?.resume(with: result)
    return first
  }
}
