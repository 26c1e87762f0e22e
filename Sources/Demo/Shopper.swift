/// One customer: what the shop can know, and the hidden state that moves it.
///
/// A day begins with ``beginDay(_:)``, which moves the hidden state; the events of the day follow
/// from it. Everything is drawn from the customer's own stream.
struct Shopper {
  /// The customer's random stream.
  var random: Generator
  /// The latent type.
  let type: CustomerType
  /// The index of the type in `CustomerType.allCases`.
  let typeIndex: Int
  /// The day of sign-up; negative before the first generated day.
  let signedUp: Int
  /// Second of that local day.
  let signUpSecond: Int
  /// The first day with a newsletter; nil for never.
  let subscribed: Int?
  /// Purchases per active day before season.
  let orderRate: Double
  /// Visits without a purchase per active day.
  let visitRate: Double
  /// The category of goods that the customer mostly looks at.
  let favourite: Int
  /// Lives in a town: buys more in the shops.
  let urban: Bool

  /// Hidden: in a sour mood after a bad experience.
  private(set) var isSour: Bool
  /// Hidden: the day on which the customer began to leave; nil while active.
  private(set) var onset: Int?
  /// Hidden: powers of the decays of ``Leaving`` since the onset; 1 while active.
  private(set) var orderPower = 1.0
  private(set) var visitPower = 1.0
  private(set) var openPower = 1.0
  /// Turned sour today.
  private(set) var souredToday = false

  /// The last day with a purchase; `Int.min` for never.
  var lastOrder = Int.min
  /// Visits come in a rhythm: the rate adds up in `appetite` until it reaches `nextVisit`.
  var appetite = 0.0
  var nextVisit = 1.0
  /// A parcel that will come back.
  var refund: Refund?

  /// A purchase that is returned later.
  struct Refund {
    let day: Int
    let item: Int
    let quantity: Int
    let unitCents: Int
  }

  /// Draws customer `number` of a shop of `days` days.
  init(number: Int, seed: UInt64, days: Int, urban: Bool) {
    var random = Generator(seed: seed, stream: UInt64(number) &* 2 &+ 1)
    let typeIndex = random.pick(
      CustomerType.allCases.map(\.habits.weight), total: CustomerType.totalWeight)
    let type = CustomerType.allCases[typeIndex]
    let habits = type.habits
    self.type = type
    self.typeIndex = typeIndex
    self.urban = urban
    // Six in ten were customers before the first day; the others sign up evenly over time.
    let isOld = random.chance(0.6)
    signedUp = isOld ? -1 - random.below(730) : random.below(days)
    signUpSecond = 7 * 3600 + random.below(16 * 3600)
    let takes = random.chance(habits.newsletter)
    let hesitates = random.chance(0.15)
    let later = signedUp + 1 + random.below(120)
    subscribed = takes ? signedUp : (hesitates ? later : nil)
    let eagerness = exponential(0.06 * random.nearlyNormal())
    let curiosity = exponential(0.05 * random.nearlyNormal())
    orderRate = habits.orders * eagerness
    visitRate = habits.visits * eagerness * curiosity
    favourite = random.below(Product.categories.count)
    isSour = random.chance(0.06)
    // A part of the old customers is leaving or gone when the history begins.
    let gone = random.chance(type == .oneOff ? 0.9 : 0.22)
    let since = random.below(240)
    if isOld && gone {
      let start = max(signedUp, -1 - since)
      onset = start
      orderPower = Self.power(Leaving.orders.decay, -1 - start)
      visitPower = Self.power(Leaving.visits.decay, -1 - start)
      openPower = Self.power(Leaving.opens.decay, -1 - start)
    }
    nextVisit = 0.1 + 1.4 * random.uniform()
    self.random = random
  }

  private static func power(_ base: Double, _ exponent: Int) -> Double {
    var result = 1.0
    for _ in 0..<exponent { result *= base }
    return result
  }

  /// Moves the hidden state into `day`: first the mood, then the onset, else the ebb goes on.
  mutating func beginDay(_ day: Int) {
    let mood = random.uniform()
    souredToday = !isSour && mood < Leaving.souring
    if souredToday {
      isSour = true
    } else if isSour && mood < Leaving.consoling {
      isSour = false
    }
    if onset == nil {
      if random.chance(Leaving.hazard(type.habits, sour: isSour)) { onset = day }
    } else {
      orderPower *= Leaving.orders.decay
      visitPower *= Leaving.visits.decay
      openPower *= Leaving.opens.decay
    }
  }
}

extension CustomerType {
  /// The weights of all types.
  static let totalWeight = allCases.reduce(0) { $0 + $1.habits.weight }
}
