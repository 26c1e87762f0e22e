/// A point that tasks wait at until all of them have come.
public actor Rendezvous {
  private let parties: Int
  private var waiting: [CheckedContinuation<Void, Never>] = []

  /// A meeting of a number of tasks.
  public init(parties: Int) { self.parties = parties }

  /// Waits for the others; the last one to come wakes them all.
  public func meet() async {
    await withCheckedContinuation { continuation in
      waiting.append(continuation)
      guard waiting.count == parties else { return }
      for waiter in waiting { waiter.resume() }
      waiting = []
    }
  }
}
