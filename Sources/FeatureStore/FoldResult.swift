/// What one fold of loads into the day tiles did.
public struct FoldResult: Sendable, Hashable, Codable {
  /// The tile version after the fold; rises by one with each fold that changed anything.
  public let version: Int64
  /// The loads that were folded now; empty where all were folded already.
  public let loads: [Int64]
  /// The tile rows written.
  public let rows: Int

  /// A result.
  public init(version: Int64, loads: [Int64], rows: Int) {
    self.version = version
    self.loads = loads
    self.rows = rows
  }
}
