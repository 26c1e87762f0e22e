import Schedules

/// What an erasure did, without anything that tells whom it was about.
public struct ErasureReport: Codable, Sendable, Hashable {
  /// Its number.
  public let erasureID: Int64
  /// When it was done.
  public let erasedAt: Instant
  /// Who did it.
  public let author: String
  /// Why.
  public let reason: String
  /// The publication by which the customer left its segments; nil where it was in none.
  public let publicationID: Int32?
  /// Rows that were removed or changed, by table.
  public let erased: [String: Int64]
  /// Whether the customer had been erased before, and nothing was done now.
  public let isRepeated: Bool
}

/// A customer as an erasure finds it.
public struct ErasureSubject: Sendable, Equatable {
  /// The internal number, then those of customers who were merged into it.
  public let customers: [Int64]
  /// All keys that the company has used for it.
  public let keys: [String]
}
