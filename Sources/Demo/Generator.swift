/// A SplitMix64 stream (Steele, Lea, Flood 2014): 64-bit integers only, the same on every machine.
struct Generator {
  private var state: UInt64

  /// The stream of one thing (a customer, a file) under a seed; streams do not depend on each other.
  init(seed: UInt64, stream: UInt64) {
    var outer = Generator(state: seed)
    state = outer.next() ^ (stream &* 0xD1B5_4A32_D192_ED03)
    state = next()
  }

  private init(state: UInt64) { self.state = state }

  /// The next 64 bits.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A real in `[0, 1)` with 53 random bits.
  mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// True with a probability.
  mutating func chance(_ probability: Double) -> Bool { uniform() < probability }

  /// A whole number in `0 ..< limit`, by multiplication (Lemire); the bias is below 2^-32.
  mutating func below(_ limit: Int) -> Int { Int(((next() >> 32) &* UInt64(limit)) >> 32) }

  /// A Poisson count by inversion of one uniform draw; made for means below about 5.
  mutating func poisson(_ mean: Double) -> Int {
    let draw = uniform()
    // exp(-m) >= 1 - m, so most draws of small means need no exponential.
    if draw < 1 - mean { return 0 }
    var probability = exponential(-mean)
    var cumulative = probability
    var count = 0
    while draw >= cumulative && count < 64 {
      count += 1
      probability *= mean / Double(count)
      cumulative += probability
    }
    return count
  }

  /// An index drawn by weights that add up to `total`.
  mutating func pick(_ weights: [Int], total: Int) -> Int {
    var left = below(total)
    for (index, weight) in weights.enumerated() {
      left -= weight
      if left < 0 { return index }
    }
    return weights.count - 1
  }

  /// A number of mean 0 and variance 1, nearly normal: twelve uniforms added (Irwin–Hall).
  mutating func nearlyNormal() -> Double {
    var sum = -6.0
    for _ in 0..<12 { sum += uniform() }
    return sum
  }
}

/// e^x by range reduction and a Taylor polynomial, within 4 ulp, for |x| < 700.
///
/// Only IEEE 754 additions and multiplications in a fixed order: unlike a C library's `exp`, the
/// last bit does not depend on the machine.
func exponential(_ x: Double) -> Double {
  if x < -700 { return 0 }
  let power = (x * 1.442_695_040_888_963_4).rounded()
  let high = x - power * 0.693_147_180_369_123_8
  let rest = high - power * 1.908_214_929_270_587_7e-10
  var sum = 1.0
  var divisor = 13.0
  while divisor >= 1 {
    sum = 1 + sum * rest / divisor
    divisor -= 1
  }
  return sum * Double(sign: .plus, exponent: Int(power), significand: 1)
}
