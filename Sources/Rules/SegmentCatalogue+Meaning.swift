import Crypto

extension SegmentCatalogue {
  /// A hash of each segment's rule, of what its attributes mean, and of the rules that it refers to: where
  /// it is the same over the same facts, so are the members.
  ///
  /// - Parameter attribute: what the values of an attribute mean, in a normal form.
  public func meanings(_ attribute: (Attribute) throws -> String) rethrows -> [String: String] {
    let past = try priorNeeds.map { needs in
      needs.meaning(
        of: self,
        attributes: try restricted(to: needs.segments).attributes.map {
          "\($0.name) \(try attribute($0))"
        })
    }
    var found: [String: String] = [:]
    // Each segment follows those it refers to.
    for name in evaluationOrder {
      guard let segment = segment(named: name) else { continue }
      var lines = [RuleText.quoted(name), segment.rule.version]
      lines += try segment.attributes.map { "attribute \($0.name) \(try attribute($0))" }
      lines += segment.dependencies.map { "segment \(found[$0] ?? "")" }
      let rule = segment.rule.expression
      if rule.hasHysteresis || !rule.pastReferences.isEmpty { lines.append("past \(past ?? "")") }
      found[name] = RuleText.hash(lines.joined(separator: "\n"))
    }
    return found
  }

  /// The names of segments and of all that their rules refer to.
  public func closure(of names: some Sequence<String>) -> [String] {
    var needed: Set<String> = []
    var open = Array(names)
    while let name = open.popLast() {
      guard needed.insert(name).inserted, let segment = segment(named: name) else { continue }
      open += segment.dependencies
    }
    return evaluationOrder.filter(needed.contains)
  }
}

extension RuleText {
  /// SHA-256 in 64 hexadecimal digits.
  static func hash(_ text: String) -> String {
    SHA256.hash(data: Array(text.utf8)).map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }
}
