import Foundation
import Schedules
import Testing

@testable import Demo

@Suite struct ChurnTruthTests {
  private static let horizon = 60

  private func calendar(days: Int) throws -> ShopCalendar {
    ShopCalendar(
      last: Demo.defaultLastDay, count: days, horizon: Self.horizon, zone: try Zone(Demo.zoneName))
  }

  /// The closed form against the generator itself: many futures of one hidden state.
  @Test(arguments: [3, 11, 25, 60, 87, 140])
  func probabilityEqualsTheShareOfFuturesWithoutAPurchase(number: Int) throws {
    let calendar = try calendar(days: 260)
    var shopper = Shopper(number: number, seed: 99, days: 100, urban: true)
    var sink = DayOfEvents()
    let cut = 150
    for day in 0..<cut { shopper.live(day, number: 0, calendar: calendar, into: &sink) }
    let truth = ChurnTruth(horizon: Self.horizon, calendar: calendar).probability(shopper, at: cut)

    let futures = 2000
    var without = 0
    for future in 0..<futures {
      var copy = shopper
      copy.random = Generator(seed: 1234, stream: UInt64(future))
      copy.lastOrder = -1
      for day in cut..<(cut + Self.horizon) {
        sink.removeAll()
        copy.live(day, number: 0, calendar: calendar, into: &sink)
      }
      if copy.lastOrder < cut { without += 1 }
    }
    let share = Double(without) / Double(futures)
    let deviation = (truth * (1 - truth) / Double(futures)).squareRoot()
    #expect(abs(share - truth) < 4 * deviation + 1e-9, "\(share) against \(truth)")
  }

  @Test func labelsFollowTheFilesAndProbabilitiesAreCalibrated() throws {
    let shop = try SmallShop(customers: 500, days: 260)
    var orders: [Substring: [Substring]] = [:]
    for line in try shop.lines("orders.csv").dropFirst() where line.contains(",sale,") {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false)
      orders[fields[2], default: []].append(fields[3].prefix(10))
    }
    for line in try shop.lines("store.csv").dropFirst() {
      let fields = line.split(separator: ";", omittingEmptySubsequences: false)
      orders[fields[2], default: []].append(fields[3].prefix(10))
    }
    var rows = 0
    var expected = 0.0
    var variance = 0.0
    var happened = 0.0
    var open = 0
    for line in try shop.lines("truth/churn.csv").dropFirst() {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false)
      let probability = try #require(Double(fields[2]))
      let cut = try #require(Day(iso8601: fields[1]))
      guard !fields[3].isEmpty else {
        open += 1
        continue
      }
      let end = (cut + Self.horizon).description
      let bought = (orders[fields[0]] ?? []).contains { $0 >= fields[1] && $0 < end }
      #expect(fields[3] == (bought ? "0" : "1"), "\(line)")
      rows += 1
      expected += probability
      variance += probability * (1 - probability)
      happened += bought ? 0 : 1
    }
    #expect(rows > 1000)
    #expect(open > 0)
    // Cuts 30 days apart share half their horizon: the variance is at most twice that of a sum.
    #expect(abs(happened - expected) < 4 * (2 * variance).squareRoot())
  }

  @Test func onsetStopsVisitsWithinWeeks() throws {
    let calendar = try calendar(days: 400)
    var before = 0
    var after = 0
    var left = 0
    for number in 0..<1500 {
      var shopper = Shopper(number: number, seed: 5, days: 1, urban: false)
      var sink = DayOfEvents()
      var visits: [Int] = []
      for day in 0..<300 {
        sink.removeAll()
        shopper.live(day, number: 0, calendar: calendar, into: &sink)
        visits.append(sink.web.count { $0.kind == .session })
      }
      guard let onset = shopper.onset, onset > 60, onset < 200 else { continue }
      left += 1
      before += visits[(onset - 30)..<onset].reduce(0, +)
      after += visits[(onset + 40)..<(onset + 70)].reduce(0, +)
    }
    #expect(left > 50)
    #expect(after * 5 < before)
  }
}
