import Foundation
import Schedules

/// The synthetic shop: customers with hidden types and churn, and the files their life leaves.
///
/// The same recipe gives the same bytes on every machine: all draws come from SplitMix64 streams
/// per customer and per file, and all real arithmetic is IEEE 754 addition, multiplication,
/// division and rounding in a fixed order, without a C library's `exp` or `log`. Offsets of local
/// times come from the system's zone data; those of the default days have been fixed since 1996.
public enum Demo {
  /// The version of the generator: it rises when the same recipe gives other bytes.
  public static let version = 1
  /// The zone of the shop.
  public static let zoneName = "Europe/Lisbon"
  /// How many days the true churn probability and its label look ahead.
  public static let churnHorizonDays = 60
  /// The last day of the default recipe, 2025-02-03.
  public static let defaultLastDay = Day(number: 20_122)

  /// Writes a shop into a folder; existing files of the same names are replaced.
  ///
  /// Files: `customers.csv`, `orders.csv`, `store.csv`, `web.ndjson`, `email.csv`, `support.csv`,
  /// the hidden truth in `truth/customers.csv` and `truth/churn.csv`, and last `recipe.json`.
  /// Memory grows with the customers (about 300 bytes each) and not with the days.
  ///
  /// - Parameters:
  ///   - customers: 1 to 9,999,999.
  ///   - days: 1 to 3,650 local days, the last of them `lastDay`.
  ///   - folder: made where it is missing.
  ///   - progress: called after each day.
  /// - Throws: ``DemoError`` `demo.bad_recipe`, or `demo.write_failed` where the disk refuses.
  @discardableResult
  public static func generate(
    customers: Int = 20_000, days: Int = 400, seed: UInt64 = 1,
    lastDay: Day = defaultLastDay, into folder: URL,
    progress: (DemoProgress) -> Void = { _ in }
  ) throws -> DemoSummary {
    guard (1...9_999_999).contains(customers), (1...3650).contains(days) else {
      throw DemoError(
        code: "demo.bad_recipe",
        message: "expected 1 to 9,999,999 customers and 1 to 3,650 days, "
          + "found \(customers) customers and \(days) days",
        hint: "the default is 20,000 customers over 400 days")
    }
    do {
      let calendar = ShopCalendar(
        last: lastDay, count: days, horizon: churnHorizonDays, zone: try Zone(zoneName))
      var shop = try Shop(customers: customers, seed: seed, calendar: calendar, folder: folder)
      try shop.run(progress: progress)
      return try shop.finish()
    } catch let error as DemoError {
      throw error
    } catch {
      throw DemoError(
        code: "demo.write_failed",
        message: "the shop cannot be written to \(folder.path): \(error)",
        hint: "look at the folder's permissions and at the free space")
    }
  }

  /// The shop that stands complete in a folder; nil where there is none or one of another generator.
  public static func summary(in folder: URL) -> DemoSummary? {
    let url = folder.appendingPathComponent(recipeName)
    guard let data = try? Data(contentsOf: url),
      let summary = try? JSONDecoder().decode(DemoSummary.self, from: data),
      summary.generator == version
    else { return nil }
    return summary
  }

  static let recipeName = "recipe.json"
}
