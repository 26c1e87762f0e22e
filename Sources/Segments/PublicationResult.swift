import Schedules

/// What a publication did.
public struct PublicationResult: Sendable, Hashable, Codable {
  /// How the publication relates to what was live.
  public enum Outcome: String, Sendable, Hashable, Codable {
    /// A later as-of than the live one, the first, or a past one that was not published yet.
    case published
    /// A published as-of again, with another result.
    case corrected
    /// A published as-of again, with the same result: nothing was written.
    case unchanged
    /// Nothing was published: the evaluation is of what was known once, and shown only.
    case withheld
    /// Nothing was written: a refresh between the nights has published the as-of already and has gone
    /// on since; what this run found counts from its next step on.
    case overtaken
  }

  /// One segment of the catalogue, or one that left it with this publication.
  public struct Segment: Sendable, Hashable, Codable {
    /// The name in the catalogue.
    public let name: String
    /// The name for people.
    public let title: String
    /// Whether the catalogue has it; false where it has just left.
    public let isLive: Bool
    /// Customers in it at the as-of.
    public let members: Int
    /// Customers in it now and not at the as-of before.
    public let entered: Int
    /// Customers in it at the as-of before and not now.
    public let left: Int
    /// Why they moved, the most frequent cause first; nil where a correction leaves that to be read
    /// from the transitions, and in results of older releases.
    public var causes: [Cause]?
  }

  /// How many customers moved for one cause.
  public struct Cause: Sendable, Hashable, Codable {
    /// The cause.
    public let cause: TransitionCause
    /// Customers who entered because of it.
    public let entered: Int
    /// Customers who left because of it.
    public let left: Int
  }

  /// What happened.
  public let outcome: Outcome
  /// The publication that was made, or found; for one that was withheld the one it is compared with,
  /// 0 for none.
  public let publicationID: Int32
  /// The instant whose memberships were published, or shown.
  public let asOf: Instant
  /// When they were published, or evaluated to be shown.
  public let publishedAt: Instant
  /// How many customers were evaluated.
  public let customers: Int
  /// The catalogue in its order, then the segments that left it.
  public let segments: [Segment]
  /// Rows of spells opened, ended or corrected; 0 where nothing changed.
  public let rowsChanged: Int

  /// A result from its parts.
  public init(
    outcome: Outcome, publicationID: Int32, asOf: Instant, publishedAt: Instant, customers: Int,
    segments: [Segment], rowsChanged: Int
  ) {
    self.outcome = outcome
    self.publicationID = publicationID
    self.asOf = asOf
    self.publishedAt = publishedAt
    self.customers = customers
    self.segments = segments
    self.rowsChanged = rowsChanged
  }
}
