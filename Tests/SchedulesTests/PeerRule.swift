import Schedules

/// An engine that answers the same questions.
enum Peer: String, CaseIterable, Sendable {
  case croniter
  case cronsim
}

/// Why a peer's answer differs from ours, as a predicate on the question and a change of dialect.
///
/// A difference is explained where the rules that apply to the question, put into the naive
/// engine, give exactly the peer's answer.
enum PeerRule: String, CaseIterable, Sendable {
  /// croniter does not read `L-3`, `LW`, `15W` within a list, a weekday before `L` (it writes `L5`),
  /// and plain weekdays beside `mon#2`.
  case croniterDoesNotRead = "croniter.does_not_read"
  /// croniter reads `5-5` as the whole field, and starts a step anew where a range passes the
  /// field's end; ours is that value, and counts on.
  case croniterRanges = "croniter.ranges"
  /// croniter takes `15W` and `mon#2` alone where the other field of days is restricted, too, or
  /// where `mon` stands beside `mon#2`, and finds nothing where the two fields exclude each other;
  /// ours are ORed. Its `31W` is the last workday of a shorter month; ours has none there.
  case croniterSpecialDays = "croniter.special_days"
  /// croniter takes all seven weekdays (or 31 days) for `*` where the other field of days has a
  /// star; ours is `*` only where it is written so.
  case croniterWholeField = "croniter.whole_field"
  /// croniter fires at both passes of a repeated time, whatever the job, and makes up for a skipped
  /// one unless every hour is named; ours goes by wildcards and steps of minute and hour.
  case croniterLaw = "croniter.law"
  /// croniter tries one time on the other side of a clock change; where that is past already, it
  /// passes over the others there.
  case croniterOneTry = "croniter.one_try"
  /// cronsim does not read ranges past the end of a field, `L-3`, `15W`, `friL`, `?` and `@daily`.
  case cronsimDoesNotRead = "cronsim.does_not_read"
  /// cronsim ANDs day of month and weekday where one only begins with a star, as in `*/2`.
  case cronsimLeadingStar = "cronsim.leading_star"
  /// cronsim reads `5-5/10` as `5/10`, and steps of weekdays on to 7, which is Sunday.
  case cronsimSteps = "cronsim.steps"
  /// cronsim follows the wall clock where minute or hour begins with a star or seconds are given;
  /// ours where minute or hour has a wildcard or a step.
  case cronsimLaw = "cronsim.law"
  /// cronsim, with a job of fixed time, searches from the second pass of a repeated time as if from
  /// the first, and so may answer with what is past.
  case cronsimSecondPass = "cronsim.second_pass"
  /// cronsim, on the wall clock, walks in whole hours, and into a day from its first 00:00 or
  /// 23:59:59. It passes over firings where the clocks change by half an hour or repeat an evening,
  /// and takes the end of a gap at midnight for 00:00.
  case cronsimWalk = "cronsim.walk"

  var peer: Peer { rawValue.hasPrefix("croniter") ? .croniter : .cronsim }

  /// Whether the rule is part of the model, and not a refusal or a fault on the way.
  var changesAnswers: Bool {
    switch self {
    case .croniterDoesNotRead, .croniterOneTry, .cronsimDoesNotRead, .cronsimWalk: false
    default: true
    }
  }

  /// Whether the peer and we read the question differently for this reason.
  func applies(to question: CronCase) -> Bool {
    let cron = NaiveCron(question.expression)
    let entries = cron.fields.map { $0.split(separator: ",").map(String.init) }
    let plainDays = Self.plainDays(cron)
    let nthDays = Self.nthDays(cron)
    switch self {
    case .croniterDoesNotRead:
      return entries[3].contains { $0.hasPrefix("l-") || $0 == "lw" }
        || (entries[3].count > 1 && entries[3].contains { $0.hasSuffix("w") })
        || entries[5].contains { $0.hasSuffix("l") }
        || (!nthDays.isEmpty && !plainDays.isSubset(of: nthDays))
    case .croniterRanges:
      return Self.changes(cron) {
        $0.equalRangeIsWhole = true
        $0.wrappedStepSkips = true
      }
    case .croniterSpecialDays:
      return cron.hasSpecialDays || (!nthDays.isEmpty && !plainDays.isEmpty)
        || ["29w", "30w", "31w"].contains(cron.fields[3])
    case .croniterWholeField: return cron.fields[3].contains("*") || cron.fields[5].contains("*")
    case .croniterLaw: return !cron.isWild || cron.fields[2] != "*"
    case .cronsimDoesNotRead:
      return NaiveCron.presets[question.expression] != nil || cron.fields.contains("?")
        || entries[3].contains { $0.hasPrefix("l-") || ($0.hasSuffix("w") && $0 != "lw") }
        || entries[5].contains { $0.hasSuffix("l") && Int($0.dropLast()) == nil }
        || Self.wraps(cron)
    case .cronsimLeadingStar:
      return [3, 5].contains { cron.fields[$0].hasPrefix("*") && cron.fields[$0] != "*" }
    case .cronsimSteps:
      return Self.changes(cron) {
        $0.equalRangeWithStepIsOpen = true
        $0.weekdayStepReachesSeven = true
      }
    case .cronsimLaw: return cron.isWild != Self.cronsimIsWild(question.expression)
    case .cronsimSecondPass:
      return !Self.cronsimIsWild(question.expression)
        && Self.firstPass(question).second != question.second
    case .croniterOneTry: return true
    case .cronsimWalk: return Self.cronsimIsWild(question.expression)
    }
  }

  /// The change to our dialect that makes it the peer's.
  func change(_ dialect: inout NaiveCron.Dialect, for question: CronCase) {
    switch self {
    case .croniterDoesNotRead, .croniterOneTry: break
    case .cronsimDoesNotRead, .cronsimSecondPass, .cronsimWalk: break
    case .croniterRanges:
      dialect.equalRangeIsWhole = true
      dialect.wrappedStepSkips = true
    case .croniterSpecialDays: dialect.specialDaysRule = true
    case .croniterWholeField: dialect.wholeFieldIsStar = true
    case .croniterLaw:
      dialect.repeatsTwice = true
      dialect.makesUpForGaps = !NaiveCron(question.expression, dialect).isHourly
      dialect.gapsKeepSeconds = true
    case .cronsimLeadingStar: dialect.leadingStarAnds = true
    case .cronsimSteps:
      dialect.equalRangeWithStepIsOpen = true
      dialect.weekdayStepReachesSeven = true
    case .cronsimLaw:
      let isWild = Self.cronsimIsWild(question.expression)
      dialect.repeatsTwice = isWild
      dialect.makesUpForGaps = !isWild
    }
  }

  /// The question with its instant in the first pass, where it lies in the second.
  static func firstPass(_ question: CronCase) -> CronCase {
    guard let zone = try? Zone(question.zone) else { return question }
    let local = zone.localTime(at: Instant(seconds: question.second))
    let first = (1...12).map { question.second - 1800 * $0 }.filter {
      zone.offset(at: Instant(seconds: $0)) != zone.offset(at: Instant(seconds: question.second))
    }
    return first.compactMap { earlier -> CronCase? in
      let offset = Int64(zone.offset(at: Instant(seconds: earlier)))
      let second = local.microseconds / 1_000_000 - offset
      guard second < question.second, zone.localTime(at: Instant(seconds: second)) == local
      else { return nil }
      return CronCase(
        expression: question.expression, zone: question.zone, second: second,
        isForward: question.isForward)
    }.first ?? question
  }

  private static func cronsimIsWild(_ expression: String) -> Bool {
    let fields = expression.split(separator: " ")
    return fields.count == 6 || fields.prefix(2).contains { $0.hasPrefix("*") }
  }

  private static func plainDays(_ cron: NaiveCron) -> Set<Int> {
    NaiveCron.values(cron.fields[5], 0, 6, NaiveCron.dayNames, NaiveCron.Dialect())
  }

  private static func nthDays(_ cron: NaiveCron) -> Set<Int> {
    Set(
      cron.fields[5].split(separator: ",").compactMap { entry in
        let parts = entry.split(separator: "#").map(String.init)
        guard parts.count == 2 else { return nil }
        return NaiveCron.number(parts[0], 0, NaiveCron.dayNames).map { $0 % 7 }
      })
  }

  private static func changes(
    _ cron: NaiveCron, _ change: (inout NaiveCron.Dialect) -> Void
  ) -> Bool {
    var dialect = NaiveCron.Dialect()
    change(&dialect)
    let bounds = [(0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6)]
    let names: [[String]] = [[], [], [], [], NaiveCron.monthNames, NaiveCron.dayNames]
    return (0..<6).contains { index in
      let (low, high) = bounds[index]
      let ours = NaiveCron.values(
        cron.fields[index], low, high, names[index], NaiveCron.Dialect())
      return ours != NaiveCron.values(cron.fields[index], low, high, names[index], dialect)
    }
  }

  private static func wraps(_ cron: NaiveCron) -> Bool {
    let names: [[String]] = [[], [], [], [], NaiveCron.monthNames, NaiveCron.dayNames]
    return (0..<6).contains { index in
      cron.fields[index].split(separator: ",").contains { entry in
        let range = entry.prefix { $0 != "/" }.split(separator: "-").map(String.init)
        guard range.count == 2,
          let first = NaiveCron.number(range[0], index == 4 ? 1 : 0, names[index]),
          let last = NaiveCron.number(range[1], index == 4 ? 1 : 0, names[index])
        else { return false }
        return first > last
      }
    }
  }
}

/// What becomes of a peer's answer.
enum PeerVerdict: Equatable {
  /// It is ours.
  case same
  /// It differs for these reasons.
  case explained([PeerRule])
  /// It differs, and no rule tells why.
  case unexplained(expected: String)
}

extension Peer {
  /// Judges the peer's answer (a second since 1970, `none` or `refused`) beside ours.
  func verdict(on question: CronCase, answer: String, ours: Instant?) throws -> PeerVerdict {
    func text(_ instant: Instant?) -> String { instant.map { "\($0.seconds)" } ?? "none" }
    // What we reject as impossible a peer refuses or never finds.
    let isNever = ours == nil && ["none", "refused"].contains(answer)
    if answer == text(ours) || isNever { return .same }
    let rules = PeerRule.allCases.filter { $0.peer == self && $0.applies(to: question) }
    let unread: PeerRule = self == .croniter ? .croniterDoesNotRead : .cronsimDoesNotRead
    if answer == "refused", rules.contains(unread) { return .explained([unread]) }
    let expected = try model(of: rules, on: question)
    // cronsim refuses what is impossible by its own reading.
    if answer == text(expected) || (answer == "refused" && expected == nil) {
      return .explained(try reasons(among: rules, for: expected, on: question))
    }
    let odd: PeerRule = self == .croniter ? .croniterOneTry : .cronsimWalk
    if rules.contains(odd), try losesItsWay(question, rules, expected, answer) {
      return .explained([odd])
    }
    return .unexplained(expected: text(expected))
  }

  /// The one rule that alone makes the answer, or those without which it would be another.
  private func reasons(
    among rules: [PeerRule], for answer: Instant?, on question: CronCase
  ) throws -> [PeerRule] {
    let telling = rules.filter(\.changesAnswers)
    for rule in telling where try model(of: [rule], on: question) == answer { return [rule] }
    let needed = try telling.filter { rule in
      try model(of: telling.filter { $0 != rule }, on: question) != answer
    }
    return needed.isEmpty ? telling : needed
  }

  private func engine(of rules: [PeerRule], _ question: CronCase) -> NaiveCron {
    var dialect = NaiveCron.Dialect()
    for rule in rules { rule.change(&dialect, for: question) }
    return NaiveCron(question.expression, dialect)
  }

  private func model(of rules: [PeerRule], on question: CronCase) throws -> Instant? {
    let start = rules.contains(.cronsimSecondPass) ? PeerRule.firstPass(question) : question
    return try engine(of: rules, question).answer(start)
  }

  /// Whether there is a clock change on the way that the peer's search does not take, and the answer
  /// is a firing beyond the expected one, or what cronsim takes for a skipped midnight.
  private func losesItsWay(
    _ question: CronCase, _ rules: [PeerRule], _ expected: Instant?, _ answer: String
  ) throws -> Bool {
    guard let answer = Int64(answer) else { return false }
    let zone = try Zone(question.zone)
    // croniter stumbles where it starts, cronsim also where it arrives.
    let places = self == .croniter ? [question.second] : [question.second, answer]
    let changes = CronCases.changes[question.zone, default: []].filter { change in
      places.contains { abs($0 - change.seconds) < 129_600 }
        && (self == .croniter || Self.isOdd(change, in: zone))
    }
    if changes.isEmpty { return false }
    if self == .cronsim, changes.contains(Instant(seconds: answer)) { return true }
    let firings = engine(of: rules, question).firings(
      on: zone.day(of: Instant(seconds: answer)), in: zone)
    guard let expected = expected?.seconds, firings.contains(Instant(seconds: answer)) else {
      return false
    }
    return question.isForward ? answer > expected : answer < expected
  }

  /// Whether a change is of half an hour, or one that day does not begin or end with.
  private static func isOdd(_ change: Instant, in zone: Zone) -> Bool {
    let before = Instant(microseconds: change.microseconds - 1)
    let jump = zone.offset(at: change) - zone.offset(at: before)
    let skipsMidnight =
      zone.day(of: before) < zone.day(of: change)
      && zone.localTime(at: change).microsecondsOfDay > 0
    let repeatsEvening =
      zone.localTime(at: before).microsecondsOfDay >= 86_399_999_999
      && zone.day(of: change) == zone.day(of: before)
    return jump % 3600 != 0 || skipsMidnight || repeatsEvening
  }
}
