import Rules

/// A pattern as the naive matcher sees it: it tries every way.
indirect enum PlainPattern: Equatable {
  case one(Unicode.Scalar)
  case any
  case oneOf([ClosedRange<Unicode.Scalar>], isNegated: Bool)
  case sequence([PlainPattern])
  case choice([PlainPattern])
  case repeated(PlainPattern, Int, Int?)
  case start
  case end

  /// Whether a part of a text is as the pattern says.
  func isFound(in text: [Unicode.Scalar]) -> Bool {
    (0...text.count).contains { !ends(text, $0).isEmpty }
  }

  /// Where a match that begins at a place may end.
  private func ends(_ text: [Unicode.Scalar], _ place: Int) -> Set<Int> {
    func step(_ holds: (Unicode.Scalar) -> Bool) -> Set<Int> {
      place < text.count && holds(text[place]) ? [place + 1] : []
    }
    switch self {
    case .one(let scalar): return step { $0 == scalar }
    case .any: return step { _ in true }
    case .oneOf(let ranges, let isNegated):
      return step { scalar in ranges.contains { $0.contains(scalar) } != isNegated }
    case .sequence(let parts):
      return parts.reduce([place]) { places, part in
        places.reduce(into: []) { $0.formUnion(part.ends(text, $1)) }
      }
    case .choice(let parts): return parts.reduce(into: []) { $0.formUnion($1.ends(text, place)) }
    case .repeated(let part, let least, let most):
      var found: Set<Int> = least == 0 ? [place] : []
      var places: Set<Int> = [place]
      for count in 1...(most ?? text.count + least + 1) where count <= most ?? .max {
        places = places.reduce(into: []) { $0.formUnion(part.ends(text, $1)) }
        if count >= least { found.formUnion(places) }
        if places.isEmpty { break }
      }
      return found
    case .start: return place == 0 ? [place] : []
    case .end: return place == text.count ? [place] : []
    }
  }

  var lowercased: PlainPattern {
    switch self {
    case .one(let scalar):
      let lower = scalar.properties.lowercaseMapping.unicodeScalars
      return .one(lower.count == 1 ? lower.first ?? scalar : scalar)
    case .oneOf(let ranges, let isNegated):
      var folded = ranges
      for range in ranges {
        for value in range.lowerBound.value...range.upperBound.value {
          guard let scalar = Unicode.Scalar(value) else { continue }
          let lower = scalar.properties.lowercaseMapping.unicodeScalars
          if lower.count == 1, let only = lower.first { folded.append(only...only) }
        }
      }
      return .oneOf(folded, isNegated: isNegated)
    case .sequence(let parts): return .sequence(parts.map(\.lowercased))
    case .choice(let parts): return .choice(parts.map(\.lowercased))
    case .repeated(let part, let least, let most):
      return .repeated(part.lowercased, least, most)
    case .any, .start, .end: return self
    }
  }

  /// The pattern as it is written.
  var text: String {
    func escaped(_ scalar: Unicode.Scalar) -> String {
      "\\.[](){}*+?|^$-'\"/ ".unicodeScalars.contains(scalar) && scalar != " " && scalar != "'"
        ? "\\" + String(Character(scalar)) : String(Character(scalar))
    }
    func grouped(_ part: PlainPattern) -> String {
      switch part {
      case .choice, .sequence: "(?:\(part.text))"
      case .repeated: "(\(part.text))"
      case .one, .any, .oneOf, .start, .end: part.text
      }
    }
    switch self {
    case .start: return "^"
    case .end: return "$"
    case .one(let scalar): return escaped(scalar)
    case .any: return "."
    case .oneOf(let ranges, let isNegated):
      let body = ranges.map { range in
        range.lowerBound == range.upperBound
          ? escaped(range.lowerBound) : escaped(range.lowerBound) + "-" + escaped(range.upperBound)
      }.joined()
      return "[\(isNegated ? "^" : "")\(body)]"
    case .sequence(let parts): return parts.map(grouped).joined()
    case .choice(let parts): return parts.map(grouped).joined(separator: "|")
    case .repeated(let part, let least, let most):
      let body =
        switch part {
        case .start, .end: "(?:\(part.text))"
        default: grouped(part)
        }
      switch (least, most) {
      case (0, nil): return body + "*"
      case (1, nil): return body + "+"
      case (0, 1): return body + "?"
      case (let least, nil): return body + "{\(least),}"
      case (let least, let most?):
        return body + (least == most ? "{\(least)}" : "{\(least),\(most)}")
      }
    }
  }
}

extension Seeded {
  /// A random pattern over some letters.
  mutating func pattern(depth: Int = 3, letters: [Unicode.Scalar]) -> PlainPattern {
    if depth > 0, chance(60) {
      switch below(4) {
      case 0, 1:
        return .sequence(
          (0..<(1 + below(3))).map { _ in pattern(depth: depth - 1, letters: letters) })
      case 2:
        return .choice(
          (0..<(1 + below(3))).map { _ in pattern(depth: depth - 1, letters: letters) })
      default:
        let least = pick([0, 0, 1, 1, 2])
        let most: Int? = chance(50) ? nil : max(1, least + below(3))
        return .repeated(pattern(depth: depth - 1, letters: letters), least, most)
      }
    }
    switch below(8) {
    case 0: return .any
    case 1: return .start
    case 2: return .end
    case 3:
      let one = pick(letters)
      let other = pick(letters)
      let range = min(one, other)...max(one, other)
      return .oneOf(chance(50) ? [range] : [one...one, other...other], isNegated: chance(30))
    default: return .one(pick(letters))
    }
  }
}
