import Foundation
import Synchronization

/// Live progress: a repainted block with bars in a terminal, plain lines elsewhere.
///
/// Both go to standard error, so that results can be piped. Safe to call from any task.
final class ProgressBoard: Sendable {
  /// One line of the board.
  struct Line: Sendable {
    var name: String
    var state: State = .waiting
    var started: ContinuousClock.Instant?
    var ended: ContinuousClock.Instant?
    var done: Int64 = 0
    var total: Int64?
    var unit = ""
    var note = ""
    var tries = 0
    var lastPlain: ContinuousClock.Instant?
  }

  enum State: String, Sendable {
    case waiting, running, retrying, succeeded, failed, skipped
    case upstreamFailed = "upstream failed"
  }

  private struct Board: Sendable {
    var lines: [Line]
    var painted = 0
    var lastPaint: ContinuousClock.Instant?
    var closed = false
  }

  private let board: Mutex<Board>
  private let console: Console
  private let silent: Bool

  init(_ names: [String], console: Console) {
    board = Mutex(Board(lines: names.map { Line(name: $0) }))
    self.console = console
    silent = console.quiet || console.json
  }

  /// Changes one line and repaints, at most ten times a second unless its state changed.
  func update(_ name: String, _ change: (inout Line) -> Void) {
    guard !silent else { return }
    board.withLock { board in
      guard !board.closed else { return }
      let index =
        board.lines.firstIndex { $0.name == name }
        ?? {
          board.lines.append(Line(name: name))
          return board.lines.count - 1
        }()
      let before = board.lines[index].state
      change(&board.lines[index])
      let changed = before != board.lines[index].state
      let now = ContinuousClock.now
      if console.err.isInteractive {
        if !changed, let last = board.lastPaint, now - last < .milliseconds(100) { return }
        board.lastPaint = now
        paint(&board, now)
      } else {
        plain(&board.lines[index], changed, now)
      }
    }
  }

  /// Paints the last state; nothing is shown afterwards.
  func close() {
    guard !silent else { return }
    board.withLock { board in
      guard !board.closed else { return }
      if console.err.isInteractive { paint(&board, .now) }
      board.closed = true
    }
  }

  private func plain(_ line: inout Line, _ changed: Bool, _ now: ContinuousClock.Instant) {
    // A log file wants each change of state, and a sign of life every ten seconds.
    if !changed, let last = line.lastPlain, now - last < .seconds(10) { return }
    if !changed, line.lastPlain == nil {
      line.lastPlain = now
      return
    }
    line.lastPlain = now
    Console.write(text(line, now, colour: false) + "\n", to: STDERR_FILENO)
  }

  private func paint(_ board: inout Board, _ now: ContinuousClock.Instant) {
    var output = board.painted > 0 ? "\u{1B}[\(board.painted)A" : ""
    for line in board.lines {
      output += "\u{1B}[2K" + text(line, now, colour: console.err.colour) + "\n"
    }
    board.painted = board.lines.count
    Console.write(output, to: STDERR_FILENO)
  }

  private func text(_ line: Line, _ now: ContinuousClock.Instant, colour: Bool) -> String {
    let mark =
      switch line.state {
      case .waiting: Style.dim("·", if: colour)
      case .running: Style.cyan("▸", if: colour)
      case .retrying: Style.yellow("↻", if: colour)
      case .succeeded: Style.green("✓", if: colour)
      case .failed, .upstreamFailed: Style.red("✗", if: colour)
      case .skipped: Style.dim("–", if: colour)
      }
    var parts = [line.name + String(repeating: " ", count: max(0, 14 - line.name.count))]
    if line.state != .running { parts.append(line.state.rawValue) }
    if let started = line.started {
      let elapsed = (line.ended ?? now) - started
      if line.state == .running, line.done > 0 { parts.append(rate(line, elapsed)) }
      parts.append(Format.duration(elapsed))
    }
    if line.tries > 1 { parts.append("try \(line.tries)") }
    if !line.note.isEmpty { parts.append(line.note) }
    let text = parts.joined(separator: "  ")
    return mark + " "
      + (console.err.isInteractive ? String(text.prefix(console.err.width - 3)) : text)
  }

  private func rate(_ line: Line, _ elapsed: Duration) -> String {
    let seconds = max(
      0.001, Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18)
    let perSecond = Double(line.done) / seconds
    var text = ""
    if let total = line.total, total > 0 {
      let share = min(1, Double(line.done) / Double(total))
      let filled = Int(share * 20)
      text += String(repeating: "█", count: filled) + String(repeating: "░", count: 20 - filled)
      text += " \(Format.percent(share))"
    }
    text += "  \(Format.count(line.done)) \(line.unit)  \(Format.count(Int(perSecond)))/s"
    if let total = line.total, total > line.done, perSecond > 0 {
      text += "  \(Format.duration(.seconds(Double(total - line.done) / perSecond))) left"
    }
    return text
  }
}
