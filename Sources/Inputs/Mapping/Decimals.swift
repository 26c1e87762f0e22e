/// Exact decimals as scaled integers.
enum Decimals {
  /// 10^exponent; nil outside 0…18.
  static func power(_ exponent: Int) -> Int64? {
    guard exponent >= 0, exponent <= 18 else { return nil }
    return (0..<exponent).reduce(Int64(1)) { value, _ in value * 10 }
  }

  /// `mantissa` × 10^-`scale` in plain digits, without trailing zeros: `9747747.934`.
  static func text(_ mantissa: Int128, scale: Int) -> String {
    var digits = String(mantissa.magnitude)
    if scale > 0 {
      if digits.count <= scale {
        digits = String(repeating: "0", count: scale + 1 - digits.count) + digits
      }
      var fraction = digits.suffix(scale)
      while fraction.last == "0" { fraction.removeLast() }
      digits = digits.dropLast(scale) + (fraction.isEmpty ? "" : "." + fraction)
    }
    return mantissa < 0 ? "-" + digits : digits
  }

  /// The other way: exact digits back to a mantissa; nil for what is not a plain decimal.
  static func mantissa(_ text: String, scale: Int) -> Int128? {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    let fraction = parts.count == 2 ? parts[1] : ""
    guard fraction.utf8.count <= scale, parts[0] != "" else { return nil }
    return Int128(
      parts[0] + fraction + String(repeating: "0", count: scale - fraction.utf8.count))
  }
}
