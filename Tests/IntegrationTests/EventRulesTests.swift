import FeatureStore
import Features
import Foundation
import Rules
import Schedules
import Tasks
import TestSupport
import Testing

/// Conditions over events as they are written: one tree behind strings and maps, and every fault
/// with its place.
@Suite struct EventRulesTests {
  private let attributes = Result {
    FeatureAttributes(
      try FeatureCatalogue(
        yaml: """
          version: 1
          features:
            - {name: orders, count: purchase, window: 30 days}
            - {name: stopped, count: login, window: 30 days}
            - {name: did, count: login, window: 7 days}
          """))
  }

  private func rule(_ text: String) throws -> Rule {
    try Rule(parsing: text, attributes: attributes.get())
  }

  private func catalogue(_ rule: String) throws -> Rule {
    let text = "segments:\n  - name: s\n    rule: \(rule)\n"
    let parsed = try SegmentCatalogue.parse(text, file: "s.yaml", attributes: attributes.get())
    return try #require(parsed.segments.first).rule
  }

  @Test(arguments: [
    ("did purchase", "did purchase >= 1 in lifetime"),
    ("did purchase in 30 days", "did purchase >= 1 in 30 days"),
    ("did purchase >= 2 in 30 days", "did purchase >= 2 in 30 days"),
    ("did purchase in the last 2 weeks > 3", "did purchase > 3 in 14 days"),
    ("did purchase within 48 hours", "did purchase >= 1 in 48 hours"),
    ("did purchase in 90 minutes", "did purchase >= 1 in 90 minutes"),
    ("did_not purchase in 30 days", "did_not purchase in 30 days"),
    ("did not purchase in 1 month", "did_not purchase in 1 month"),
    ("did purchase = 0 in 30 days", "did_not purchase in 30 days"),
    ("did refund or purchase in 1 day", "did purchase or refund >= 1 in 1 day"),
    ("did [refund, purchase] in 1 day", "did purchase or refund >= 1 in 1 day"),
    (
      "did purchase (item = b and amount > 5.50) in previous 30 days",
      "did purchase ((amount > 5.5) and (item = 'b')) >= 1 in previous 30 days"
    ),
    (
      "did purchase >= 2 in 30 days where item in [b, a]",
      "did purchase (item in ['a', 'b']) >= 2 in 30 days"
    ),
    (
      "did product_view > 3 same item in 1 week", "did product_view same item > 3 in 7 days"
    ),
    (
      "sequence product_view then cart_add within 10 minutes same item in 7 days",
      "sequence product_view then cart_add within 10 minutes same item >= 1 in 7 days"
    ),
    (
      "sequence cart_add then not purchase (amount > 1) within 48 hours in 30 days",
      "sequence cart_add then not purchase (amount > 1) within 2 days >= 1 in 30 days"
    ),
    ("regularly purchase in 3 of 4 weeks", "regularly purchase >= 3 of 4 periods of 7 days"),
    (
      "first_time purchase in 30 days",
      "all(did purchase >= 1 in 30 days, did_not purchase before 30 days)"
    ),
    (
      "stopped login in 1 week",
      "all(did login >= 1 in previous 7 days, did_not login in 7 days)"
    ),
    (
      "restarted purchase in 60 days",
      "all(did purchase >= 1 before previous 60 days, did purchase >= 1 in 60 days, "
        + "did_not purchase in previous 60 days)"
    ),
    (
      "did_not purchase (amount > 5) in 30 days customers_since 90 days",
      "all(did purchase >= 1 before 90 days, did_not purchase (amount > 5) in 30 days)"
    ),
    // Attributes that are named like what begins a condition over events.
    ("stopped > 3", "stopped > 3"), ("did in [1, 2]", "did in [1, 2]"),
    ("did is_missing", "did is_missing"), ("stopped between 1 and 2", "stopped between 1 and 2"),
  ])
  func normalForms(_ written: String, _ normal: String) throws {
    #expect(try rule(written).expression.normalised.description == normal)
  }

  /// The same condition as a string and as a map: one version.
  @Test(arguments: [
    (
      "did purchase (amount > 100) >= 2 in 30 days",
      "{did: purchase, where: amount > 100, count: 2, in: 30 days}"
    ),
    ("did_not purchase or refund in 30 days", "{did_not: [refund, purchase], in: 30 days}"),
    (
      "did product_view > 3 same item in 7 days",
      #"{"did": "product_view", "count": "> 3", "same": "item", "in": "1 week"}"#
    ),
    (
      "sequence product_view then cart_add (quantity > 1) within 10 minutes same item in 7 days",
      "{sequence: [product_view, {event: cart_add, where: quantity > 1, within: 10 minutes}],"
        + " same: item, in: 7 days}"
    ),
    (
      "sequence cart_add then not purchase within 2 days in 30 days",
      "{sequence: [cart_add, not purchase within 48 hours], in: 30 days}"
    ),
    ("regularly purchase in 3 of 4 months", "{regularly: purchase, in: 3 of 4 months}"),
    ("stopped login in 30 days", "{stopped: login, in: 30 days}"),
    (
      "did_not purchase in 30 days customers_since lifetime",
      "{did_not: purchase, in: 30 days, customers_since: lifetime}"
    ),
    ("did purchase before 30 days", "{did: purchase, before: 30 days}"),
  ])
  func mapsAndStringsAreOne(_ string: String, _ map: String) throws {
    let versions = [try rule(string).version, try catalogue(map).version]
    #expect(versions[0] == versions[1])
    #expect(
      try catalogue("{all: [\(map), \"orders > 1\"]}").version
        == rule("{all: [\"orders > 1\", '\(string.replacingOccurrences(of: "'", with: "''"))']}")
        .version)
  }

  /// Each fault at its own place, with what to do; rules begin at column 11.
  @Test(arguments: [
    (
      "did purchas in 30 days",
      "s.yaml:3:15: segment 's': expected an event kind, found 'purchas'; did you mean "
        + "'purchase'? [rules.unknown_event]"
    ),
    (
      "did purchase (amout > 5) in 30 days",
      "s.yaml:3:25: segment 's': expected one of item, quantity, amount, properties.NAME, found "
        + "'amout'; did you mean 'amount'? [rules.bad_filter]"
    ),
    (
      "did purchase (amount > 5 and quantity = 'x') in 30 days",
      "s.yaml:3:51: segment 's': expected a number to compare quantity with, found 'x' "
        + "[rules.bad_filter]"
    ),
    (
      "did purchase in 30 dayz",
      "s.yaml:3:27: segment 's': expected days, weeks or months, found 'dayz'; did you mean "
        + "'day'? [rules.bad_window]"
    ),
    (
      "did purchase same sku in 30 days",
      "s.yaml:3:29: segment 's': expected the field item or properties.NAME, found 'sku'; write "
        + "item or properties.sku [rules.unknown_field]"
    ),
    (
      "did purchase < 0 in 30 days",
      "s.yaml:3:11: segment 's': no customer can fulfil 'did purchase < 0 in 30 days': did "
        + "purchase in 30 days (a count) never has such a value [rules.impossible]"
    ),
    (
      "did purchase >= 0 in 30 days",
      "s.yaml:3:11: segment 's': every customer fulfils 'did purchase >= 0 in 30 days'; write a "
        + "number from 1 [rules.everyone]"
    ),
    (
      "sequence cart_add then purchase in 30 days",
      "s.yaml:3:34: segment 's': expected a time after the step before, found none; write then "
        + "purchase within 10 minutes [rules.bad_sequence]"
    ),
    (
      "sequence cart_add then purchase within 10 moments in 30 days",
      "s.yaml:3:50: segment 's': expected a time such as 10 minutes, found '10 moments'; a number "
        + "and seconds, minutes, hours, days or weeks [rules.bad_gap]"
    ),
    (
      "sequence cart_add in 30 days",
      "s.yaml:3:11: segment 's': expected a sequence of at least two steps, found 1; write "
        + "sequence product_view then cart_add within 10 minutes in 7 days [rules.events]"
    ),
    (
      "first_time purchase",
      "s.yaml:3:11: segment 's': expected a window with 'first_time', found none; write "
        + "first_time purchase in 30 days [rules.events]"
    ),
    (
      "did purchase in 30 days and more",
      "s.yaml:3:35: segment 's': expected the end of the condition, found 'and'; a string holds "
        + "one condition; write all: [ …, … ] or any: [ …, … ] [rules.syntax]"
    ),
    (
      "did purchase in 200 years",
      "s.yaml:3:27: segment 's': expected days, weeks or months, found 'years' "
        + "[rules.bad_window]"
    ),
    (
      "{did: purchase, wehre: amount > 5}",
      "s.yaml:3:27: segment 's': expected a key of 'did', found 'wehre'; did you mean 'where'? "
        + "[rules.unknown_key]"
    ),
    (
      "{all: [did purchase in 3 days, did_not purchase in 3 days]}",
      "s.yaml:3:42: segment 's': no customer can fulfil both 'did purchase >= 1 in 3 days' and "
        + "'did_not purchase in 3 days'; one of them never holds where the other does; use any, or "
        + "change a bound [rules.contradiction]"
    ),
  ])
  func faults(_ written: String, _ message: String) throws {
    do {
      _ = try catalogue(written)
      Issue.record("expected a fault of \(written)")
    } catch let errors as RuleErrors {
      #expect(errors.description == message)
    }
  }

  /// Text that is no condition is refused, whatever it is, and never read as another.
  @Test(arguments: [
    "did", "did ''", "did purchase in", "did purchase >= in 30 days", "did (amount > 5)",
    "did purchase (amount > 5", "did [purchase in 30 days", "did purchase in -30 days",
    "did purchase in 99999999999999999999 days", "did purchase between 2 in 30 days",
    "sequence not purchase then cart_add within 1 day", "sequence then then then",
    "regularly purchase in 0 of 3 weeks", "regularly purchase in 4 of 61 weeks",
    "regularly purchase in 4 of 3 weeks", "regularly purchase in 3 weeks",
    "stopped purchase in lifetime", "did purchase before lifetime",
    "did purchase (amount > 5) (amount > 6) in 3 days", "did purchase in 3 days in 4 days",
    "did purchase same item before 30 days", "did_not purchase > 2 in 30 days",
    "did purchase customers_since 30 days", "did purchase (item = 'a\0b') in 3 days",
    "sequence cart_add then purchase within 35000000 weeks in 3 days",
    "sequence cart_add then purchase within 9223372036854775807 weeks in 3 days",
    "did purchase in 9223372036854775807 weeks",
    "regularly purchase in 1 of 9223372036854775807 weeks",
    "regularly purchase in 1 of 60 lifetimes", "regularly purchase in 2 of 60 months of",
  ])
  func nonsenseIsRefused(_ written: String) throws {
    #expect(throws: RuleErrors.self) { try rule(written) }
  }

  /// Rules made of the words of this language in any order, and of anything else, are read or refused.
  @Test func anythingIsReadOrRefused() throws {
    let words = [
      "did", "did_not", "sequence", "regularly", "stopped", "first_time", "purchase", "cart_add",
      "(",
      ")", "(amount > 5)", "where", "in", "30", "days", "48 hours", "lifetime", "previous",
      "before",
      "then", "not", "within", "10 minutes", "same", "item", ">=", "2", "between", "and", "or", "[",
      "]", ",", "'", "\"", "of", "periods", "customers_since", "properties.'x", "é", "e\u{301}",
      "🛒",
      "\u{202E}", "\0", "--", "$1", ";", "%", "\\",
    ]
    var random = SplitMix64(seed: 11)
    let attributes = try attributes.get()
    var readings = 0
    for round in 0..<1500 {
      let beginnings = ["did purchase", "did", "regularly", "stopped login", "did_not purchase"]
      var text = beginnings[round % beginnings.count]
      for _ in 0..<Int.random(in: 0...7, using: &random) {
        text += " " + words[Int.random(in: 0..<words.count, using: &random)]
      }
      do {
        let rule = try Rule(parsing: text, attributes: attributes)
        readings += 1
        #expect(rule.attributes.allSatisfy { $0.question != nil || $0.name == "did" })
      } catch {
        #expect(!error.errors.isEmpty)
      }
    }
    #expect(readings >= 20, "\(readings)")
  }

  /// What models' rules ask is answered, too.
  @Test func modelsMayAsk() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "strata-events-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for (name, text) in [
      ("project.yaml", "name: shop\nzone: UTC\ncurrency: EUR\n"),
      (
        "features.yaml",
        "version: 1\nfeatures:\n  - {name: orders, count: purchase, window: 30 days}\n"
      ),
      (
        "models.yaml",
        """
        version: 1
        models:
          - name: churn
            learner: gradient_boosting
            population: did purchase (amount > 10) in 180 days
            label: did_not purchase in 60 days
            horizon: 60 days
            features: [orders]
        """
      ),
    ] {
      try text.write(to: folder.appendingPathComponent(name), atomically: true, encoding: .utf8)
    }
    let catalogues = Catalogues(project: try Project(directory: folder))
    let features = try catalogues.features()
    #expect(features.features.filter(\.isHidden).count == 2)
    let model = try #require(try catalogues.models(features: features)?.models.first)
    #expect(model.reads.allSatisfy { features.feature(named: $0) != nil })
    #expect(model.reads.count == 3)
  }

  /// What a project's rules ask is in its features on every road, and in no listing of them.
  @Test func projectsHaveTheHiddenFeatures() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "strata-events-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    func write(_ name: String, _ text: String) throws {
      try text.write(to: folder.appendingPathComponent(name), atomically: true, encoding: .utf8)
    }
    try write("project.yaml", "name: shop\nzone: UTC\ncurrency: EUR\n")
    try write(
      "features.yaml",
      "version: 1\nfeatures:\n  - {name: orders, count: purchase, window: 30 days}\n")
    try write(
      "segments.yaml",
      """
      segments:
        - {name: a, rule: did purchase >= 2 in 48 hours}
        - {name: b, rule: {all: [did purchase < 9 in 48 hours, stopped login in 30 days]}}
        - {name: c, rule: sequence cart_add then not purchase within 5 minutes in 1 day}
        - {name: faulty, rule: did purchas in 30 days}
      """)
    let catalogues = Catalogues(project: try Project(directory: folder))
    let features = try catalogues.features()
    #expect(features.declared.map(\.name) == ["orders"])
    let hidden = features.features.filter(\.isHidden)
    #expect(hidden.count == 4)
    #expect(features.expiries == [300_000_000, 172_800_000_000])
    #expect(FeatureAttributes(features).attributeNames == ["orders"])
    #expect(hidden.allSatisfy { FeatureAttributes(features).attribute(named: $0.name) == nil })
    #expect(throws: RuleErrors.self) { try catalogues.segments(features: features) }

    try write("segments.yaml", "segments:\n  - {name: a, rule: did purchase in 48 hours}\n")
    try write("other_segments.json", #"[{"name": "b", "rule": "did login in 2 days"}]"#)
    let more = try catalogues.features()
    #expect(more.features.count == 3)
    let other = try catalogues.segments("other_segments.json", features: more)
    let plan = try catalogues.readers(of: more)
    #expect(
      plan.map(\.features) == [
        [try #require(hidden.first { $0.window == Window(.minutes(2880)) }).name]
      ])
    #expect(other.segments.map(\.name) == ["b"])
    // A file that the features do not see cannot ask.
    try write("rules.yaml", "segments:\n  - {name: b, rule: did refund in 2 days}\n")
    #expect(throws: TaskError.self) { try catalogues.segments("rules.yaml", features: more) }
  }
}
