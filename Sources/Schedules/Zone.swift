import Foundation

/// An IANA time zone: local days and midnights, also where clocks change.
public struct Zone: Sendable, Hashable, Codable {
  /// The IANA name, for example `Europe/Lisbon`.
  public let name: String
  private let zone: TimeZone

  /// UTC.
  public static let utc = Zone(name: "UTC", zone: .gmt)

  private init(name: String, zone: TimeZone) {
    self.name = name
    self.zone = zone
  }

  /// The zone of an IANA name.
  ///
  /// - Throws: ``ScheduleError`` `schedule.unknown_zone`; abbreviations such as `EST` are refused.
  public init(_ name: String) throws(ScheduleError) {
    if name == "UTC" || name == "Etc/UTC" {
      self = .utc
      return
    }
    guard name.contains("/"), let zone = TimeZone(identifier: name) else {
      throw ScheduleError(
        code: "schedule.unknown_zone",
        message: "expected an IANA time zone, found '\(name)'",
        hint: "write a name such as Europe/Lisbon or UTC")
    }
    self.init(name: name, zone: zone)
  }

  /// The names that this machine knows, to suggest one from.
  public static var knownNames: [String] { ["UTC"] + TimeZone.knownTimeZoneIdentifiers }

  /// Seconds east of Greenwich at an instant.
  public func offset(at instant: Instant) -> Int {
    zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(instant.seconds)))
  }

  /// The wall clock at an instant.
  public func localTime(at instant: Instant) -> LocalTime {
    LocalTime(microseconds: instant.microseconds + Int64(offset(at: instant)) * 1_000_000)
  }

  /// RFC 3339 with the offset then in force: `2024-03-10T03:00:00-04:00`.
  public func text(of instant: Instant) -> String {
    let offset = offset(at: instant)
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let (hours, minutes) = (abs(offset) / 3600, abs(offset) / 60 % 60)
    // Local mean times of the nineteenth century have seconds, too.
    let seconds = abs(offset) % 60 == 0 ? "" : ":\(two(abs(offset) % 60))"
    return
      "\(localTime(at: instant))\(offset < 0 ? "-" : "+")\(two(hours)):\(two(minutes))\(seconds)"
  }

  /// The local day that holds an instant.
  public func day(of instant: Instant) -> Day { localTime(at: instant).day }

  /// The first instant of a local day: 00:00, or the end of the gap where the clocks skip it.
  public func midnight(_ day: Day) -> Instant { instants(of: LocalTime(day)).first }

  /// The instants at which the wall clock shows a time.
  ///
  /// - Returns: `first == last` for an ordinary time; the two passes of a repeated one; for a time
  ///   in a gap both are the first instant after the gap.
  public func instants(of local: LocalTime) -> (first: Instant, last: Instant) {
    // Offsets are within a day and a half, and no zone changes twice within these three days.
    let early = offset(at: Instant(microseconds: local.microseconds - 129_600_000_000))
    let late = offset(at: Instant(microseconds: local.microseconds + 129_600_000_000))
    let candidates = Set([early, late]).map {
      Instant(microseconds: local.microseconds - Int64($0) * 1_000_000)
    }.filter { localTime(at: $0) == local }.sorted()
    if let first = candidates.first, let last = candidates.last { return (first, last) }
    let gapEnd = transition(
      after: Instant(microseconds: local.microseconds - Int64(late) * 1_000_000 - 1),
      before: Instant(microseconds: local.microseconds - Int64(early) * 1_000_000))
    return (gapEnd, gapEnd)
  }

  /// The instant of the one change of offset in `(low, high]`, by bisection to the second.
  func transition(after low: Instant, before high: Instant) -> Instant {
    var low = low.seconds
    var high = high.seconds + 1
    let before = offset(at: Instant(seconds: low))
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if offset(at: Instant(seconds: middle)) == before { low = middle } else { high = middle }
    }
    return Instant(seconds: high)
  }

  /// Equal names are equal zones.
  public static func == (left: Zone, right: Zone) -> Bool { left.name == right.name }

  /// Hashes the name.
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }

  /// Decodes an IANA name.
  public init(from decoder: any Decoder) throws {
    try self.init(decoder.singleValueContainer().decode(String.self))
  }

  /// Encodes the IANA name.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(name)
  }
}
