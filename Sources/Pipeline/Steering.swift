/// A product that decides which tasks downstream of its task are skipped.
public protocol SteeringProduct: Codable, Sendable {
  /// The tasks that the decision skips, each once.
  ///
  /// - Parameters:
  ///   - direct: the tasks with an edge from the deciding one.
  ///   - descendants: all tasks downstream of it.
  func skips(among direct: [String], descendants: [String]) -> [String]

  /// The names in the decision that are no task with an edge from the deciding one; by default none.
  func unknownChoices(among direct: [String]) -> [String]
}

extension SteeringProduct {
  /// None.
  public func unknownChoices(among direct: [String]) -> [String] { [] }
}

/// The decision of a branch: of the tasks right downstream, only those chosen run.
public struct BranchChoice: SteeringProduct, Hashable {
  /// The ids of the chosen tasks; empty skips all.
  public let chosen: [String]

  /// Chooses tasks by their ids.
  public init(chosen: [String]) { self.chosen = chosen }

  /// The direct ones that were not chosen, in their order.
  public func skips(among direct: [String], descendants: [String]) -> [String] {
    let chosen = Set(chosen)
    return direct.filter { !chosen.contains($0) }
  }

  /// The chosen ones that are not direct, in their order.
  public func unknownChoices(among direct: [String]) -> [String] {
    let direct = Set(direct)
    return chosen.filter { !direct.contains($0) }
  }
}

/// The decision of a short circuit: whether the run goes on behind the task.
public enum Continuation: SteeringProduct, Hashable {
  /// How far a stop reaches.
  public enum Reach: String, Codable, Sendable, Hashable, CaseIterable {
    /// The tasks right downstream; those behind them follow their trigger rules.
    case direct
    /// All tasks downstream, whatever their rules.
    case all
  }

  /// Nothing is skipped.
  case proceed
  /// Tasks downstream are skipped.
  case stop(Reach)

  /// Nothing, the direct ones, or all, in their order.
  public func skips(among direct: [String], descendants: [String]) -> [String] {
    switch self {
    case .proceed: return []
    case .stop(.direct): return direct
    case .stop(.all):
      let known = Set(direct)
      return direct + descendants.filter { !known.contains($0) }
    }
  }
}
