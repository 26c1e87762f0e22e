/// Local days on which a timetable does not fire.
public struct HolidayCalendar: Sendable, Hashable, Codable {
  /// What it is called in listings.
  public let name: String
  /// The zone whose days they are.
  public let zone: Zone
  /// The days, in order, each once.
  public let days: [Day]

  /// A calendar of days, in any order.
  public init(_ name: String, zone: Zone, days: some Sequence<Day>) {
    self.name = name
    self.zone = zone
    self.days = Set(days).sorted()
  }

  /// Whether an instant falls on one of the days.
  public func contains(_ instant: Instant) -> Bool { contains(zone.day(of: instant)) }

  /// Whether a day is one of them.
  func contains(_ day: Day) -> Bool {
    var low = 0
    var high = days.count
    while low < high {
      let middle = (low + high) / 2
      if days[middle] < day { low = middle + 1 } else { high = middle }
    }
    return low < days.count && days[low] == day
  }
}
