import Schedules

/// What a generated shop holds; written last, as `recipe.json`, so that its presence means that
/// all files are complete.
public struct DemoSummary: Codable, Sendable, Equatable {
  /// The version of the generator: it rises when the same recipe gives other bytes.
  public var generator: Int
  /// How many customers the shop has.
  public var customers: Int
  /// How many local days the events cover.
  public var days: Int
  /// The seed of all streams.
  public var seed: UInt64
  /// The first local day with events.
  public var firstDay: Day
  /// The last local day with events.
  public var lastDay: Day
  /// The zone of the local days and of naive timestamps.
  public var zone: String
  /// Sound events over all files; flawed and repeated rows are not counted.
  public var events: Int
  /// The files of the shop.
  public var files: [File]

  /// One file of the shop.
  public struct File: Codable, Sendable, Equatable {
    /// The name inside the folder.
    public var name: String
    /// Rows, header excluded.
    public var rows: Int
    /// The size in bytes.
    public var bytes: Int
    /// How many rows have which flaw, by the flaw's name.
    public var flaws: [String: Int]
  }
}

/// How far the generator is; called once per generated day.
public struct DemoProgress: Sendable, Equatable {
  /// Days written.
  public var day: Int
  /// Days to write in all.
  public var days: Int
  /// Sound events written.
  public var events: Int
}
