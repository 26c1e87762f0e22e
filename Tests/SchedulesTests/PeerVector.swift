import Schedules

/// A difference worked by hand: what we answer, what the peer answers, and by which rule.
struct PeerVector: Sendable, CustomStringConvertible {
  let rule: PeerRule
  let expression: String
  let zone: String
  let instant: String
  /// RFC 3339.
  let ours: String
  /// RFC 3339, `none` or `refused`.
  let theirs: String
  /// Why both are what they are.
  let work: String

  var description: String { "\(rule.rawValue): \(expression)" }

  init(
    _ rule: PeerRule, _ expression: String, _ zone: String, after instant: String, ours: String,
    theirs: String, _ work: String
  ) {
    self.rule = rule
    self.expression = expression
    self.zone = zone
    self.instant = instant
    self.ours = ours
    self.theirs = theirs
    self.work = work
  }

  var question: CronCase {
    CronCase(
      expression: expression, zone: zone, second: Instant(rfc3339: instant)?.seconds ?? 0,
      isForward: true)
  }

  /// The peer's answer as the peers' script writes it.
  var answer: String { Instant(rfc3339: theirs).map { "\($0.seconds)" } ?? theirs }

  static let all: [PeerVector] = [
    PeerVector(
      .croniterDoesNotRead, "0 0 LW * *", "America/New_York", after: "2024-05-15T00:00:00Z",
      ours: "2024-05-31T00:00:00-04:00", theirs: "refused",
      "May 2024 ends on a Friday, its last workday."),
    PeerVector(
      .croniterRanges, "0 5-5 * * *", "Europe/Lisbon", after: "2024-05-15T13:30:00+01:00",
      ours: "2024-05-16T05:00:00+01:00", theirs: "2024-05-15T14:00:00+01:00",
      "From 5 to 5 is 5; as the whole field it is every hour."),
    PeerVector(
      .croniterRanges, "0 22-4/3 * * *", "Europe/Lisbon", after: "2024-05-15T22:00:00+01:00",
      ours: "2024-05-16T01:00:00+01:00", theirs: "2024-05-16T02:00:00+01:00",
      "22 + 3 is 25, which is 1 o'clock; croniter skips 3 - 1 hours from 0 on: 2."),
    PeerVector(
      .croniterSpecialDays, "0 0 15 * fri#3", "America/New_York", after: "2024-05-02T00:00:00Z",
      ours: "2024-05-15T00:00:00-04:00", theirs: "2024-05-17T00:00:00-04:00",
      "The 15th or the third Friday, which is the 17th; croniter takes only the Friday."),
    PeerVector(
      .croniterSpecialDays, "0 0 13 * fri#3", "America/New_York", after: "2024-05-02T00:00:00Z",
      ours: "2024-05-13T00:00:00-04:00", theirs: "none",
      "A third Friday is never the 13th, so that croniter finds nothing at all."),
    PeerVector(
      .croniterWholeField, "0 0 */10 * 0-6", "Europe/Dublin", after: "2024-05-15T12:00:00Z",
      ours: "2024-05-16T00:00:00+01:00", theirs: "2024-05-21T00:00:00+01:00",
      "Days 1, 11, 21, 31 or any weekday is every day; with `*` for 0-6 it is the 21st."),
    PeerVector(
      .croniterLaw, "30 1 * * *", "America/New_York", after: "2024-11-03T01:30:00-04:00",
      ours: "2024-11-04T01:30:00-05:00", theirs: "2024-11-03T01:30:00-05:00",
      "The first pass of 01:30 was the firing of the day; croniter fires at the second, too."),
    PeerVector(
      .croniterLaw, "*/30 2 * * *", "America/New_York", after: "2024-03-10T01:59:00-05:00",
      ours: "2024-03-11T02:00:00-04:00", theirs: "2024-03-10T03:00:00-04:00",
      "02:00 and 02:30 are skipped, and a step makes up for nothing; croniter does, at 03:00."),
    PeerVector(
      .croniterOneTry, "*/15 0,1 * * *", "Antarctica/Troll", after: "2024-10-27T02:30:00+02:00",
      ours: "2024-10-27T01:00:00Z", theirs: "2024-10-28T00:00:00Z",
      "At 03:00 the clock goes back to 01:00. Two hours back from 02:30 is 00:30, whose next "
        + "firing, 00:45, is past: croniter tries no other of that night."),
    PeerVector(
      .cronsimDoesNotRead, "0 22-2 * * *", "Europe/Lisbon", after: "2024-05-15T22:30:00+01:00",
      ours: "2024-05-15T23:00:00+01:00", theirs: "refused", "22, 23, 0, 1 and 2 o'clock."),
    PeerVector(
      .cronsimLeadingStar, "0 0 */2 * mon", "Europe/Dublin", after: "2024-05-15T12:00:00Z",
      ours: "2024-05-17T00:00:00+01:00", theirs: "2024-05-27T00:00:00+01:00",
      "The next odd day is the 17th; the next odd Monday, as the 20th is even, the 27th."),
    PeerVector(
      .cronsimSteps, "5-5/20 * * * *", "Europe/Lisbon", after: "2024-05-15T12:06:00Z",
      ours: "2024-05-15T13:05:00Z", theirs: "2024-05-15T12:25:00Z",
      "From 5 to 5 is minute 5; 5/20 is 5, 25 and 45."),
    PeerVector(
      .cronsimSteps, "0 0 * * 1/2", "Europe/Dublin", after: "2024-05-17T12:00:00Z",
      ours: "2024-05-20T00:00:00+01:00", theirs: "2024-05-19T00:00:00+01:00",
      "1, 3, 5 up to Saturday, so Monday the 20th; cronsim goes on to 7, Sunday the 19th."),
    PeerVector(
      .cronsimLaw, "0/30 2 * * *", "America/New_York", after: "2024-03-10T01:30:00-05:00",
      ours: "2024-03-11T02:00:00-04:00", theirs: "2024-03-10T03:00:00-04:00",
      "A step makes up for nothing; to cronsim 0/30 is fixed, as it does not begin with a star."),
    PeerVector(
      .cronsimSecondPass, "30 1 * * *", "America/New_York", after: "2024-11-03T01:10:00-05:00",
      ours: "2024-11-04T01:30:00-05:00", theirs: "2024-11-03T01:30:00-04:00",
      "01:30 was 40 minutes ago; cronsim reads 01:10 as of the first pass and answers with it."),
    PeerVector(
      .cronsimWalk, "* 3 * * *", "Australia/Lord_Howe", after: "2019-10-06T01:59:58+10:30",
      ours: "2019-10-06T03:00:00+11:00", theirs: "2019-10-06T03:30:00+11:00",
      "02:00 is 02:30; an hour on it is 03:30, and cronsim has stepped over half of the hour."),
  ]
}
