/// The latent type of a customer; it is written to `truth/` only, never to the shop's own files.
public enum CustomerType: String, Sendable, CaseIterable, Codable {
  /// Buys every two or three weeks and stays long.
  case loyal
  /// Buys about monthly.
  case regular
  /// Buys mostly in the sales.
  case bargain
  /// Buys a few times a year.
  case occasional
  /// Looks often, hardly ever buys.
  case browser
  /// Buys when signing up, then soon leaves.
  case oneOff = "one_off"

  /// How customers of the type behave while they are active.
  var habits: Habits {
    switch self {
    case .loyal:
      Habits(
        weight: 18, orders: 0.036, visits: 0.125, views: 0.6, cart: 0.12, opens: 0.65,
        newsletter: 0.33, welcome: 0.80, onset: 0.0004, sales: 1.2)
    case .regular:
      Habits(
        weight: 28, orders: 0.024, visits: 0.083, views: 0.6, cart: 0.10, opens: 0.45,
        newsletter: 0.24, welcome: 0.70, onset: 0.0006, sales: 1.3)
    case .bargain:
      Habits(
        weight: 16, orders: 0.018, visits: 0.065, views: 0.6, cart: 0.20, opens: 0.50,
        newsletter: 0.28, welcome: 0.60, onset: 0.0007, sales: 1.8)
    case .occasional:
      Habits(
        weight: 16, orders: 0.013, visits: 0.050, views: 0.5, cart: 0.07, opens: 0.25,
        newsletter: 0.16, welcome: 0.60, onset: 0.0007, sales: 1.3)
    case .browser:
      Habits(
        weight: 12, orders: 0.002, visits: 0.110, views: 1.8, cart: 0.10, opens: 0.30,
        newsletter: 0.18, welcome: 0.05, onset: 0.0007, sales: 1.8)
    case .oneOff:
      Habits(
        weight: 10, orders: 0.004, visits: 0.035, views: 0.6, cart: 0.06, opens: 0.15,
        newsletter: 0.12, welcome: 1.00, onset: 0.0200, sales: 1.2)
    }
  }
}

/// What a type does while its customers are active; rates are per day.
struct Habits {
  /// Share of the customers in percent.
  let weight: Int
  /// Purchases, before personal factor and season.
  let orders: Double
  /// Visits to the site that do not end in a purchase.
  let visits: Double
  /// Product views of a visit without a purchase.
  let views: Double
  /// Probability that a visit without a purchase fills a cart.
  let cart: Double
  /// Probability that an e-mail is opened.
  let opens: Double
  /// Probability of taking the newsletter at sign-up.
  let newsletter: Double
  /// Probability of a purchase on the day of sign-up.
  let welcome: Double
  /// Daily probability that the customer begins to leave, in a good mood.
  let onset: Double
  /// Factor on the purchases of a sales day.
  let sales: Double
}

/// How customers leave; the same for all types.
enum Leaving {
  /// Daily probability that a good mood turns sour (a bad experience).
  static let souring = 0.002
  /// Daily probability that a sour mood passes.
  static let consoling = 0.05
  /// Factor on the probability to begin to leave while the mood is sour.
  static let sourFactor = 36.0
  /// What remains of each rate long after the onset, and its daily decay on the way there.
  static let orders = Ebb(floor: 0.04, decay: 0.960)
  static let visits = Ebb(floor: 0.02, decay: 0.890)
  static let opens = Ebb(floor: 0.05, decay: 0.930)

  /// The probability to begin to leave today.
  static func hazard(_ type: Habits, sour: Bool) -> Double {
    sour ? min(type.onset * sourFactor, 0.05) : type.onset
  }
}

/// A rate that ebbs away: `floor + (1 - floor) * decay^days`.
struct Ebb {
  let floor: Double
  let decay: Double

  /// The factor on the rate where the power of `decay` has reached `power`.
  func factor(_ power: Double) -> Double { floor + (1 - floor) * power }
}
