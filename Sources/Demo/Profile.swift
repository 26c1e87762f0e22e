import Schedules

/// What a customer has told the shop.
struct Profile {
  let country: String
  let region: String
  let urban: Bool
  /// The date of birth; nil where it was not given.
  let birth: Day?
  /// `low`, `middle` or `high`; nil where it was not given.
  let income: String?
  /// What is wrong with the row, if anything.
  let flaw: Flaw?

  private static let countries: [(code: String, weight: Int, regions: [String])] = [
    ("PT", 68, ["Lisboa", "Porto", "Centro", "Alentejo", "Algarve"]),
    ("ES", 15, ["Madrid", "Galicia", "Andalucía"]),
    ("FR", 7, ["Île-de-France", "Occitanie"]),
    ("BR", 5, ["São Paulo", "Bahia"]),
    ("DE", 3, ["Berlin", "Bayern"]),
    ("GB", 2, ["London", "Scotland"]),
  ]

  /// Draws the profile of customer `number`, aged 18 to 80 on `today`.
  init(number: Int, seed: UInt64, today: Day) {
    var random = Generator(seed: seed, stream: UInt64(number) &* 2)
    let place = Self.countries[random.pick(Self.countries.map(\.weight), total: 100)]
    country = place.code
    let rank = random.uniform()
    let region = Int(rank * rank * Double(place.regions.count))
    self.region = place.regions[region]
    urban = random.chance(region == 0 ? 0.85 : 0.50)
    let years = 18 + (random.uniform() + random.uniform()) / 2 * 62
    let born = today - Int(years * 365.25)
    birth = random.chance(0.04) ? nil : born
    let band = random.pick([35, 45, 20], total: 100)
    income = random.chance(0.06) ? nil : ["low", "middle", "high"][band]
    let draw = random.uniform()
    flaw =
      switch draw {
      case ..<0.004: .duplicate
      case ..<0.008: .missingCustomer
      case ..<0.012: .badValue
      default: nil
      }
  }
}
