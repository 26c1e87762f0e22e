import Foundation

/// What the README's questions find in the shop, computed without the database.
extension AnalystsShop {
  /// Columns to compare, and the rows in their order.
  struct Answer {
    let columns: [String]
    let rows: [[String]]
  }

  /// The answer to a question; nil for those that are only run.
  func answer(_ number: Int) -> Answer? {
    switch number {
    case 1: sizes()
    case 2, 4, 9: who(number)
    case 3: overlap()
    case 5, 19: weeks(number)
    case 6: countries()
    case 7: longest()
    case 10: moves()
    case 11: regions()
    case 12: rules()
    case 13: path()
    case 14: returns()
    case 16: growth()
    case 17: outliers()
    case 18, 20: values(number)
    default: nil
    }
  }

  private var lastDay: Int { Self.days - 1 }
  private func now(_ segment: String) -> Set<Int64> { members(segment, lastDay) }
  private var everyone: ClosedRange<Int64> { 1...Int64(Self.customers) }

  private func sizes() -> Answer {
    Answer(
      columns: ["as_of", "members", "entered", "left"],
      rows: (0..<Self.days).map { day in
        let (now, before) = (members("loyal", day), members("loyal", day - 1))
        return [
          Self.text(day), "\(now.count)", "\(now.subtracting(before).count)",
          "\(before.subtracting(now).count)",
        ]
      })
  }

  private func who(_ number: Int) -> Answer {
    let ids: Set<Int64> =
      switch number {
      case 2: members("loyal", lastDay - 1).subtracting(now("loyal"))
      // As-of 26 January is the twentieth of them.
      case 4: members("loyal", 19)
      default: now("high_value").subtracting(now("loyal"))
      }
    return Answer(columns: ["customer_key"], rows: ids.sorted().map { [Self.key($0)] })
  }

  private func overlap() -> Answer {
    var rows: [[String]] = []
    for one in Self.segments {
      for other in Self.segments {
        rows.append([one, other, "\(now(one).intersection(now(other)).count)"])
      }
    }
    return Answer(columns: ["segment", "other", "both"], rows: rows)
  }

  private func weeks(_ number: Int) -> Answer {
    let stays = Dictionary(grouping: stays("loyal")) { Self.week($0.from) }
    return Answer(
      columns: number == 5 ? ["week", "joined"] : ["week", "joined", "still_there"],
      rows: stays.sorted { $0.key < $1.key }.map { week, stays in
        let joined = [week, "\(stays.count)"]
        return number == 5 ? joined : joined + ["\(stays.count { $0.to == nil })"]
      })
  }

  private func countries() -> Answer {
    var counts: [[String]: Int] = [:]
    for id in everyone {
      // The order of priorities is that of the names.
      guard let first = Self.segments.first(where: { now($0).contains(id) }) else { continue }
      counts[[Self.country(id) ?? "unknown", first], default: 0] += 1
    }
    return Answer(
      columns: ["country", "segment", "customers"],
      rows: counts.sorted {
        ($0.key[0], -$0.value, $0.key[1]) < ($1.key[0], -$1.value, $1.key[1])
      }.map { $0.key + ["\($0.value)"] })
  }

  private func longest() -> Answer {
    let lasting = stays("loyal").filter { $0.to == nil }
      .sorted { ($0.from, $0.id) < ($1.from, $1.id) }
    return Answer(
      columns: ["customer_key", "since"],
      rows: lasting.prefix(20).map { [Self.key($0.id), Self.text($0.from)] })
  }

  private func moves() -> Answer {
    var counts: [[String]: Int] = [:]
    for day in 0..<Self.days {
      for one in Self.segments {
        let left = members(one, day - 1).subtracting(members(one, day))
        for other in Self.segments {
          let entered = members(other, day).subtracting(members(other, day - 1))
          let both = left.intersection(entered).count
          if both > 0 { counts[[one, other], default: 0] += both }
        }
      }
    }
    return Answer(
      columns: ["from", "to", "moves"],
      rows: counts.sorted {
        (-$0.value, $0.key[0], $0.key[1]) < (-$1.value, $1.key[0], $1.key[1])
      }.map { $0.key + ["\($0.value)"] })
  }

  private func regions() -> Answer {
    let groups = Dictionary(grouping: everyone) { Self.region($0) ?? "unknown" }
    let shares = groups.map { region, ids in
      (region, ids.count, ids.count { now("loyal").contains($0) })
    }
    return Answer(
      columns: ["region", "customers", "members"],
      rows: shares.sorted {
        (-Double($0.2) / Double($0.1), $0.0) < (-Double($1.2) / Double($1.1), $1.0)
      }.map { [$0.0, "\($0.1)", "\($0.2)"] })
  }

  private func rules() -> Answer {
    let (now, before) = (members("loyal", 10), members("loyal", 9))
    let first = Self.segments.map { segment in
      [segment, Self.text(0), "\(members(segment, 0).count)", "0"]
    }
    let changed = [
      "loyal", Self.text(10), "\(now.subtracting(before).count)",
      "\(before.subtracting(now).count)",
    ]
    return Answer(columns: ["segment", "as_of", "entered", "left"], rows: [changed] + first)
  }

  private func path() -> Answer {
    let found = Self.segments.flatMap { segment in
      stays(segment).filter { $0.id == 7 }.map { (segment, $0) }
    }
    return Answer(
      columns: ["segment", "valid_from", "valid_to"],
      rows: found.sorted { ($0.1.from, $0.0) < ($1.1.from, $1.0) }.map { segment, stay in
        [segment, Self.text(stay.from), stay.to.map { Self.text($0) } ?? "-"]
      })
  }

  private func returns() -> Answer {
    let stays = stays("loyal")
    let pairs = zip(stays, stays.dropFirst()).filter { $0.id == $1.id }.compactMap { one, next in
      one.to.map { (id: one.id, went: $0, back: next.from) }
    }
    return Answer(
      columns: ["customer_key", "went", "came_back"],
      rows: pairs.sorted {
        ($0.went - $0.back, $0.id, $0.went) < ($1.went - $1.back, $1.id, $1.went)
      }.map { [Self.key($0.id), Self.text($0.went), Self.text($0.back)] })
  }

  private func growth() -> Answer {
    var rows: [[String]] = []
    for day in 0..<Self.days {
      for segment in Self.segments {
        let growth = members(segment, day).count - members(segment, day - 1).count
        rows.append([Self.text(day), segment, "\(growth)"])
      }
    }
    return Answer(columns: ["as_of", "segment", "growth"], rows: rows)
  }

  private func outliers() -> Answer {
    var rows: [[String]] = []
    for day in 7..<Self.days {
      for segment in Self.segments {
        let size = members(segment, day).count
        let sum = (day - 7..<day).reduce(0) { $0 + members(segment, $1).count }
        // |size - sum / 7| > 0.2 * sum / 7, in whole numbers.
        if abs(size * 7 - sum) * 5 > sum { rows.append([Self.text(day), segment, "\(size)"]) }
      }
    }
    return Answer(columns: ["as_of", "segment", "members"], rows: rows)
  }

  private func values(_ number: Int) -> Answer {
    if number == 18 {
      let sums = Self.segments.map { segment in
        let values = now(segment).compactMap { net[$0] }
        return (segment, values.count, values.reduce(0, +))
      }
      return Answer(
        columns: ["segment", "customers", "net"],
        rows: sums.sorted { ($1.2, $0.0) < ($0.2, $1.0) }.map {
          [$0.0, "\($0.1)", Self.euros($0.2)]
        })
    }
    let both = now("high_value").intersection(now("churn_risk_high"))
    let known = both.filter { net[$0] != nil }
      .sorted { (net[$1] ?? 0, $0) < (net[$0] ?? 0, $1) }
    let unknown = both.filter { net[$0] == nil }.sorted()
    return Answer(
      columns: ["customer_key", "net", "score"],
      rows: known.map { [Self.key($0), Self.euros(net[$0] ?? 0), Self.score($0) ?? "-"] }
        + unknown.map { [Self.key($0), "-", Self.score($0) ?? "-"] })
  }

  /// As a JSON number prints: without zeros at the end.
  private static func euros(_ cents: Int64) -> String {
    var text = "\(cents / 100)"
    if cents % 100 != 0 {
      text += "." + (cents % 100 < 10 ? "0" : "") + "\(cents % 100)"
      if text.hasSuffix("0") { text.removeLast() }
    }
    return text
  }
}
