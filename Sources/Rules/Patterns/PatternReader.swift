/// Reads a pattern by recursive descent.
struct PatternReader {
  private let scalars: [Unicode.Scalar]
  private var index = 0
  private var depth = 0

  /// Groups within each other.
  static let limitOfDepth = 100
  /// PostgreSQL's bound of `{m,n}`.
  static let mostRepeats = 255

  init(_ source: String) { scalars = Array(source.unicodeScalars) }

  private var next: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

  private func fault(_ message: String, at offset: Int? = nil, hint: String? = nil) -> PatternFault
  {
    PatternFault(offset: offset ?? index, message: message, hint: hint)
  }

  private var found: String {
    next.map { "'\(RuleText.visible(String(Character($0))))'" } ?? "the end of the pattern"
  }

  /// The whole pattern.
  mutating func pattern() throws(PatternFault) -> PatternNode {
    if scalars.isEmpty {
      throw fault("expected a pattern, found ''", hint: "every text matches it; use is_present")
    }
    if let place = scalars.firstIndex(of: "\0") {
      throw fault("expected a pattern, found a NUL character in it", at: place)
    }
    let node = try choice()
    if next != nil {
      throw fault("expected the end of the pattern, found \(found)", hint: "write \\) for the sign")
    }
    return node
  }

  private mutating func choice() throws(PatternFault) -> PatternNode {
    var branches = [try sequence()]
    while next == "|" {
      index += 1
      branches.append(try sequence())
    }
    return branches.count == 1 ? branches[0] : .choice(branches)
  }

  private mutating func sequence() throws(PatternFault) -> PatternNode {
    var parts: [PatternNode] = []
    while let scalar = next, scalar != "|", scalar != ")" {
      let isEnd = scalar == "^" || scalar == "$"
      parts.append(try repeated(try atom(), isEnd: isEnd))
    }
    return parts.isEmpty ? .empty : parts.count == 1 ? parts[0] : .sequence(parts)
  }

  private mutating func repeated(
    _ atom: PatternNode, isEnd: Bool
  ) throws(PatternFault) -> PatternNode {
    guard let scalar = next else { return atom }
    let place = index
    let bounds: (Int, Int?)
    switch scalar {
    case "*": bounds = (0, nil)
    case "+": bounds = (1, nil)
    case "?": bounds = (0, 1)
    case "{":
      bounds = try counts()
      index -= 1
    default: return atom
    }
    index += 1
    if isEnd {
      throw fault("expected a character or group before '\(scalar)', found an end", at: place)
    }
    // Whether as few or as many as can be are taken changes no verdict.
    if next == "?" { index += 1 }
    if let again = next, again == "*" || again == "+" || again == "?" || again == "{" {
      throw fault(
        "expected one repetition, found another one, \(found)",
        hint: "put the first into a group: (…)")
    }
    return .repeated(atom, least: bounds.0, most: bounds.1)
  }

  /// `{2}`, `{2,}`, `{2,5}`; leaves the index behind the brace.
  private mutating func counts() throws(PatternFault) -> (Int, Int?) {
    let place = index
    index += 1
    guard let least = number() else {
      throw fault(
        "expected a number after '{', found \(found)", hint: "write \\{ for the sign")
    }
    var most: Int? = least
    if next == "," {
      index += 1
      most = next == "}" ? nil : number()
      if most == nil, next != "}" {
        throw fault("expected a number or '}', found \(found)")
      }
    }
    guard next == "}" else { throw fault("expected '}', found \(found)") }
    index += 1
    guard max(least, most ?? 0) <= Self.mostRepeats, least <= most ?? least else {
      throw fault(
        "expected ascending numbers up to \(Self.mostRepeats) in braces, found others", at: place)
    }
    return (least, most)
  }

  private mutating func number() -> Int? {
    var value: Int?
    while let scalar = next, scalar >= "0", scalar <= "9" {
      value = min(100_000, (value ?? 0) * 10 + Int(scalar.value - 48))
      index += 1
    }
    return value
  }

  private mutating func atom() throws(PatternFault) -> PatternNode {
    guard let scalar = next else { throw fault("expected a character, found \(found)") }
    let place = index
    switch scalar {
    case "(": return try group(place)
    case "[": return .set(try bracket(place))
    case ".":
      index += 1
      return .set(.any)
    case "^":
      index += 1
      return .start
    case "$":
      index += 1
      return .end
    case "\\": return .set(try escape())
    case "*", "+", "?":
      throw fault(
        "expected a character or group before \(found), found none",
        hint: "write \\\(scalar) for the sign")
    case "{", "}", "]":
      throw fault("expected a character, found \(found)", hint: "write \\\(scalar) for the sign")
    default:
      index += 1
      return .set(ScalarSet([scalar.value...scalar.value]))
    }
  }

  private mutating func group(_ place: Int) throws(PatternFault) -> PatternNode {
    depth += 1
    defer { depth -= 1 }
    if depth > Self.limitOfDepth {
      throw fault("expected at most \(Self.limitOfDepth) groups within each other, found more")
    }
    index += 1
    if next == "?" {
      guard index + 1 < scalars.count, scalars[index + 1] == ":" else {
        let isLook = index + 1 < scalars.count && ["=", "!", "<"].contains(scalars[index + 1])
        throw fault(
          "expected a group, found '(?'",
          at: place,
          hint: isLook
            ? "look-around is not supported: several conditions say the same"
            : "options and names are not supported; ci folds case")
      }
      index += 2
    }
    let inner = try choice()
    guard next == ")" else {
      throw fault("the '(' that begins here has no end", at: place, hint: "write \\( for the sign")
    }
    index += 1
    return inner
  }

  private mutating func escape() throws(PatternFault) -> ScalarSet {
    let place = index
    index += 1
    guard let scalar = next else {
      throw fault(
        "expected a character after '\\', found \(found)", hint: "write \\\\ for the sign")
    }
    index += 1
    switch scalar {
    case "d": return ScalarSet(ScalarSet.digits)
    case "D": return ScalarSet(ScalarSet.digits, isNegated: true)
    case "w": return ScalarSet(ScalarSet.word)
    case "W": return ScalarSet(ScalarSet.word, isNegated: true)
    case "s": return ScalarSet(ScalarSet.space)
    case "S": return ScalarSet(ScalarSet.space, isNegated: true)
    case "t": return ScalarSet([9...9])
    case "n": return ScalarSet([10...10])
    case "r": return ScalarSet([13...13])
    case "u": return try scalarByNumber(place)
    case "0"..."9":
      throw fault(
        "expected an escape, found '\\\(scalar)'", at: place,
        hint: "back-references are not supported")
    default:
      guard scalar.isASCII, !scalar.properties.isAlphabetic, scalar.value > 32 else {
        throw fault(
          "expected an escape, found '\\\(RuleText.visible(String(Character(scalar))))'", at: place,
          hint: "the escapes are \\d \\D \\w \\W \\s \\S \\t \\n \\r \\uXXXX and those of signs")
      }
      return ScalarSet([scalar.value...scalar.value])
    }
  }

  private mutating func scalarByNumber(_ place: Int) throws(PatternFault) -> ScalarSet {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let scalar = next, scalar.isASCII, let digit = Character(scalar).hexDigitValue else {
        throw fault("expected four hexadecimal digits after '\\u', found \(found)")
      }
      value = value * 16 + UInt32(digit)
      index += 1
    }
    guard value != 0, Unicode.Scalar(value) != nil else {
      throw fault("expected the number of a character, found none that a text may hold", at: place)
    }
    return ScalarSet([value...value])
  }

  private mutating func bracket(_ place: Int) throws(PatternFault) -> ScalarSet {
    index += 1
    var isNegated = false
    if next == "^" {
      isNegated = true
      index += 1
    }
    var ranges: [ClosedRange<UInt32>] = []
    while let scalar = next, scalar != "]" {
      let start = index
      let low = try bracketItem(scalar)
      guard low.count == 1, let first = low.first, first.count == 1, next == "-",
        index + 1 < scalars.count, scalars[index + 1] != "]"
      else {
        ranges += low
        continue
      }
      index += 1
      let high = try bracketItem(scalars[index])
      guard high.count == 1, let last = high.first, last.count == 1,
        first.lowerBound <= last.lowerBound
      else {
        throw fault("expected an ascending range such as a-z, found another", at: start)
      }
      ranges.append(first.lowerBound...last.lowerBound)
    }
    guard next == "]" else {
      throw fault("the '[' that begins here has no end", at: place, hint: "write \\[ for the sign")
    }
    index += 1
    if ranges.isEmpty {
      throw fault(
        "expected characters between '[' and ']', found none", at: place,
        hint: "write \\] for the sign")
    }
    return ScalarSet(ranges, isNegated: isNegated)
  }

  /// One character of a bracket, or several by an escape such as `\d`.
  private mutating func bracketItem(
    _ scalar: Unicode.Scalar
  ) throws(PatternFault) -> [ClosedRange<UInt32>] {
    if scalar == "\\" { return try escape().members }
    if scalar == "[" {
      throw fault(
        "expected a character, found '['",
        hint: "write \\[ for the sign; classes such as [:alpha:] are not supported")
    }
    index += 1
    return [scalar.value...scalar.value]
  }
}
