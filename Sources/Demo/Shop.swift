import Foundation
import Schedules

/// The shop while it is generated: all customers, one day after another.
struct Shop {
  private let seed: UInt64
  private let calendar: ShopCalendar
  private let folder: OutputFolder
  private let dates: [[UInt8]]
  private var shoppers: [Shopper] = []
  private var events = 0
  private var today = DayOfEvents()
  private let writers: [SourceFile: SourceWriter]
  private var truth: TruthWriter
  private var files: [DemoSummary.File] = []

  /// Draws the customers and writes their profiles.
  init(customers: Int, seed: UInt64, calendar: ShopCalendar, folder url: URL) throws {
    self.seed = seed
    self.calendar = calendar
    folder = try OutputFolder(url)
    dates = (0..<calendar.count).map { Array((calendar.first + $0).description.utf8) }
    let folder = folder
    var writers: [SourceFile: SourceWriter] = [:]
    for file in SourceFile.allCases {
      writers[file] = try SourceWriter(file: file, out: folder.open(file.rawValue), seed: seed)
    }
    self.writers = writers
    truth = try TruthWriter(
      truth: ChurnTruth(horizon: Demo.churnHorizonDays, calendar: calendar),
      out: folder.open("truth/churn.csv"))
    try drawCustomers(customers)
  }

  private mutating func drawCustomers(_ count: Int) throws {
    let out = try folder.open("customers.csv")
    out.append("customer,signed_up_at,country,region,urban,birth_date,income,newsletter")
    try out.endRow()
    shoppers.reserveCapacity(count)
    var flaws: [Flaw: Int] = [:]
    for number in 0..<count {
      let profile = Profile(number: number, seed: seed, today: calendar.first)
      let shopper = Shopper(
        number: number, seed: seed, days: calendar.count, urban: profile.urban)
      shoppers.append(shopper)
      try write(profile, shopper, number, flaw: nil, to: out)
      if let flaw = profile.flaw {
        flaws[flaw, default: 0] += 1
        try write(profile, shopper, number, flaw: flaw, to: out)
      }
    }
    try out.flush()
    files.append(
      file("customers.csv", rows: count + flaws.values.reduce(0, +), out, flaws))
  }

  private func write(
    _ profile: Profile, _ shopper: Shopper, _ number: Int, flaw: Flaw?, to out: ByteBuffer
  ) throws {
    if flaw != .missingCustomer { CustomerKey.write(number, to: out) }
    out.append(",")
    out.append(Array((calendar.first + shopper.signedUp).description.utf8))
    out.append(" ")
    out.append(second: shopper.signUpSecond)
    out.append(Array(",\(profile.country),\(profile.region),".utf8))
    out.append(profile.urban ? "true," : "false,")
    if flaw == .badValue {
      out.append("1985-02-30")
    } else if let birth = profile.birth {
      out.append(Array(birth.description.utf8))
    }
    out.append(Array(",\(profile.income ?? ""),".utf8))
    let subscribes = shopper.subscribed.map { $0 < calendar.count } ?? false
    out.append(subscribes ? "true" : "false")
    try out.endRow()
  }

  /// Lives all days.
  mutating func run(progress: (DemoProgress) -> Void) throws {
    for day in 0..<calendar.count {
      try truth.beginDay(day, shoppers: shoppers)
      today.removeAll()
      for number in shoppers.indices {
        shoppers[number].live(day, number: number, calendar: calendar, into: &today)
      }
      for (file, path) in Self.paths {
        let happenings = today[keyPath: path]
        events += happenings.count
        try writers[file]?.write(happenings, day: day, dates: dates, offsets: calendar.offsets)
      }
      progress(DemoProgress(day: day + 1, days: calendar.count, events: events))
    }
    try truth.beginDay(calendar.count, shoppers: shoppers)
  }

  private static var paths: [(SourceFile, KeyPath<DayOfEvents, [Happening]>)] {
    [
      (.orders, \.orders), (.store, \.store), (.web, \.web), (.email, \.email),
      (.support, \.support),
    ]
  }

  /// Closes the files, puts them in their places and writes the recipe.
  mutating func finish() throws -> DemoSummary {
    for source in SourceFile.allCases {
      guard let writer = writers[source] else { continue }
      try writer.finish(dates: dates, offsets: calendar.offsets)
      files.append(file(source.rawValue, rows: writer.rows, writer.out, writer.flaws))
    }
    try truth.finish()
    files.append(file("truth/churn.csv", rows: truth.rows, truth.out, [:]))
    files.append(try writeHiddenTypes())
    let summary = DemoSummary(
      generator: Demo.version, customers: shoppers.count, days: calendar.count, seed: seed,
      firstDay: calendar.first, lastDay: calendar.first + (calendar.count - 1),
      zone: Demo.zoneName, events: events, files: files)
    try folder.finish(summary)
    return summary
  }

  private func writeHiddenTypes() throws -> DemoSummary.File {
    let out = try folder.open("truth/customers.csv")
    out.append("customer,type,signed_up,churn_onset,orders_per_1000_days")
    try out.endRow()
    for number in shoppers.indices {
      let shopper = shoppers[number]
      CustomerKey.write(number, to: out)
      out.append(Array(",\(shopper.type.rawValue),\(calendar.first + shopper.signedUp),".utf8))
      if let onset = shopper.onset {
        out.append(Array((calendar.first + onset).description.utf8))
      }
      out.append(",")
      out.append(Int((shopper.orderRate * 1000).rounded()))
      try out.endRow()
    }
    try out.flush()
    return file("truth/customers.csv", rows: shoppers.count, out, [:])
  }

  private func file(
    _ name: String, rows: Int, _ out: ByteBuffer, _ flaws: [Flaw: Int]
  ) -> DemoSummary.File {
    DemoSummary.File(
      name: name, rows: rows, bytes: out.total,
      flaws: Dictionary(uniqueKeysWithValues: flaws.map { ($0.key.rawValue, $0.value) }))
  }
}
