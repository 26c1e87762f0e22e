/// Names for the views of schema `audience`, one per segment.
enum AudienceView {
  /// PostgreSQL cuts identifiers at this many bytes.
  static let longest = 63

  /// The view name for a segment: lower-case letters, digits and underscores, at most 63 bytes.
  ///
  /// A name without ASCII letters and digits is kept as it is, cut between characters. A name
  /// that is taken gets the segment's number.
  static func name(for segment: String, id: Int32, taken: Set<String>) -> String {
    var slug = ""
    for scalar in segment.unicodeScalars {
      switch scalar {
      case "a"..."z", "0"..."9": slug.unicodeScalars.append(scalar)
      case "A"..."Z": slug += scalar.properties.lowercaseMapping
      default: if !slug.isEmpty, slug.last != "_" { slug += "_" }
      }
    }
    while slug.last == "_" { slug.removeLast() }
    if slug.isEmpty { slug = segment }
    let name = cut(slug, to: longest)
    if !taken.contains(name) { return name }
    let suffix = "_\(id)"
    return cut(slug, to: longest - suffix.utf8.count) + suffix
  }

  private static func cut(_ text: String, to bytes: Int) -> String {
    var result = text
    while result.utf8.count > bytes { result.unicodeScalars.removeLast() }
    return result
  }
}
