import Schedules

/// Assets whose movement makes runs due.
public struct AssetTrigger: Codable, Sendable, Hashable {
  /// The assets.
  public let assets: [Asset]
  /// How many of them have to have moved.
  public let condition: AssetCondition

  /// A trigger on assets.
  public init(_ assets: [Asset], _ condition: AssetCondition) {
    self.assets = assets
    self.condition = condition
  }
}

/// Whether the movement of assets makes a run due; pure.
///
/// **The law.** An asset has moved when its watermark is after the one that the last run of this
/// trigger took in, or after `starts` where no run has. Without either, the first sight of an asset
/// only sets where its data begin. A watermark that went back is no movement.
/// - Under `.any` a run is due when an asset has moved. Its data are those of all that moved: from
///   the earliest mark they were at to the latest that they reached.
/// - Under `.all` a run is due when every asset has. Its data are those that all of them have: from
///   the earliest mark that they were at to the earliest that they reached, so that each run begins
///   where the one before it ended.
///
/// Of several movements between two decisions one run is made.
public enum AssetDecision: Sendable, Hashable {
  /// Nothing is due.
  case wait
  /// Nothing is due, but these are the marks to begin from: store them as seen.
  case remember([Asset: Instant])
  /// A run is due; once it is created the marks, of all assets of the trigger, are seen.
  case run(DataInterval, marks: [Asset: Instant])

  /// What is due.
  ///
  /// - Parameters:
  ///   - seen: the marks that the last run took in, or that were remembered.
  ///   - watermarks: how far each asset's data go now; assets without data are left out.
  ///   - starts: where the data begin of an asset that no run took in; nil for its first watermark.
  public static func due(
    _ trigger: AssetTrigger, seen: [Asset: Instant], watermarks: [Asset: Instant],
    starts: Instant? = nil
  ) -> AssetDecision {
    let seen = seen.filter { trigger.assets.contains($0.key) }
    var marks = seen
    var moves: [(from: Instant, to: Instant)] = []
    for asset in trigger.assets {
      guard let mark = watermarks[asset] else { continue }
      guard let from = seen[asset] ?? starts else {
        marks[asset] = mark
        continue
      }
      if marks[asset] == nil { marks[asset] = from }
      if mark > from { moves.append((from, mark)) }
    }
    let isDue = trigger.condition == .any ? !moves.isEmpty : moves.count == trigger.assets.count
    let ends = moves.map(\.to)
    if isDue, let start = moves.map(\.from).min(),
      let end = trigger.condition == .any ? ends.max() : ends.min(),
      let interval = try? DataInterval(start: start, end: end)
    {
      for asset in trigger.assets {
        if let mark = watermarks[asset], mark > marks[asset] ?? mark { marks[asset] = mark }
      }
      return .run(interval, marks: marks)
    }
    return marks == seen ? .wait : .remember(marks)
  }
}
