/// A decimal number without rounding: `digits / 10^scale`, of at most 38 digits.
public struct ExactDecimal: Sendable, Hashable {
  /// The digits as a whole number, without trailing zeros where `scale > 0`.
  let digits: Int128
  /// The number of decimals, 0 to 38.
  let scale: Int

  /// A whole number.
  public init(_ value: Int64) { self.init(digits: Int128(value), scale: 0) }

  init(digits: Int128, scale: Int) {
    var digits = digits
    var scale = scale
    while scale > 0, digits % 10 == 0 {
      digits /= 10
      scale -= 1
    }
    self.digits = digits
    self.scale = scale
  }

  /// Parses `-12.5`, `1e6`, `.5`; nil for anything else or beyond 38 digits.
  public init?(_ text: some StringProtocol) {
    var bytes = Substring(text).utf8[...]
    let negative = bytes.first == UInt8(ascii: "-")
    if negative || bytes.first == UInt8(ascii: "+") { bytes.removeFirst() }
    var digits: Int128 = 0
    var scale = 0
    var seen = 0
    var point = false
    while let byte = bytes.first {
      if byte == UInt8(ascii: "."), !point {
        point = true
      } else if byte >= 48, byte <= 57 {
        guard digits < 10_000_000_000_000_000_000_000_000_000_000_000_000 else { return nil }
        digits = digits * 10 + Int128(byte - 48)
        seen += 1
        if point { scale += 1 }
      } else {
        break
      }
      bytes.removeFirst()
    }
    guard seen > 0 else { return nil }
    if let byte = bytes.first {
      guard byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E"), bytes.count <= 5,
        let exponent = Int(Substring(bytes.dropFirst()))
      else { return nil }
      scale -= exponent
    }
    if digits == 0 { scale = 0 }
    while scale < 0 {
      let (next, overflow) = digits.multipliedReportingOverflow(by: 10)
      guard !overflow else { return nil }
      digits = next
      scale += 1
    }
    while scale > 38, digits % 10 == 0 {
      digits /= 10
      scale -= 1
    }
    guard scale <= 38 else { return nil }
    self.init(digits: negative ? -digits : digits, scale: scale)
  }

  /// A hundredth: `70` for `70%` is `0.7`; nil where 38 decimals do not hold it.
  var hundredth: ExactDecimal? {
    scale + 2 <= 38 ? ExactDecimal(digits: digits, scale: scale + 2) : nil
  }

  /// The number times `factor`, nil beyond 38 digits.
  func multiplied(by factor: Int128) -> ExactDecimal? {
    let (product, overflow) = digits.multipliedReportingOverflow(by: factor)
    return overflow ? nil : ExactDecimal(digits: product, scale: scale)
  }

  /// The sum, nil beyond 38 digits.
  func adding(_ other: ExactDecimal) -> ExactDecimal? {
    let scale = max(self.scale, other.scale)
    guard let one = digits(of: scale), let two = other.digits(of: scale) else { return nil }
    let (sum, overflow) = one.addingReportingOverflow(two)
    return overflow ? nil : ExactDecimal(digits: sum, scale: scale)
  }

  /// The digits with as many decimals as `wanted`, at least those it has; nil beyond 38 digits.
  func digits(of wanted: Int) -> Int128? {
    var value = digits
    for _ in 0..<max(0, wanted - scale) {
      let (next, overflow) = value.multipliedReportingOverflow(by: 10)
      if overflow { return nil }
      value = next
    }
    return value
  }

  /// Where a number stands among the Int64 multiples of `10^-scale`.
  enum Position: Equatable {
    /// Below every one of them.
    case below
    /// At `value`, or above it and below the next.
    case within(Int64, exact: Bool)
    /// Above every one of them.
    case above
  }

  /// The number's position among the values of a column of a scale.
  func position(scale wanted: Int) -> Position {
    var value = digits
    var exact = true
    for _ in 0..<max(0, wanted - scale) {
      let (next, overflow) = value.multipliedReportingOverflow(by: 10)
      if overflow { return digits < 0 ? .below : .above }
      value = next
    }
    for _ in 0..<max(0, scale - wanted) {
      let (quotient, remainder) = value.quotientAndRemainder(dividingBy: 10)
      if remainder != 0 { exact = false }
      value = remainder < 0 ? quotient - 1 : quotient
    }
    if let whole = Int64(exactly: value) { return .within(whole, exact: exact) }
    return value < 0 ? .below : .above
  }

  /// The nearest Double, ties to even: what a literal of the same digits means.
  public var double: Double { Double(description) ?? .nan }

  /// Whether it is below zero.
  var isNegative: Bool { digits < 0 }
}

extension ExactDecimal: Comparable {
  /// Order of the numbers.
  public static func < (left: ExactDecimal, right: ExactDecimal) -> Bool {
    if (left.digits < 0) != (right.digits < 0) { return left.digits < 0 }
    // Bring the fewer decimals up; what overflows is the larger magnitude.
    let negative = left.digits < 0
    func scaled(_ number: ExactDecimal, by count: Int) -> Int128? {
      var value = number.digits
      for _ in 0..<max(0, count) {
        let (next, overflow) = value.multipliedReportingOverflow(by: 10)
        if overflow { return nil }
        value = next
      }
      return value
    }
    let one = scaled(left, by: right.scale - left.scale)
    let two = scaled(right, by: left.scale - right.scale)
    switch (one, two) {
    case (let one?, let two?): return one < two
    case (nil, _): return negative
    case (_, nil): return !negative
    }
  }
}

extension ExactDecimal: CustomStringConvertible {
  /// Plain digits: `-12.5`, `1000000`.
  public var description: String {
    let magnitude = String(digits.magnitude)
    let sign = digits < 0 ? "-" : ""
    guard scale > 0 else { return sign + magnitude }
    let padded = String(repeating: "0", count: max(0, scale + 1 - magnitude.count)) + magnitude
    return sign + padded.dropLast(scale) + "." + padded.suffix(scale)
  }
}
