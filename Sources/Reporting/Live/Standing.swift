/// Where a task or run stands, for pictures of runs; the names are those of the run tables.
public enum Standing: String, Codable, Sendable, CaseIterable {
  /// Something upstream has not ended.
  case waiting
  /// Ready, and waiting for a slot.
  case queued
  /// Under way.
  case running
  /// An attempt failed, and another will follow.
  case retrying
  /// A sensor that waits for its next look.
  case deferred
  /// Ended well.
  case success
  /// Ended badly.
  case failed
  /// Never ran, because something upstream failed.
  case upstreamFailed = "upstream_failed"
  /// Did not have to run.
  case skipped
  /// Stopped on request.
  case cancelled
  /// Expected by the schedule, and not there.
  case missing
  /// Left out on purpose: the schedule's catch-up makes no run of it.
  case leftOut = "left_out"

  /// For people: `upstream failed`.
  public var title: String { rawValue.replacing("_", with: " ") }

  /// Whether nothing more happens.
  public var isFinal: Bool {
    switch self {
    case .waiting, .queued, .running, .retrying, .deferred: false
    case .success, .failed, .upstreamFailed, .skipped, .cancelled, .missing, .leftOut: true
    }
  }

  /// One character that says it without colour.
  func mark(ascii: Bool) -> String {
    switch self {
    case .waiting: ascii ? "." : "·"
    case .queued: ascii ? "o" : "○"
    case .running: ascii ? ">" : "▸"
    case .retrying: ascii ? "~" : "↻"
    case .deferred: ascii ? "z" : "◔"
    case .success: ascii ? "+" : "✓"
    case .failed: ascii ? "x" : "✗"
    case .upstreamFailed: ascii ? "X" : "⨯"
    case .skipped: ascii ? "-" : "–"
    case .cancelled: ascii ? "c" : "⊘"
    case .missing: ascii ? "?" : "?"
    case .leftOut: ascii ? "/" : "∕"
    }
  }

  var paint: Paint {
    switch self {
    case .success: .green
    case .failed, .upstreamFailed: .red
    case .running: .cyan
    case .retrying, .cancelled, .missing, .deferred: .yellow
    case .waiting, .queued, .skipped, .leftOut: .dim
    }
  }
}

/// How text is drawn: how wide, with what colours and characters.
public struct Canvas: Sendable, Hashable {
  /// Columns; lines are cut to it.
  public var width: Int
  /// Whether colours are written.
  public var color: Bool
  /// Whether only ASCII is written: for terminals of another encoding, and files.
  public var ascii: Bool

  /// A canvas of `width` columns.
  public init(width: Int = 100, color: Bool = false, ascii: Bool = false) {
    self.width = width
    self.color = color
    self.ascii = ascii
  }

  var style: TextStyle { TextStyle(color: color) }

  /// Text from outside, safe to show and cut to a width.
  func fit(_ text: String, _ width: Int) -> String {
    var text = printable(text)
    if ascii {
      text = String(text.unicodeScalars.map { $0.isASCII ? Character($0) : "?" })
      guard text.count > width else { return text }
      return width > 2 ? String(text.prefix(width - 2)) + ".." : String(text.prefix(max(0, width)))
    }
    text = cut(text, to: width)
    return text
  }

  /// The same, filled up to the width.
  func padded(_ text: String, _ width: Int) -> String {
    let fitted = fit(text, width)
    return fitted + String(repeating: " ", count: max(0, width - columns(fitted)))
  }
}
