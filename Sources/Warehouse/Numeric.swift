/// PostgreSQL's `numeric` without loss: any number of digits, NaN and the infinities.
///
/// Values compare as numbers (`1.0 == 1.00`); the text keeps the number of decimals.
public struct Numeric: Sendable {
  enum Kind: UInt16, Sendable {
    case positive = 0x0000
    case negative = 0x4000
    case nan = 0xC000
    case positiveInfinity = 0xD000
    case negativeInfinity = 0xF000
  }

  let kind: Kind
  /// The power of 10,000 of the first digit group.
  let weight: Int
  /// The number of decimals that are shown, 0 to 16383.
  public let scale: Int
  /// Groups of four decimal digits, highest first, without zero groups at either end.
  let groups: [UInt16]

  init(kind: Kind, weight: Int, scale: Int, groups: [UInt16]) {
    var groups = groups[...]
    var weight = weight
    while groups.first == 0 {
      groups.removeFirst()
      weight -= 1
    }
    while groups.last == 0 { groups.removeLast() }
    self.kind = groups.isEmpty && kind == .negative ? .positive : kind
    self.weight = groups.isEmpty ? 0 : weight
    self.scale = scale
    self.groups = Array(groups)
  }

  /// Not a number.
  public static let nan = Numeric(kind: .nan, weight: 0, scale: 0, groups: [])
  /// More than any number.
  public static let infinity = Numeric(kind: .positiveInfinity, weight: 0, scale: 0, groups: [])

  /// `value / 10^scale`, for example money in ten-thousandths with scale 4.
  public init(_ value: Int64, scale: Int = 0) {
    let padding = (4 - scale % 4) % 4
    // Ten to the padding shifts the value so that the decimals fill whole groups.
    var magnitude = UInt128(value.magnitude)
    for _ in 0..<padding { magnitude *= 10 }
    var groups: [UInt16] = []
    while magnitude > 0 {
      groups.append(UInt16(magnitude % 10_000))
      magnitude /= 10_000
    }
    self.init(
      kind: value < 0 ? .negative : .positive, weight: groups.count - 1 - (scale + padding) / 4,
      scale: scale, groups: groups.reversed())
  }

  /// Parses `-12.50`, `1e-1000`, `NaN`, `Infinity`; nil for anything else.
  public init?(_ text: some StringProtocol) {
    var rest = Substring(text)
    let negative = rest.first == "-"
    if negative || rest.first == "+" { rest.removeFirst() }
    switch rest.lowercased() {
    case "nan" where !negative:
      self = .nan
      return
    case "infinity", "inf":
      self.init(
        kind: negative ? .negativeInfinity : .positiveInfinity, weight: 0, scale: 0, groups: [])
      return
    default: break
    }
    var digits: [UInt16] = []
    var decimals = 0
    var seenPoint = false
    while let byte = rest.utf8.first, byte == 46 || (byte >= 48 && byte <= 57) {
      rest = rest.dropFirst()
      if byte == 46 {
        if seenPoint { return nil }
        seenPoint = true
      } else {
        digits.append(UInt16(byte - 48))
        if seenPoint { decimals += 1 }
      }
    }
    guard !digits.isEmpty else { return nil }
    var exponent = 0
    if rest.first == "e" || rest.first == "E" {
      guard let value = Int(rest.dropFirst()), abs(value) < 131_072 else { return nil }
      exponent = value
    } else if !rest.isEmpty {
      return nil
    }
    // The decimal point stands `point` digits after the first one.
    let point = digits.count - decimals + exponent
    let scale = max(0, decimals - exponent)
    guard scale <= 16_383 else { return nil }
    let lead = ((-point % 4) + 4) % 4
    var padded = Array(repeating: UInt16(0), count: lead) + digits
    while padded.count % 4 != 0 { padded.append(0) }
    var groups: [UInt16] = []
    for (index, digit) in padded.enumerated() {
      if index % 4 == 0 { groups.append(0) }
      groups[index / 4] = groups[index / 4] * 10 + digit
    }
    self.init(
      kind: negative ? .negative : .positive, weight: (point + lead) / 4 - 1, scale: scale,
      groups: groups)
  }

  /// Whether the value is a number, neither NaN nor infinite.
  public var isFinite: Bool { kind == .positive || kind == .negative }

  /// The value times `10^scale` where that is a whole number of 64 bits; else nil.
  public func scaled(_ scale: Int) -> Int64? {
    guard isFinite else { return nil }
    guard !groups.isEmpty else { return 0 }
    // Groups stand for powers weight … weight - count + 1 of 10,000; more than 6 never fit.
    guard weight <= 5, weight >= -scale / 4 - 1 else { return nil }
    var value: Int128 = 0
    var exponent = weight * 4 + scale
    for group in groups {
      if exponent >= 0 {
        guard exponent < 30 else { return nil }
        let (term, overflow) = Int128(group).multipliedReportingOverflow(by: power(exponent))
        guard !overflow, term < Int128(1) << 100 else { return nil }
        value += term
      } else {
        guard exponent > -4 else { return nil }
        let divisor = power(-exponent)
        guard Int128(group) % divisor == 0 else { return nil }
        value += Int128(group) / divisor
      }
      exponent -= 4
    }
    return Int64(exactly: kind == .negative ? -value : value)
  }

  private func power(_ exponent: Int) -> Int128 {
    (0..<exponent).reduce(1) { value, _ in value * 10 }
  }

  /// The nearest double; it loses digits.
  public var approximate: Double {
    switch kind {
    case .nan: .nan
    case .positiveInfinity: .infinity
    case .negativeInfinity: -.infinity
    case .positive, .negative: Double(description) ?? .nan
    }
  }
}

extension Numeric: Hashable {
  /// Equal numbers, whatever their number of decimals; NaN equals NaN, as on the server.
  public static func == (left: Numeric, right: Numeric) -> Bool {
    left.kind == right.kind && left.weight == right.weight && left.groups == right.groups
  }

  /// Hashes the number.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(kind)
    hasher.combine(weight)
    hasher.combine(groups)
  }
}

extension Numeric: CustomStringConvertible {
  /// Plain decimal notation with `scale` decimals, as the server writes it.
  public var description: String {
    switch kind {
    case .nan: return "NaN"
    case .positiveInfinity: return "Infinity"
    case .negativeInfinity: return "-Infinity"
    case .positive, .negative: break
    }
    func group(_ power: Int) -> UInt16 {
      let index = weight - power
      return groups.indices.contains(index) ? groups[index] : 0
    }
    func four(_ value: UInt16) -> String {
      String(repeating: "0", count: 4 - String(value).count) + String(value)
    }
    var text = kind == .negative ? "-" : ""
    if groups.isEmpty || weight < 0 {
      text += "0"
    } else {
      text += String(group(weight))
      for power in stride(from: weight - 1, through: 0, by: -1) { text += four(group(power)) }
    }
    if scale > 0 {
      var decimals = ""
      var power = -1
      while decimals.count < scale {
        decimals += four(group(power))
        power -= 1
      }
      text += "." + decimals.prefix(scale)
    }
    return text
  }
}

extension Numeric: Bindable, ArrayElement {
  /// `numeric`.
  public static var sqlType: SQLType { .numeric }

  /// Appends the server's form: counts, weight, sign, scale, groups (`numeric_send`).
  public func encode(into bytes: inout [UInt8]) {
    bytes.appendBigEndian(Int16(groups.count))
    bytes.appendBigEndian(Int16(weight))
    bytes.appendBigEndian(kind.rawValue)
    bytes.appendBigEndian(UInt16(scale))
    for group in groups { bytes.appendBigEndian(group) }
  }

  /// The value of a `numeric` or integer column.
  public static func decode(_ field: Field) throws -> Numeric {
    guard field.oid == SQLType.numeric.oid else {
      try field.expect([.numeric, .int8, .int4, .int2])
      return Numeric(try Int64.decode(field))
    }
    var reader = try field.reader()
    let count = try Int(reader.integer(Int16.self))
    let weight = try Int(reader.integer(Int16.self))
    let sign = try reader.integer(UInt16.self)
    let scale = try Int(reader.integer(UInt16.self))
    guard let kind = Kind(rawValue: sign) else {
      throw field.fault("expected a numeric, found the sign \(sign)")
    }
    var groups: [UInt16] = []
    groups.reserveCapacity(max(0, count))
    for _ in 0..<max(0, count) { groups.append(try reader.integer(UInt16.self)) }
    return Numeric(kind: kind, weight: weight, scale: scale & 0x3FFF, groups: groups)
  }

  /// `'12.50'::numeric`.
  public var sqlLiteral: String { "'\(self)'::numeric" }
}
