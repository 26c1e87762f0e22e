/// The first second of the day's business and the last second that an event may have.
///
/// Nothing happens at night, so no local time falls into a change of the clocks.
private let opening: Int32 = 6 * 3600 + 1800
private let closing: Int32 = 86_399

extension Shopper {
  /// Draws everything the customer does on `day` and moves the hidden state.
  mutating func live(_ day: Int, number: Int, calendar: ShopCalendar, into out: inout DayOfEvents) {
    guard day >= signedUp else { return }
    beginDay(day)
    let habits = type.habits
    let here = Happening(
      day: Int32(day), second: 0, customer: Int32(number), kind: .session)
    if day == signedUp {
      signUp(here, into: &out)
      if random.chance(habits.welcome) { buy(here, calendar: calendar, welcome: true, into: &out) }
    }
    if let refund, refund.day == day { giveBack(refund, here, into: &out) }

    let season = calendar.season[typeIndex][day]
    let mean = orderRate * season * Leaving.orders.factor(orderPower)
    for _ in 0..<random.poisson(mean) {
      buy(here, calendar: calendar, welcome: false, into: &out)
    }
    let visits = visitRate * Leaving.visits.factor(visitPower) * (calendar.sales[day] ? 1.4 : 1)
    appetite += visits
    while appetite >= nextVisit {
      appetite -= nextVisit
      nextVisit = 0.7 + 0.6 * random.uniform()
      var clock = startOfVisit()
      visit(here, clock: &clock, calendar: calendar, buying: nil, into: &out)
    }
    contactSupport(here, into: &out)
    if calendar.campaigns[day], let subscribed, day > subscribed { receive(here, into: &out) }
    if subscribed == day {
      add(.newsletter, here, Int32(signUpSecond) + 40, to: &out.web)
    }
  }

  /// Most visits start in the evening, few in the early morning.
  private mutating func startOfVisit() -> Int32 {
    let hour = random.pick(
      [1, 2, 3, 4, 5, 6, 6, 5, 5, 5, 6, 7, 8, 10, 10, 8, 4], total: 95)
    return min(opening + Int32(hour * 3600 + random.below(3600)), closing - 1800)
  }

  private mutating func add(
    _ kind: EventKind, _ here: Happening, _ second: Int32, item: Int = -1, value: Int = 0,
    quantity: Int = 0, to file: inout [Happening]
  ) {
    var event = here
    event.kind = kind
    event.second = min(max(second, opening), closing)
    event.item = Int32(item)
    event.value = Int32(value)
    event.quantity = Int16(quantity)
    file.append(event)
  }

  private mutating func signUp(_ here: Happening, into out: inout DayOfEvents) {
    let second = Int32(signUpSecond)
    add(.signUp, here, second, to: &out.web)
    if random.chance(0.4) { add(.profileUpdate, here, second + 90, to: &out.web) }
  }

  /// One purchase: in a shop, or at the end of a visit to the site.
  private mutating func buy(
    _ here: Happening, calendar: ShopCalendar, welcome: Bool, into out: inout DayOfEvents
  ) {
    let day = Int(here.day)
    let item = Product.pick(favourite: favourite, with: &random)
    let quantity = 1 + random.poisson(type == .loyal ? 0.7 : 0.4)
    let reduced = calendar.sales[day] || (type == .bargain && random.chance(0.5))
    let cents = Product.all[item].cents * (reduced ? 4 : 5) / 5
    let inShop = !welcome && random.chance(urban ? 0.30 : 0.10)
    var clock = startOfVisit()
    if inShop {
      if clock < 9 * 3600 + 1800 { clock = 9 * 3600 + 1800 + Int32(random.below(8 * 3600)) }
      add(.purchase, here, clock, item: item, value: cents, quantity: quantity, to: &out.store)
    } else {
      if welcome { clock = Int32(min(signUpSecond + 120, 84_000)) }
      visit(here, clock: &clock, calendar: calendar, buying: item, into: &out)
      add(.purchase, here, clock, item: item, value: cents, quantity: quantity, to: &out.orders)
    }
    lastOrder = day
    if !inShop && refund == nil
      && random.chance(isSour ? 0.20 : (type == .bargain ? 0.09 : 0.05))
    {
      refund = Refund(
        day: day + 3 + random.below(12), item: item, quantity: quantity, unitCents: cents)
    }
  }

  private mutating func giveBack(
    _ parcel: Refund, _ here: Happening, into out: inout DayOfEvents
  ) {
    add(
      .refund, here, startOfVisit(), item: parcel.item, value: parcel.unitCents,
      quantity: parcel.quantity, to: &out.orders)
    refund = nil
  }

  /// A visit to the site; `clock` moves to its end.
  private mutating func visit(
    _ here: Happening, clock: inout Int32, calendar: ShopCalendar, buying: Int?,
    into out: inout DayOfEvents
  ) {
    let habits = type.habits
    let start = out.web.count
    let begin = clock
    add(.session, here, clock, to: &out.web)
    if random.chance(type == .loyal ? 0.55 : 0.38) {
      pass(5, 40, &clock)
      add(.login, here, clock, to: &out.web)
    }
    let roll = random.uniform() + (buying == nil ? 0 : 0.2)
    if roll < 0.12 {
      pass(3, 60, &clock)
      add(.pageView, here, clock, item: random.below(24), value: 2 + random.below(90), to: &out.web)
    } else if roll < 0.25 {
      pass(3, 40, &clock)
      add(
        .search, here, clock, item: Product.pick(favourite: favourite, with: &random), to: &out.web)
    } else if roll < 0.30 {
      pass(3, 40, &clock)
      add(
        .contentView, here, clock, item: random.below(60), value: 20 + random.below(400),
        to: &out.web)
    } else if roll < 0.34 {
      pass(3, 40, &clock)
      add(.featureUsage, here, clock, item: random.below(6), to: &out.web)
    } else if roll < 0.345 {
      pass(20, 90, &clock)
      add(.profileUpdate, here, clock, to: &out.web)
    }
    if random.chance(calendar.sales[Int(here.day)] ? 0.30 : 0.05) {
      pass(1, 20, &clock)
      let campaign = Int(here.day) / 7
      add(.campaignExposure, here, clock, item: campaign, to: &out.web)
      if random.chance(0.25) {
        pass(1, 10, &clock)
        add(.click, here, clock, item: campaign, to: &out.web)
      }
    }
    var seen = buying ?? Product.pick(favourite: favourite, with: &random)
    for index in 0..<(buying == nil ? random.poisson(habits.views) : 1) {
      if index > 0 && buying == nil { seen = Product.pick(favourite: favourite, with: &random) }
      pass(8, 110, &clock)
      add(.productView, here, clock, item: seen, value: 3 + random.below(120), to: &out.web)
    }
    if buying != nil || random.chance(habits.cart) {
      pass(5, 60, &clock)
      add(.cartAdd, here, clock, item: seen, quantity: 1, to: &out.web)
      if buying != nil || random.chance(0.3) {
        pass(10, 120, &clock)
        add(.checkoutStart, here, clock, to: &out.web)
      }
      if buying == nil { add(.cartAbandon, here, clock + 1800, item: seen, to: &out.web) }
    }
    pass(10, 100, &clock)
    out.web[start].value = clock - begin
  }

  private mutating func pass(_ least: Int, _ spread: Int, _ clock: inout Int32) {
    clock = min(clock + Int32(least + random.below(spread)), closing)
  }

  private mutating func contactSupport(_ here: Happening, into out: inout DayOfEvents) {
    let probability = souredToday ? 0.85 : (isSour ? 0.03 : 0.0008)
    guard random.chance(probability) else { return }
    let topic = isSour ? random.below(3) : 3 + random.below(3)
    add(
      .supportContact, here, 9 * 3600 + Int32(random.below(9 * 3600)), item: topic,
      to: &out.support)
  }

  /// A newsletter, perhaps opened and clicked later in the day.
  private mutating func receive(_ here: Happening, into out: inout DayOfEvents) {
    let campaign = Int(here.day)
    var clock = Int32(8 * 3600 + random.below(7200))
    add(.emailSent, here, clock, item: campaign, to: &out.email)
    guard random.chance(type.habits.opens * Leaving.opens.factor(openPower)) else { return }
    let delay = random.uniform()
    clock += Int32(60 + delay * delay * 46_000)
    add(.emailOpen, here, clock, item: campaign, to: &out.email)
    guard random.chance(0.22) else { return }
    add(.emailClick, here, clock + 8 + Int32(random.below(100)), item: campaign, to: &out.email)
  }
}
