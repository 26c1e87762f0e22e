import Schedules

/// The days of the shop: dates, zone offsets, sales, campaigns and the season of each type.
///
/// Days are counted from the first generated day (0); the season reaches past the last day, so that
/// the probability of a purchase there can be computed.
struct ShopCalendar {
  /// The first generated day.
  let first: Day
  /// How many days are generated.
  let count: Int
  /// Seconds east of Greenwich from 06:00 local time on, one per day.
  let offsets: [Int]
  /// Whether the day belongs to a sale.
  let sales: [Bool]
  /// Whether a newsletter is sent.
  let campaigns: [Bool]
  /// `season[type][day]`, the factor on purchases; about 1 on average.
  let season: [[Double]]

  /// The days that end with `last`.
  init(last: Day, count: Int, horizon: Int, zone: Zone) {
    let first = last - (count - 1)
    self.first = first
    self.count = count
    let days = (0..<(count + horizon)).map { first + $0 }
    offsets = days.map { zone.offset(at: zone.instants(of: LocalTime($0, hour: 12)).first) }
    let sales = days.map(Self.isSale)
    self.sales = sales
    campaigns = days.indices.map { index in
      days[index].weekday == 2 || (sales[index] && (index == 0 || !sales[index - 1]))
    }
    season = CustomerType.allCases.map { type in
      let factor = type.habits.sales
      return days.indices.map { index in
        Self.season(days[index]) * (sales[index] ? factor : 1)
      }
    }
  }

  /// The winter sale, the summer sale and the week of Black Friday.
  private static func isSale(_ day: Day) -> Bool {
    let (_, month, number) = day.components
    return switch month {
    case 1: (2...18).contains(number)
    case 7: (1...14).contains(number)
    case 11: (22...30).contains(number)
    default: false
    }
  }

  /// The yearly curve, straight between the middles of the months, times the weekday.
  private static func season(_ day: Day) -> Double {
    let months = [0.92, 0.86, 0.92, 0.96, 1.00, 1.00, 0.94, 0.84, 0.98, 1.02, 1.14, 1.38]
    let weekdays = [1.08, 0.94, 0.90, 0.92, 0.96, 1.02, 1.18]
    let (year, month, number) = day.components
    let length = Double(Day.length(ofMonth: month, year: year))
    let position = (Double(number) - 0.5) / length - 0.5
    let neighbour = (month - 1 + (position < 0 ? 11 : 1)) % 12
    let distance = position < 0 ? -position : position
    let level = months[month - 1] * (1 - distance) + months[neighbour] * distance
    return level * weekdays[day.weekday]
  }
}
