/// A reader of Prometheus' text format, written from its description alone, that refuses what the
/// description does not allow: the oracle of the writer.
struct PrometheusReading {
  struct Sample: Equatable {
    var name: String
    var labels: [String: String]
    var value: Double
  }

  struct Fault: Error, CustomStringConvertible {
    let description: String
  }

  var help: [String: String] = [:]
  var types: [String: String] = [:]
  var samples: [Sample] = []

  init(_ text: String) throws {
    guard text.isEmpty || text.hasSuffix("\n") else { throw Fault(description: "no end of line") }
    for line in text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: true) {
      let line = String(line)
      if line.hasPrefix("# HELP ") {
        let (name, rest) = try Self.word(line.dropFirst(7))
        guard help.updateValue(try Self.unescaped(rest, quotes: false), forKey: name) == nil else {
          throw Fault(description: "two HELP lines of \(name)")
        }
      } else if line.hasPrefix("# TYPE ") {
        let (name, rest) = try Self.word(line.dropFirst(7))
        guard ["counter", "gauge", "histogram"].contains(String(rest)),
          types.updateValue(String(rest), forKey: name) == nil,
          !samples.contains(where: { $0.name == name })
        else { throw Fault(description: "a TYPE line out of place: \(line)") }
      } else if line.hasPrefix("#") {
        continue
      } else {
        samples.append(try Self.sample(line))
      }
    }
    try checkHistograms()
  }

  func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
    samples.first { $0.name == name && $0.labels == labels }?.value
  }

  private static func word(_ text: Substring) throws -> (String, Substring) {
    guard let space = text.firstIndex(of: " ") else { throw Fault(description: "\(text)") }
    return (String(text[..<space]), text[text.index(after: space)...])
  }

  private static func unescaped(_ text: Substring, quotes: Bool) throws -> String {
    var result = ""
    var rest = text.unicodeScalars.makeIterator()
    while let scalar = rest.next() {
      guard scalar == "\\" else {
        result.unicodeScalars.append(scalar)
        continue
      }
      switch rest.next() {
      case "\\": result += "\\"
      case "n": result += "\n"
      case "\"" where quotes: result += "\""
      default: throw Fault(description: "a bad escape in \(text)")
      }
    }
    return result
  }

  private static func sample(_ line: String) throws -> Sample {
    var rest = Substring(line)
    let name = String(
      rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "_:".contains($0)) })
    guard let first = name.first, !first.isNumber else { throw Fault(description: line) }
    rest = rest.dropFirst(name.count)
    var labels: [String: String] = [:]
    if rest.first == "{" {
      rest = rest.dropFirst()
      while rest.first != "}" {
        let label = String(rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") })
        rest = rest.dropFirst(label.count)
        guard rest.hasPrefix("=\"") else { throw Fault(description: line) }
        rest = rest.dropFirst(2)
        var end = rest.startIndex
        while end < rest.endIndex, rest[end] != "\"" {
          if rest[end] == "\\" { end = rest.index(after: end) }
          guard end < rest.endIndex else { throw Fault(description: line) }
          end = rest.index(after: end)
        }
        guard end < rest.endIndex,
          labels.updateValue(try unescaped(rest[..<end], quotes: true), forKey: label) == nil
        else { throw Fault(description: line) }
        rest = rest[rest.index(after: end)...]
        if rest.first == "," { rest = rest.dropFirst() }
      }
      rest = rest.dropFirst()
    }
    guard rest.first == " " else { throw Fault(description: line) }
    let number = rest.dropFirst()
    let value: Double? =
      switch number {
      case "+Inf": .infinity
      case "-Inf": -.infinity
      case "NaN": .nan
      default: Double(number)
      }
    guard let value else { throw Fault(description: line) }
    return Sample(name: name, labels: labels, value: value)
  }

  /// Buckets rise to the count, and the last bound is infinite.
  private func checkHistograms() throws {
    for (name, type) in types where type == "histogram" {
      for count in samples where count.name == "\(name)_count" {
        let buckets = samples.filter { sample in
          guard sample.name == "\(name)_bucket" else { return false }
          var labels = sample.labels
          labels["le"] = nil
          return labels == count.labels
        }
        let bounds = buckets.map {
          $0.labels["le"] == "+Inf" ? .infinity : Double($0.labels["le"] ?? "")
        }
        guard
          zip(bounds, bounds.dropFirst()).allSatisfy({ pair in
            guard let low = pair.0, let high = pair.1 else { return false }
            return low < high
          }), zip(buckets, buckets.dropFirst()).allSatisfy({ $0.value <= $1.value }),
          bounds.last == .some(.infinity), buckets.last?.value == count.value,
          value("\(name)_sum", count.labels) != nil
        else { throw Fault(description: "the buckets of \(name) do not add up") }
      }
    }
  }
}
