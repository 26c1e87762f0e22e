import Foundation
import Schedules
import Testing

@testable import Reporting

/// Compares with a file of `Golden/`; STRATA_UPDATE_GOLDEN=1 writes the files anew.
func expectGolden(_ text: String, _ name: String) throws {
  let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Golden/\(name)")
  if ProcessInfo.processInfo.environment["STRATA_UPDATE_GOLDEN"] != nil {
    try Data(text.utf8).write(to: url)
  }
  let golden = String(decoding: try Data(contentsOf: url), as: UTF8.self)
  let found = text.split(separator: "\n", omittingEmptySubsequences: false)
  let expected = golden.split(separator: "\n", omittingEmptySubsequences: false)
  for (line, (left, right)) in zip(found, expected).enumerated() where left != right {
    Issue.record("\(name):\(line + 1): expected '\(right)', found '\(left)'")
    return
  }
  #expect(found.count == expected.count, "\(name)")
}

@Suite struct TextTests {
  @Test(arguments: [100, 60]) func textIsTheGoldenOne(width: Int) throws {
    try expectGolden(Sample.report.text(width: width), "report-\(width).txt")
  }

  @Test func textOfAnEmptyReportIsTheGoldenOne() throws {
    try expectGolden(Sample.empty.text(), "empty.txt")
  }

  @Test func jsonIsTheGoldenOneAndReadsBack() throws {
    let json = try Sample.report.json()
    try expectGolden(json + "\n", "report.json")
    #expect(try RunReport(json: json) == Sample.report)
    #expect(try RunReport(json: Sample.empty.json()) == Sample.empty)
  }

  @Test(arguments: [20, 60, 80, 100, 140, 200]) func linesFitTheTerminal(width: Int) {
    for line in Sample.report.text(width: width).split(separator: "\n") {
      #expect(columns(String(line)) <= max(width, 60), "\(line)")
      #expect(!line.hasSuffix(" "), "\(line)|")
    }
  }

  @Test func colourChangesNothingButColour() throws {
    let plain = Sample.report.text(width: 100)
    #expect(!plain.contains("\u{1B}"))
    let painted = Sample.report.text(width: 100, color: true)
    #expect(painted.contains("\u{1B}["))
    #expect(painted.replacing(try Regex("\u{1B}\\[[0-9]*m"), with: "") == plain)
  }

  @Test func outsideTextCannotSteerTheTerminal() {
    var report = Sample.report
    let nasty = "\u{1B}[2J\u{9B}31mred\u{7}\r\nnext\0"
    report.project = nasty
    report.segments[0].title = nasty
    report.tasks[0].name = nasty
    report.tasks[0].summary = nasty
    report.loads[1].reasons[0].reason = nasty
    report.warnings = [Notice(nasty, hint: nasty, task: nasty, code: nasty)]
    report.nextSteps = [NextStep(nasty, nasty)]
    report.models[0].name = nasty
    let scalars = report.text().unicodeScalars
    #expect(!scalars.contains { ($0.value < 32 && $0 != "\n") || (127...159).contains($0.value) })
  }

  @Test func wideCharactersTakeTwoColumns() {
    #expect(columns("日本") == 4)
    #expect(columns("é") == 1)
    #expect(cut("日本語", to: 5) == "日本…")
    #expect(cut("loyal", to: 5) == "loyal")
    #expect(cut("loyal", to: 3) == "lo…")
    #expect(wrapped("one two three", to: 7) == ["one two", "three"])
  }
}

@Suite struct FiguresTests {
  @Test(arguments: [
    (0, "0"), (7, "7"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"),
    (-1234, "−1,234"), (Int.min, "−9,223,372,036,854,775,808"),
  ])
  func counts(value: Int, text: String) { #expect(Figures.count(value) == text) }

  @Test(arguments: [
    (0.0, "0 ms"), (0.0004, "0 ms"), (0.64, "640 ms"), (0.9996, "1.0 s"), (12.34, "12.3 s"),
    (59.94, "59.9 s"), (59.96, "1 min 00 s"), (245.4, "4 min 05 s"), (3725, "1 h 02 min"),
  ])
  func durations(value: Double, text: String) { #expect(Figures.duration(value) == text) }

  @Test(arguments: [
    (0.0, "0.0 %"), (0.0004, "<0.1 %"), (0.093, "9.3 %"), (1.0, "100.0 %"), (-0.5, "−50.0 %"),
  ])
  func percentages(value: Double, text: String) { #expect(Figures.percent(value) == text) }

  @Test(arguments: [
    (0.0, "0"), (950, "950"), (1500, "1.5k"), (999_949, "999.9k"), (999_950, "1M"),
    (0.25, "0.25"), (-1500, "−1.5k"),
  ])
  func compactNumbers(value: Double, text: String) { #expect(Figures.compact(value) == text) }

  @Test(arguments: [
    ("9747747.934", "9,747,747.934"), ("-12300.5000", "−12,300.5000"), ("-0.5", "−0.5"),
    ("0", "0"), ("n/a", "n/a"),
  ])
  func decimalTexts(value: String, text: String) { #expect(Figures.decimalText(value) == text) }

  @Test(arguments: [
    ("140731.56", "138717.88", "1241.42", "772.26"), ("10", "7.5", "2.5", nil),
    ("-1.00", "2", "0.5", "-3.50"), ("1", "n/a", "0", nil), ("0.01", "0", "0", "0.01"),
    ("12", "5", "3", "4"),
  ])
  func remainders(all: String, accepted: String, rejected: String, rest: String?) {
    #expect(Figures.remainder(of: all, accepted, rejected) == rest)
  }

  @Test func infiniteNumbersAreADash() {
    #expect(Figures.decimals(.nan, 2) == "–")
    #expect(Figures.decimals(.infinity, 2) == "–")
  }

  @Test func intervalsThatAreNoLocalDayAreSpelledOut() {
    #expect(Sample.report.run.intervalText == "2025-02-03 (Europe/Lisbon)")
    #expect(Sample.empty.run.intervalText == "2025-02-03 02:00 to 2025-02-04 02:00 (UTC)")
  }

  @Test func sparklinesShowTheLastDays() {
    #expect(Sparkline.text([1, 2, 3]) == "▁▄█")
    #expect(Sparkline.text([1, nil, 3]) == "▁ █")
    #expect(Sparkline.text([5, 5]) == "▄▄")
    #expect(Sparkline.text([5]).isEmpty)
    #expect(Sparkline.text(Array(0..<40)).count == 14)
  }
}
