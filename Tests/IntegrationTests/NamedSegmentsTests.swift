import FeatureOracle
import Schedules
import Testing

/// The seventeen named segments of the retail project: members, and customers one unit below, at
/// and above each bound, through the engine.
@Suite struct NamedSegmentsTests {
  private let shop = Result { try NamedSegmentsShop() }
  /// A local midnight, and an instant within the day after a change of the clock.
  private static let midnight = Instant(seconds: 1_741_564_800)
  private static let within = Instant(microseconds: 1_743_337_800_123_456)
  private static let both = [midnight, within]

  private func expect(
    _ segment: String, _ people: [Somebody], at asOf: [Instant] = both,
    _ location: Testing.SourceLocation = #_sourceLocation
  ) throws {
    try shop.get().expect(segment, people, at: asOf, location)
  }

  private func emails(_ sent: Int, _ opened: Int, _ clicked: Int = 0, _ kind: String = "news")
    -> [Deed]
  {
    let kind: [String: ShopProperty] = ["kind": .text(kind)]
    return Deed("email_sent", .day(3), kind) * sent + Deed("email_open", .day(2), kind) * opened
      + Deed("email_click", .day(2), kind) * clicked
  }

  @Test("C1: more than 3 orders in 45 days, more than 5 views in two weeks, over 70 % opened")
  func highValueEngaged() throws {
    let orders = Deed("purchase", .day(20)) * 3
    let views = Deed("product_view", .day(1)) * 5
    let edges = [Deed("purchase", .start(44)), Deed("product_view", .start(13))]
    try expect(
      "high_value_engaged",
      [
        .member("at the first instants of both windows", orders, views, edges, emails(4, 3)),
        .member("71 %", orders, views, edges, emails(100, 71)),
        .member("more", orders * 2, views * 2, edges, emails(4, 4)),
        .near("70 %", orders, views, edges, emails(100, 70)),
        .near("three orders", orders, views, [edges[1]], emails(4, 3)),
        .near("five views", orders, views, [edges[0]], emails(4, 3)),
        .near(
          "an order too early",
          orders, views, [Deed("purchase", .start(44, plus: -1)), edges[1]], emails(4, 3)),
        .near(
          "a view too early",
          orders, views, [edges[0], Deed("product_view", .start(13, plus: -1))], emails(4, 3)),
        .near("too few newsletters for a rate", orders, views, edges, emails(2, 2)),
      ])
  }

  @Test("C2: three purchases in 30 days")
  func loyal() throws {
    let two = Deed("purchase", .day(5)) * 2
    try expect(
      "loyal",
      [
        .member("three", two, [Deed("purchase", .start(29))]),
        .member("four", two * 2),
        .near("two", two),
        .near("a third too early", two, [Deed("purchase", .start(29, plus: -1))]),
        .near("nothing at all"),
      ])
  }

  @Test("C3: last purchase over 60 days ago, and hardly engaged")
  func atRisk() throws {
    let visit = Deed("session", .day(1))
    try expect(
      "at_risk",
      [
        .member("61 days", [Deed("purchase", .start(61)), visit]),
        .member("61 days, to the last microsecond", [Deed("purchase", .start(60, plus: -1))]),
        .member("half a year", [Deed("purchase", .start(179))]),
        .near("60 days", [Deed("purchase", .start(60)), visit]),
        .near("longer ago than half a year", [Deed("purchase", .start(179, plus: -1))]),
        .near("engaged at the threshold", [Deed("purchase", .day(70))], visit * 2),
        .near("engaged above", [Deed("purchase", .day(70))], visit * 3),
        .near("never bought"),
      ])
  }

  @Test("C4: one product viewed more than three times in a week")
  func repeatViewers() throws {
    let view = Deed("product_view", .day(1), item: "A")
    let edge = Deed("product_view", .start(6), item: "A")
    try expect(
      "repeat_viewers",
      [
        .member("four of one", view * 3, [edge]),
        .member("five of one", view * 5),
        .near("three of one", view * 3),
        .near(
          "the fourth too early", view * 3, [Deed("product_view", .start(6, plus: -1), item: "A")]),
        .near(
          "four of another each",
          ["A", "B", "C", "D"].map { Deed("product_view", .day(1), item: $0) }),
        .near("three of each", view * 3, Deed("product_view", .day(1), item: "B") * 3),
        .near("of no product", Deed("product_view", .day(1)) * 4),
      ])
  }

  @Test("C5: more than 500 EUR, and a purchase within 30 days")
  func highValue() throws {
    func spent(_ amount: Int64, _ when: Moment = .day(5)) -> Deed {
      Deed("purchase", when, amount: amount)
    }
    try expect(
      "high_value",
      [
        .member("a ten-thousandth more", [spent(5_000_001)]),
        .member("at the first instant", [spent(9_000_000, .start(29))]),
        .near("500 EUR", [spent(5_000_000)]),
        .near("less", [spent(4_999_999)]),
        .near("a day too early", [spent(9_000_000, .start(29, plus: -1))]),
        .near("less its refund", [spent(5_000_001), Deed("refund", .day(1), amount: 1)]),
      ])
  }

  @Test("C6: two purchases in the last month, urban, among the fifth most engaged")
  func engagedCityBuyers() throws {
    // The month before the 9th of March begins on the 10th of February; the other instant is within
    // the 30th, and February has no such day: its month begins on the 1st of March.
    for (asOf, edge) in [(Self.midnight, 27), (Self.within, 29)] {
      let bought = [Deed("purchase", .day(1)), Deed("purchase", .start(edge))]
      let town = ["urban": "true"]
      func visits(_ count: Int) -> [Deed] { Deed("session", .day(1)) * count }
      // Twenty customers: the cut is at the fourth, and all who tie there are in.
      let others = (0..<12).map {
        Somebody.near("other \($0)", visits($0 % 5), profile: town)
      }
      try expect(
        "engaged_city_buyers",
        others + [
          .member("most engaged", bought, visits(10), profile: town),
          .member("at the cut", bought, visits(9), profile: town),
          .near("below the cut", bought, visits(8), profile: town),
          .near("in the country", bought, visits(9), profile: ["urban": "false"]),
          .near("somewhere", bought, visits(9)),
          .near("one purchase", [bought[1]], visits(9), profile: town),
          .near(
            "the other too early",
            [bought[0], Deed("purchase", .start(edge, plus: -1))], visits(9), profile: town),
          .near("not engaged", bought, profile: town),
        ], at: [asOf])
    }
  }

  @Test("C7: viewed a product and put it into the cart within ten minutes")
  func quickDeciders() throws {
    func pair(_ gap: Int64, _ one: String? = "A", _ other: String? = "A") -> [Deed] {
      let view = 3 * Moment.hour
      return [
        Deed("product_view", .ago(view), item: one),
        Deed("cart_add", .ago(view - gap), item: other),
      ]
    }
    let ten = 10 * Moment.minute
    try expect(
      "quick_deciders",
      [
        .member("just below ten minutes", pair(ten - 1)),
        .member("at once", pair(1)),
        .member(
          "at the first instant of the week",
          [
            Deed("product_view", .start(6), item: "A"),
            Deed("cart_add", .start(6, plus: 60), item: "A"),
          ]),
        .near("ten minutes", pair(ten)),
        .near("later", pair(ten + 1)),
        .near("at the same time", pair(0)),
        .near("the other way round", pair(-60)),
        .near("another product", pair(60, "A", "B")),
        .near("no product", pair(60, nil, nil)),
        .near(
          "before the week",
          [
            Deed("product_view", .start(6, plus: -1), item: "A"),
            Deed("cart_add", .start(6, plus: 60), item: "A"),
          ]),
      ])
  }

  @Test("C8: no purchase in 30 days, never-buyers too; those who bought before the last 90")
  func noPurchase() throws {
    try expect(
      "no_purchase_30d",
      [
        .member("just before", [Deed("purchase", .start(29, plus: -1))]),
        .member("never bought"),
        .member("looked only", [Deed("product_view", .day(1))]),
        .near("at the first instant", [Deed("purchase", .start(29))]),
        .near("a moment ago", [Deed("purchase", .ago(1))]),
      ])
    try expect(
      "lapsing",
      [
        .member("before the 90 days", [Deed("purchase", .start(89, plus: -1))]),
        .near("within the 90 days", [Deed("purchase", .start(89))]),
        .near("and again", [Deed("purchase", .start(89, plus: -1)), Deed("purchase", .day(3))]),
        .near("never bought"),
      ])
  }

  @Test("C9: more than three views in 24 hours, put into the cart, no purchase")
  func highIntent() throws {
    let day = 24 * Moment.hour
    let views = Deed("product_view", .ago(Moment.hour)) * 3
    let edge = Deed("product_view", .ago(day))
    let cart = Deed("cart_add", .ago(day))
    try expect(
      "high_intent",
      [
        .member("at the first instant", views, [edge, cart]),
        .member("bought just before", views, [edge, cart, Deed("purchase", .ago(day + 1))]),
        .near("three views", views, [cart]),
        .near("a view too early", views, [Deed("product_view", .ago(day + 1)), cart]),
        .near("the cart too early", views, [edge, Deed("cart_add", .ago(day + 1))]),
        .near("bought", views, [edge, cart, Deed("purchase", .ago(day))]),
        .near("a view at the end", views, [Deed("product_view", .ago(0)), cart]),
      ])
  }

  @Test("C10: more than five views in 24 hours")
  func engagedBrowsers() throws {
    let day = 24 * Moment.hour
    let views = Deed("product_view", .ago(1)) * 5
    try expect(
      "engaged_browsers",
      [
        .member("six", views, [Deed("product_view", .ago(day))]),
        .member("seven", views, Deed("product_view", .ago(day - 1)) * 2),
        .near("five", views),
        .near("the sixth too early", views, [Deed("product_view", .ago(day + 1))]),
        .near("the sixth to come", views, [Deed("product_view", .ago(0))]),
      ])
  }

  @Test("C11: into the cart, and no purchase in the 48 hours after, once they have passed")
  func potentialAbandoners() throws {
    let two = 48 * Moment.hour
    let cart = Deed("cart_add", .ago(two))
    try expect(
      "potential_abandoners",
      [
        .member("48 hours ago", [cart]),
        .member("bought just too late", [cart, Deed("purchase", .ago(0))]),
        .member("bought before", [Deed("purchase", .ago(two)), cart]),
        .member("at the first instant of the week", [Deed("cart_add", .start(6))]),
        .near("a microsecond less", [Deed("cart_add", .ago(two - 1))]),
        .near("bought at the last moment", [cart, Deed("purchase", .ago(1))]),
        .near("bought at once", [cart, Deed("purchase", .ago(two - 1))]),
        .near("before the week", [Deed("cart_add", .start(6, plus: -1))]),
      ])
  }

  @Test("C12: clicks in more than half of the promotional newsletters")
  func promotionClickers() throws {
    try expect(
      "promotion_clickers",
      [
        .member("three of five", emails(5, 5, 3, "promotion")),
        .member("51 %", emails(100, 100, 51, "promotion")),
        .near("half", emails(4, 4, 2, "promotion")),
        .near("49 %", emails(100, 100, 49, "promotion")),
        .near("in the news", emails(4, 4, 2, "promotion"), emails(4, 4, 4)),
        .near("too few for a rate", emails(2, 2, 2, "promotion")),
        .near("none sent"),
      ])
  }

  @Test("C13: joined within the week, three views, newsletter, cart, no purchase")
  func engagedNewcomers() throws {
    let joined = Deed("sign_up", .start(6))
    let views = Deed("product_view", .day(2)) * 3
    let rest: [Deed] = [Deed("newsletter", .day(2)), Deed("cart_add", .day(1))]
    try expect(
      "engaged_newcomers",
      [
        .member("all of it", [joined], views, rest),
        .member("four views", [joined], views, [Deed("product_view", .ago(1))], rest),
        .near("joined before", [Deed("sign_up", .start(6, plus: -1))], views, rest),
        .near("two views", [joined], Array(views.dropLast()), rest),
        .near("no newsletter", [joined], views, [rest[1]]),
        .near("nothing in the cart", [joined], views, [rest[0]]),
        .near("bought", [joined], views, rest, [Deed("purchase", .ago(1))]),
      ])
  }

  @Test("C14: to the checkout, and no purchase in the five minutes after")
  func abandonedCheckout() throws {
    let five = 5 * Moment.minute
    let day = 24 * Moment.hour
    let start = Deed("checkout_start", .ago(five))
    try expect(
      "abandoned_checkout",
      [
        .member("five minutes ago", [start]),
        .member("bought just too late", [start, Deed("purchase", .ago(0))]),
        .member("24 hours ago", [Deed("checkout_start", .ago(day))]),
        .member(
          "one of two", [start, Deed("checkout_start", .ago(day)), Deed("purchase", .ago(1))]),
        .near("a microsecond less", [Deed("checkout_start", .ago(five - 1))]),
        .near("bought at the last moment", [start, Deed("purchase", .ago(1))]),
        .near("longer ago", [Deed("checkout_start", .ago(day + 1))]),
      ])
  }

  @Test("C15: from 25 to 34, in a town")
  func youngUrban() throws {
    func lives(_ band: String?, _ urban: String?) -> [String: String] {
      var profile: [String: String] = [:]
      profile["age_band"] = band
      profile["urban"] = urban
      return profile
    }
    try expect(
      "young_urban",
      [
        .member("both", profile: lives("25-34", "true")),
        .near("younger", profile: lives("18-24", "true")),
        .near("older", profile: lives("35-44", "true")),
        .near("in the country", profile: lives("25-34", "false")),
        .near("of unknown age", profile: lives(nil, "true")),
        .near("somewhere", profile: lives("25-34", nil)),
      ])
  }

  @Test("C16: risk of churn, high from 70 %, medium from 40 %")
  func churnRisk() throws {
    func people(_ expected: [Bool]) -> [Somebody] {
      let scores: [Double?] = [1, 0.7, 0.7.nextDown, 0.4, 0.4.nextDown, 0, nil]
      return zip(scores, expected).map { score, isMember in
        let who = score.map { "\($0)" } ?? "no score"
        return isMember ? .member(who, score: score) : .near(who, score: score)
      }
    }
    try expect("churn_risk_high", people([true, true, false, false, false, false, false]))
    try expect("churn_risk_medium", people([false, false, true, true, false, false, false]))
    try expect("churn_risk_low", people([false, false, false, false, true, true, false]))
  }

  @Test("C17: loyal, and bought a bestseller within 30 days")
  func loyalKitchen() throws {
    let two = Deed("purchase", .day(5), item: "P0100") * 2
    try expect(
      "loyal_kitchen",
      [
        .member("the third is one", two, [Deed("purchase", .start(29), item: "P0001")]),
        .member("another of them", two, [Deed("purchase", .day(1), item: "P0005")]),
        .near("loyal alone", two * 2),
        .near("the next product", two, [Deed("purchase", .day(1), item: "P0006")]),
        .near("not loyal", [two[0], Deed("purchase", .day(1), item: "P0001")]),
        .near("too early", two * 2, [Deed("purchase", .start(29, plus: -1), item: "P0001")]),
      ])
  }

  @Test(
    "Time alone: C11 after 48 hours, C14 after five minutes, C9 and C10 until 24 hours are over")
  func timeAlone() throws {
    let shop = try shop.get()
    let begin = Self.within.microseconds
    func events(_ kinds: [(String, Int64)]) -> [ShopEvent] {
      kinds.enumerated().map { number, event in
        ShopEvent(number, 1, event.0, at: Instant(microseconds: begin + event.1))
      }
    }
    func verdicts(_ segment: String, _ events: [ShopEvent], _ after: [Int64]) throws -> [Bool] {
      try after.map { time in
        let asOf = Instant(microseconds: begin + time)
        return try !shop.members(
          of: segment, among: [.near("somebody")], events.filter { $0.at < asOf }, [1], at: asOf
        ).isEmpty
      }
    }
    let (minute, hour) = (Moment.minute, Moment.hour)
    #expect(
      try verdicts(
        "potential_abandoners", events([("cart_add", 0)]),
        [1, 47 * hour, 48 * hour - 1, 48 * hour, 48 * hour + 1])
        == [false, false, false, true, true])
    #expect(
      try verdicts(
        "abandoned_checkout", events([("checkout_start", 0)]),
        [1, 5 * minute - 1, 5 * minute, 24 * hour, 24 * hour + 1])
        == [false, false, true, true, false])
    let views: [(String, Int64)] = (0..<6).map { ("product_view", Int64($0)) }
    #expect(
      try verdicts("engaged_browsers", events(views), [5, 6, 24 * hour, 24 * hour + 1])
        == [false, true, true, false])
    let bought: (String, Int64) = ("purchase", 7 - 24 * hour)
    let intent: [(String, Int64)] = views + [("cart_add", 6), bought]
    let times: [Int64] = [7, 8, 24 * hour + 2, 24 * hour + 3]
    let found = try verdicts("high_intent", events(intent), times)
    #expect(found == [false, true, true, false])
  }
}
