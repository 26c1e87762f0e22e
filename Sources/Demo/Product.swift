/// The goods of the shop: the same for every seed.
struct Product {
  /// `P0001` and so on.
  let key: [UInt8]
  /// Index into ``categories``.
  let category: Int
  /// The list price in cents.
  let cents: Int

  /// What the shop sells.
  static let categories = [
    "kitchen", "garden", "toys", "books", "sports", "beauty", "office", "lighting",
  ]

  /// How many products a category has.
  static let perCategory = 50

  /// All products, category by category.
  static let all: [Product] = (0..<(categories.count * perCategory)).map { index in
    var random = Generator(seed: 0x5348_4F50, stream: UInt64(index))
    let level = random.uniform()
    let cents = 190 + Int(level * level * 89) * 100 + random.below(10) * 10
    return Product(
      key: Array("P\(String(10_001 + index).dropFirst())".utf8), category: index / perCategory,
      cents: cents)
  }

  /// A product as a customer picks it: mostly from the favourite category, popular ones first.
  static func pick(favourite: Int, with random: inout Generator) -> Int {
    let category = random.chance(0.7) ? favourite : random.below(categories.count)
    let rank = random.uniform()
    return category * perCategory + Int(rank * rank * Double(perCategory))
  }
}
