/// The exact probability that a customer buys nothing within the horizon, given the hidden state.
///
/// Purchases of a day are Poisson with a known mean, so the probability of none over some days is
/// `exp(-sum of the means)` once the day of the onset is known. The onset and the mood are a Markov
/// chain by days; the probability is the mixture over its paths, summed from the last day back:
///
///     none[mood, day] = sum over mood' of P(mood -> mood') *
///         ( hazard(mood') * exp(-mean purchases from day on, leaving since day)
///         + (1 - hazard(mood')) * exp(-mean purchases of day) * none[mood', day + 1] )
struct ChurnTruth {
  /// How many days count.
  let horizon: Int
  let calendar: ShopCalendar

  /// The probability of no purchase on days `day ..< day + horizon`.
  ///
  /// - Parameter shopper: its hidden state before `day` begins.
  func probability(_ shopper: Shopper, at day: Int) -> Double {
    let ebb = Leaving.orders
    let season = calendar.season[shopper.typeIndex]
    let habits = shopper.type.habits
    // Means from a day on: `plain` without ebb, `ebbing` with the power of the decay from 1 on.
    var plain = 0.0
    var ebbing = 0.0
    if shopper.onset != nil {
      for index in stride(from: day + horizon - 1, through: day, by: -1) {
        let mean = shopper.orderRate * season[index]
        plain += mean
        ebbing = mean + ebb.decay * ebbing
      }
      let power = shopper.orderPower * ebb.decay
      return exponential(-(ebb.floor * plain + (1 - ebb.floor) * power * ebbing))
    }
    let hazardGood = Leaving.hazard(habits, sour: false)
    let hazardSour = Leaving.hazard(habits, sour: true)
    var good = 1.0
    var sour = 1.0
    for index in stride(from: day + horizon - 1, through: day, by: -1) {
      let mean = shopper.orderRate * season[index]
      plain += mean
      ebbing = mean + ebb.decay * ebbing
      let leaving = exponential(-(ebb.floor * plain + (1 - ebb.floor) * ebbing))
      let staying = exponential(-mean)
      let inGood = hazardGood * leaving + (1 - hazardGood) * staying * good
      let inSour = hazardSour * leaving + (1 - hazardSour) * staying * sour
      good = (1 - Leaving.souring) * inGood + Leaving.souring * inSour
      sour = (1 - Leaving.consoling) * inSour + Leaving.consoling * inGood
    }
    return shopper.isSour ? sour : good
  }
}
