import Schedules
import TestSupport
import Testing

@Suite("Cron: against naive engines")
struct CronPropertyTests {
  @Test("1,000 random questions have the naive engine's answer")
  func naive() throws {
    var cases = CronCases(seed: 11)
    for _ in 0..<1000 {
      let question = cases.next()
      let expected = try NaiveCron(question.expression).answer(question)
      #expect(try CronPeerTests.ours(question) == expected, "\(question)")
    }
  }

  @Test("next and previous are each other's inverse, and leave nothing out")
  func inverse() throws {
    var cases = CronCases(seed: 12)
    var count = 0
    for _ in 0..<3000 {
      let question = cases.next()
      guard let cron = try? Cron(question.expression) else { continue }
      let zone = try Zone(question.zone)
      let instant = Instant(seconds: question.second)
      guard let next = cron.next(after: instant, in: zone),
        let previous = cron.previous(before: instant, in: zone)
      else { continue }
      let fires = cron.next(after: Instant(microseconds: instant.microseconds - 1), in: zone)
      #expect(previous < instant && instant < next, "\(question)")
      // From either neighbour the search comes back to the instant, if it is one, or to the other.
      let onTheWay = fires == instant ? instant : next
      #expect(cron.next(after: previous, in: zone) == onTheWay, "\(question)")
      let onTheWayBack = fires == instant ? instant : previous
      #expect(cron.previous(before: next, in: zone) == onTheWayBack, "\(question)")
      count += 1
    }
    #expect(count > 2900)
  }

  /// All firings of a span, by looking at the clock every minute.
  static func scan(_ cron: NaiveCron, _ zone: Zone, _ span: Range<Int64>) -> [Instant] {
    func matches(_ local: LocalTime) -> Bool {
      let minute = Int(local.microsecondsOfDay / 60_000_000)
      return cron.matches(local.day) && cron.matches(hour: minute / 60, minute: minute % 60)
    }
    var found: [Instant] = []
    var latest = zone.localTime(at: Instant(seconds: span.lowerBound - 60))
    for second in stride(from: span.lowerBound, to: span.upperBound, by: 60) {
      let instant = Instant(seconds: second)
      let local = zone.localTime(at: instant)
      if cron.isWild {
        if matches(local) { found.append(instant) }
      } else if local > latest {
        // Not yet shown: this minute, and those that the clock went past.
        var minute = latest.microseconds + 60_000_000
        while minute <= local.microseconds {
          if matches(LocalTime(microseconds: minute)), found.last != instant {
            found.append(instant)
          }
          minute += 60_000_000
        }
      }
      latest = max(latest, local)
    }
    return found
  }

  @Test("three days around every clock change, minute by minute")
  func scans() throws {
    var random = SplitMix64(seed: 13)
    let jobs = [
      "30 2 * * *", "*/20 1-3 * * *", "0,59 0-23 * * *", "15 */2 * * *", "10-50/20 22-2 * * *",
      "0 0,1,2,3,23 * * *", "45 1 * * sat-mon", "59 23 * * *", "0 0 1,15,L * sun",
    ]
    var firings = 0
    for (name, changes) in CronCases.changes.sorted(by: { $0.key < $1.key }) {
      let zone = try Zone(name)
      for change in changes {
        let expression = jobs[Int(random.next() % UInt64(jobs.count))]
        let minute = change.seconds - change.seconds % 60
        let span = minute - 129_600..<minute + 129_600
        let expected = Self.scan(NaiveCron(expression), zone, span)
        let cron = try Cron(expression)
        var (forward, backward): ([Instant], [Instant]) = ([], [])
        var instant = Instant(microseconds: span.lowerBound * 1_000_000 - 1)
        while let next = cron.next(after: instant, in: zone), next.seconds < span.upperBound {
          forward.append(next)
          instant = next
        }
        instant = Instant(seconds: span.upperBound)
        while let last = cron.previous(before: instant, in: zone), last.seconds >= span.lowerBound {
          backward.append(last)
          instant = last
        }
        #expect(forward == expected, "\(expression) \(name) \(change)")
        #expect(backward.reversed() == expected, "\(expression) \(name) \(change)")
        firings += expected.count
      }
    }
    #expect(firings > 3000)
  }
}
