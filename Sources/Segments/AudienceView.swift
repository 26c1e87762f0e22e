import Rules

/// Names for the views of schema `audience`, one per segment.
enum AudienceView {
  /// PostgreSQL cuts identifiers at this many bytes.
  static let longest = 63

  /// The view name for a segment: the name's slug; one that is taken gets the segment's number.
  ///
  /// A catalogue has each slug once, so only a segment that leaves as another comes can be in the
  /// way.
  static func name(for segment: String, id: Int32, taken: Set<String>) -> String {
    let slug = Segment.slug(of: segment)
    if !taken.contains(slug) { return slug }
    let suffix = "_\(id)"
    var cut = slug
    while cut.utf8.count + suffix.utf8.count > longest { cut.removeLast() }
    return cut + suffix
  }
}
