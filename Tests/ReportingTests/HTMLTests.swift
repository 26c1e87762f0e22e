import Foundation
import Schedules
import TestSupport
import Testing

@testable import Reporting

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// What an XML parser finds in a page.
private final class PageReader: NSObject, XMLParserDelegate {
  var elements: [(name: String, attributes: [String: String])] = []
  var text = ""

  static func read(_ html: String) throws -> PageReader {
    let reader = PageReader()
    let parser = XMLParser(data: Data(html.utf8))
    parser.delegate = reader
    let isWellFormed = parser.parse()
    #expect(
      isWellFormed, "line \(parser.lineNumber): \(parser.parserError.map { "\($0)" } ?? "?")")
    return reader
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
    qualifiedName: String?, attributes: [String: String] = [:]
  ) {
    elements.append((name, attributes))
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
}

@Suite struct HTMLTests {
  @Test func thePageIsWellFormedAndSelfContained() throws {
    let html = Sample.report.html()
    let page = try PageReader.read(html)
    let names = Set(page.elements.map(\.name))
    for name in ["script", "link", "img", "iframe", "object", "image", "use"] {
      #expect(!names.contains(name), "\(name)")
    }
    for element in page.elements {
      #expect(element.attributes["src"] == nil && element.attributes["href"] == nil)
      #expect(!element.attributes.keys.contains { $0.hasPrefix("on") })
    }
    #expect(!html.contains("url(") && !html.contains("@import"))
    #expect(names.isSuperset(of: ["svg", "table", "polyline", "rect", "circle", "details"]))
  }

  @Test func drawingsHaveTitlesAndTablesHeads() throws {
    let page = try PageReader.read(Sample.report.html())
    for svg in page.elements where svg.name == "svg" {
      #expect(svg.attributes["role"] == "img")
      #expect(svg.attributes["aria-label"]?.isEmpty == false)
    }
    for table in page.elements where table.name == "table" {
      #expect(table.attributes["aria-label"]?.isEmpty == false)
    }
    #expect(page.elements.contains { $0.name == "th" && $0.attributes["scope"] == "col" })
    #expect(page.elements.first { $0.name == "html" }?.attributes["lang"] == "en")
    #expect(page.elements.contains { $0.attributes["name"] == "viewport" })
  }

  @Test func outsideTextIsEscapedEverywhere() throws {
    let nasty = "</title><script>alert(1)</script>&\"' ]]> \u{0}\u{1B}\u{FFFF}"
    var report = Sample.report
    report.project = nasty
    report.run.dag = nasty
    report.run.zone = nasty
    report.run.cause = nasty
    report.tasks = report.tasks.map { task in
      TaskFacts(
        name: nasty, kind: nasty, state: task.state, attempts: task.attempts, summary: nasty)
    }
    report.loads[0].source = nasty
    report.loads[0].reasons = [.init(nasty, column: nasty, rows: 1)]
    report.loads[0].totals = [.init(name: nasty, accepted: nasty, rejected: nasty, all: nasty)]
    report.features?.mode = nasty
    report.models[0].name = nasty
    report.models[0].learner = nasty
    report.models[0].importance = [.init(nasty, 0.5)]
    report.segments[0].title = nasty
    report.segments[0].causes = [.init(nasty, entered: 1, left: 1)]
    report.warnings = [Notice(nasty, hint: nasty, task: nasty, code: nasty)]
    report.nextSteps = [NextStep(nasty, nasty)]
    let html = report.html()
    let page = try PageReader.read(html)
    #expect(!page.elements.contains { $0.name == "script" })
    #expect(!html.contains("<script"))
    #expect(page.text.contains("</title><script>alert(1)</script>&\"' ]]>"))
  }

  @Test func anEmptyReportIsAPageToo() throws {
    let page = try PageReader.read(Sample.empty.html())
    #expect(page.text.contains("failed"))
    #expect(!page.elements.contains { $0.name == "table" })
  }

  @Test func oneDayOfSizesIsNotDrawn() throws {
    var report = Sample.report
    report.sizes = SizeHistory(
      days: [Day(number: 20_122)], series: [.init(segment: "loyal", members: [488])])
    let page = try PageReader.read(report.html())
    #expect(page.text.contains("first published day (2025-02-03)"))
  }

  /// Whatever the numbers, every coordinate is a number and lies inside its drawing.
  @Test(arguments: 0..<60) func chartsStayInsideTheirFrames(seed: Int) throws {
    var random = SplitMix64(seed: UInt64(seed))
    func number() -> Double {
      let magnitudes: [Double] = [0, 1e-9, 1e-3, 1, 17, 4000, 2.5e6, 1e12]
      let magnitude = magnitudes.randomElement(using: &random) ?? 1
      return magnitude * Double.random(in: 0...1, using: &random)
    }
    var points: [(x: Double, y: Double?)] = []
    for x in 0..<Int.random(in: 1...40, using: &random) {
      points.append((Double(x), Int.random(in: 0..<6, using: &random) == 0 ? nil : number()))
    }
    let last = Double(points.count - 1)
    let chart = LineChart(
      title: "t",
      lines: [
        .init(label: "12,345", color: "a", points: points),
        .init(label: "same", color: "b", points: points),
      ],
      vertical: Axis(points.compactMap(\.y), floor: seed % 2 == 0 ? 0 : nil), range: 0...last,
      marks: [(0, "2025-01-05"), (last, "2025-02-03")], rule: (last / 2, "best: round 12"),
      hasDots: seed % 3 == 0, horizontalTitle: "round", height: 200)
    let page = try PageReader.read(chart.markup.source)
    var labels: [Double] = []
    for element in page.elements where element.name != "svg" && element.name != "title" {
      for key in ["x", "x1", "x2", "cx"] {
        guard let text = element.attributes[key] else { continue }
        let value = try #require(Double(text), "\(key)=\(text)")
        #expect(value >= 0 && value <= 360, "\(key)=\(text)")
      }
      for key in ["y", "y1", "y2", "cy"] {
        guard let text = element.attributes[key] else { continue }
        let value = try #require(Double(text), "\(key)=\(text)")
        #expect(value >= 0 && value <= 200, "\(key)=\(text)")
      }
      if element.attributes["class"]?.hasPrefix("label") == true {
        labels.append(Double(element.attributes["y"] ?? "") ?? 0)
      }
    }
    if labels.count == 2 { #expect(abs(labels[0] - labels[1]) >= 12.5) }
  }

  @Test(arguments: 0..<200) func axesHoldTheirValuesWithDistinctLabels(seed: Int) {
    var random = SplitMix64(seed: UInt64(seed) &+ 1000)
    let scales: [Double] = [1e-4, 0.02, 1, 30, 900, 12_345, 4e7]
    let scale = scales.randomElement(using: &random) ?? 1
    let offset = Bool.random(using: &random) ? scale * 50 : 0
    let values = (0..<Int.random(in: 1...30, using: &random)).map { _ in
      offset + scale * Double.random(in: 0...1, using: &random)
    }
    let axis = Axis(values, floor: 0)
    #expect(axis.low >= 0)
    #expect(values.allSatisfy { $0 >= axis.low - 1e-9 && $0 <= axis.high + 1e-9 })
    #expect((2...9).contains(axis.ticks.count))
    #expect(Set(axis.labels).count == axis.ticks.count, "\(axis.labels)")
  }

  @Test func timelinesCoverAllAttempts() {
    let timeline = Timeline(tasks: Sample.tasks, start: Sample.instant(0))
    #expect(timeline.seconds == 22.9)
    for attempt in Sample.tasks.flatMap(\.attempts) {
      let (from, to) = timeline.span(of: attempt)
      #expect(from >= 0 && from <= to && to <= 1)
    }
    #expect(timeline.bar(of: Sample.tasks[0], cells: 20).count <= 20)
    let nothing = Timeline(tasks: [], start: Sample.instant(0))
    #expect(nothing.seconds == 0)
  }
}
