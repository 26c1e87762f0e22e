import Schedules

/// A segment as the run published it.
public struct SegmentFacts: Codable, Sendable, Equatable {
  /// The name in the catalogue.
  public var name: String
  /// The title for people.
  public var title: String
  /// Members after the run.
  public var members: Int
  /// All customers that could be members.
  public var population: Int
  /// Customers that entered in this run.
  public var entered: Int
  /// Customers that left in this run.
  public var left: Int
  /// Why, the most frequent first.
  public var causes: [Cause]

  /// A cause of transitions.
  public struct Cause: Codable, Sendable, Equatable {
    /// `event`, `time`, `rule`, `model` …
    public var cause: String
    /// How many entered for it.
    public var entered: Int
    /// How many left for it.
    public var left: Int

    /// A cause.
    public init(_ cause: String, entered: Int, left: Int) {
      self.cause = cause
      self.entered = entered
      self.left = left
    }
  }

  /// A segment.
  public init(
    name: String, title: String, members: Int, population: Int, entered: Int, left: Int,
    causes: [Cause] = []
  ) {
    self.name = name
    self.title = title
    self.members = members
    self.population = population
    self.entered = entered
    self.left = left
    self.causes = causes
  }

  /// Members over population; nil where there is nobody.
  public var share: Double? { population > 0 ? Double(members) / Double(population) : nil }
}

/// Sizes of the segments over the last published days.
public struct SizeHistory: Codable, Sendable, Equatable {
  /// The days (the last local day that each publication has seen), ascending.
  public var days: [Day]
  /// One series per segment, in the order of the report's segments.
  public var series: [Series]

  /// The sizes of one segment.
  public struct Series: Codable, Sendable, Equatable {
    /// The segment's name.
    public var segment: String
    /// Members by day; nil on days on which it was not published.
    public var members: [Int?]

    /// A series.
    public init(segment: String, members: [Int?]) {
      self.segment = segment
      self.members = members
    }
  }

  /// A history.
  public init(days: [Day], series: [Series]) {
    self.days = days
    self.series = series
  }

  /// The sizes of a segment; nil where the history lacks it.
  func members(of segment: String) -> [Int?]? {
    series.first { $0.segment == segment }?.members
  }
}
