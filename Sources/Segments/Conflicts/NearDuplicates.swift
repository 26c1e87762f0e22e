import Columns
import Rules

/// Two segments that nearly everyone is in both or neither of: one of them says nothing new.
public struct NearDuplicate: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The segment that stands first in the catalogue.
  public let segment: String
  /// The other one.
  public let other: String
  /// Customers in both, of those in either: 0.95 to 1 (Jaccard).
  public let share: Double

  /// Both names and the share.
  public var description: String {
    let percent = (share * 1000).rounded(.down) / 10
    return "segments '\(segment)' and '\(other)' share \(percent) % of their members"
  }
}

extension SegmentEvaluation {
  /// The pairs of segments with nearly the same members by their rules; empty ones are left out.
  ///
  /// Cost: a pass over both sets for each pair whose sizes allow it.
  /// - Parameter least: customers in both, of those in either.
  public func nearDuplicates(least: Double = 0.95) -> [NearDuplicate] {
    let sets = rawMembers
    let sized = sets.indices.map { (segment: $0, size: sets[$0].population) }
      .filter { $0.size > 0 && !segments[$0.segment].isUnruled }
      .sorted { ($0.size, $0.segment) < ($1.size, $1.segment) }
    var found: [(Int, Int, Double)] = []
    for (place, small) in sized.enumerated() {
      for large in sized[(place + 1)...] {
        // Those in both are at most the smaller, those in either at least the larger.
        if Double(small.size) < least * Double(large.size) { break }
        let both = zip(sets[small.segment].words, sets[large.segment].words).reduce(0) {
          $0 + ($1.0 & $1.1).nonzeroBitCount
        }
        let share = Double(both) / Double(small.size + large.size - both)
        if share >= least {
          found.append(
            (min(small.segment, large.segment), max(small.segment, large.segment), share))
        }
      }
    }
    return found.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map {
      NearDuplicate(segment: segments[$0.0].name, other: segments[$0.1].name, share: $0.2)
    }
  }

  /// Finds near-duplicates, and refuses them where the catalogue does.
  ///
  /// - Returns: those to warn of.
  /// - Throws: ``SegmentError`` `segments.near_duplicates` under `near_duplicates: stop`, with all pairs.
  public func checkNearDuplicates(by policy: SegmentPolicy) throws -> [NearDuplicate] {
    let found = nearDuplicates()
    if found.isEmpty || policy.nearDuplicates == .warn { return found }
    throw SegmentError(
      code: "segments.near_duplicates",
      message: "expected segments of different members, found: "
        + found.map(\.description).joined(separator: "; "),
      hint: "retire one of each two, or say near_duplicates: warn")
  }
}
