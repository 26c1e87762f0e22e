import Schedules

/// A person's decision that a customer is in a segment, or is not, whatever the rule says.
public struct Override: Sendable, Hashable, Codable {
  /// Which way the decision goes.
  public enum Direction: String, Sendable, Hashable, Codable, CaseIterable {
    /// Into the segment.
    case `in`
    /// Out of the segment.
    case out
  }

  /// Its number.
  public let id: Int64
  /// The customer, internal number: the one who stayed where customers were merged.
  public let customerID: Int64
  /// The customer, the company's own key, as the override was given.
  public let customerKey: String
  /// The segment's name in the catalogue.
  public let segment: String
  /// Which way it goes.
  public let direction: Direction
  /// The first instant at which it counts.
  public let validFrom: Instant
  /// The first instant at which it no longer counts: its expiry, or when it was removed; nil for none.
  public let validTo: Instant?
  /// Who decided.
  public let author: String
  /// Why.
  public let reason: String
  /// When it was recorded.
  public let recordedAt: Instant

  /// An override from its parts.
  public init(
    id: Int64, customerID: Int64, customerKey: String, segment: String, direction: Direction,
    validFrom: Instant, validTo: Instant?, author: String, reason: String, recordedAt: Instant
  ) {
    self.id = id
    self.customerID = customerID
    self.customerKey = customerKey
    self.segment = segment
    self.direction = direction
    self.validFrom = validFrom
    self.validTo = validTo
    self.author = author
    self.reason = reason
    self.recordedAt = recordedAt
  }

  /// Whether it counts at an instant.
  public func isInForce(at asOf: Instant) -> Bool {
    validFrom <= asOf && validTo.map { asOf < $0 } ?? true
  }
}

/// All overrides that are known, each in force for a time.
public struct Overrides: Sendable, Equatable {
  /// What an override says of a customer and a segment while it is in force.
  public struct Pin: Sendable, Hashable {
    /// The customer, internal number.
    public let customerID: Int64
    /// The segment's name.
    public let segment: String
    /// Which way it goes.
    public let direction: Override.Direction
  }

  /// The overrides in the order in which they were recorded.
  public let all: [Override]

  /// Overrides; none without an argument.
  public init(_ all: [Override] = []) { self.all = all }

  /// What counts at an instant, each once.
  public func inForce(at asOf: Instant) -> Set<Pin> {
    if all.isEmpty { return [] }
    return Set(
      all.filter { $0.isInForce(at: asOf) }.map {
        Pin(customerID: $0.customerID, segment: $0.segment, direction: $0.direction)
      })
  }
}
