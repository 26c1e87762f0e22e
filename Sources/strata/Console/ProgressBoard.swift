import Dispatch
import Foundation
import Reporting
import Schedules
import Synchronization

/// Live progress: a repainted block in a terminal, plain lines elsewhere.
///
/// Both go to standard error, so that results can be piped. Safe to call from any task; the block
/// is painted at most ten times a second, however much happens.
final class ProgressBoard: Sendable {
  private struct State: Sendable {
    var board: RunBoard
    var started: Instant
    /// When the run ended; nil while it goes on.
    var ended: Instant?
    /// Lines on the screen that the next picture replaces.
    var painted = 0
    var isDirty = true
    var isClosed = false
    /// When each task was last written as a plain line.
    var told: [String: Instant] = [:]
  }

  private let state: Mutex<State>
  private let console: Console
  private let isSilent: Bool
  private let clock: any WallClock
  private let painter: Beat?

  init(
    title: String, tasks: [String], console: Console, clock: any WallClock = SystemClock()
  ) {
    state = Mutex(State(board: RunBoard(title: title, tasks: tasks), started: clock.now()))
    self.console = console
    self.clock = clock
    isSilent = console.quiet || console.json || Console.logsJSON
    guard !isSilent, console.err.isInteractive else {
      painter = nil
      return
    }
    let painter = Beat(every: .milliseconds(100))
    self.painter = painter
    painter.start { [weak self] count in
      // Clocks of running tasks go on twice a second even where nothing happens.
      self?.paint(always: count % 5 == 0)
    }
  }

  deinit { painter?.stop() }

  /// When the run began, for its time spent.
  func began(at instant: Instant) { state.withLock { $0.started = instant } }

  /// When the run ended: from then on the time stands still.
  func ended(at instant: Instant?) { state.withLock { $0.ended = instant } }

  /// Changes a task or item.
  func update(_ id: String, _ change: (inout RunBoard.Entry) -> Void) {
    guard !isSilent else { return }
    let now = clock.now()
    let line = state.withLock { state -> String? in
      guard !state.isClosed else { return nil }
      let hasChanged = state.board.update(id, change)
      state.isDirty = true
      guard painter == nil, isWorthALine(id, hasChanged, &state, now) else { return nil }
      return state.board.plainLine(id, now: now)
    }
    if let line { Console.write(line + "\n", to: STDERR_FILENO) }
  }

  /// A log file wants each change of state, and a sign of life every ten seconds; of the items of a
  /// mapped task only those that go wrong, and how many have ended.
  private func isWorthALine(
    _ id: String, _ hasChanged: Bool, _ state: inout State, _ now: Instant
  ) -> Bool {
    let standing = state.board.entry(id)?.standing
    let isItem = id.last == "]"
    let isTold =
      isItem ? standing == .failed || standing == .retrying : standing != .queued
    if hasChanged, isTold {
      state.told[id] = now
      return true
    }
    let last = state.told[id]
    guard !isItem, !hasChanged, standing == .running, let last, now - last >= .seconds(10) else {
      return false
    }
    state.told[id] = now
    return true
  }

  /// Writes a line above the picture.
  func note(_ text: String) {
    guard !isSilent else { return }
    state.withLock { state in
      Console.write(erasure(&state) + text + "\n", to: STDERR_FILENO)
      state.isDirty = true
    }
  }

  /// Paints the last state; nothing is shown afterwards.
  func close() {
    painter?.stop()
    paint(always: true)
    state.withLock { $0.isClosed = true }
  }

  private func erasure(_ state: inout State) -> String {
    defer { state.painted = 0 }
    return state.painted > 0 ? "\u{1B}[\(state.painted)A\u{1B}[0J" : ""
  }

  private func paint(always: Bool) {
    guard painter != nil else { return }
    let now = clock.now()
    state.withLock { state in
      guard !state.isClosed, state.isDirty || always else { return }
      state.isDirty = false
      // The terminal may have been resized since.
      let terminal = Terminal(descriptor: STDERR_FILENO, colour: console.err.colour)
      let lines = state.board.picture(
        terminal.canvas(inset: 1), height: terminal.height - 1, started: state.started,
        now: state.ended ?? now)
      var output = state.painted > 0 ? "\u{1B}[\(state.painted)A" : ""
      for line in lines { output += "\u{1B}[2K" + line + "\n" }
      // What the picture before had more of is wiped away.
      if lines.count < state.painted { output += "\u{1B}[0J" }
      state.painted = lines.count
      Console.write(output, to: STDERR_FILENO)
    }
  }
}

/// Calls a function again and again, on a thread that computing tasks cannot take.
///
/// @unchecked Sendable: dispatch sources may be used from any thread, which their type does not say.
private final class Beat: @unchecked Sendable {
  private let timer: any DispatchSourceTimer
  private let count = Mutex(0)

  init(every interval: DispatchTimeInterval) {
    timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "strata.board"))
    timer.schedule(deadline: .now() + interval, repeating: interval)
  }

  func start(_ body: @escaping @Sendable (Int) -> Void) {
    timer.setEventHandler { [weak self] in
      let count = self?.count.withLock { count in
        count += 1
        return count
      }
      if let count { body(count) }
    }
    timer.resume()
  }

  func stop() { timer.cancel() }
}
