/// Names close to one that is unknown.
public enum Suggestion {
  /// The known name nearest to `name`; nil where none differs by less than about a third.
  public static func nearest(to name: String, in known: some Sequence<String>) -> String? {
    let limit = max(1, name.count / 3)
    return known.map { ($0, distance(name, $0)) }.filter { $0.1 <= limit }
      .min { ($0.1, $0.0) < ($1.1, $1.0) }?.0
  }

  /// `did you mean 'x'?` for the nearest known name; nil where none is near.
  public static func hint(for name: String, in known: some Sequence<String>) -> String? {
    nearest(to: name, in: known).map { "did you mean '\($0)'?" }
  }

  /// Levenshtein's distance, one row at a time.
  static func distance(_ left: String, _ right: String) -> Int {
    let right = Array(right)
    var row = Array(0...right.count)
    for (i, a) in left.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, b) in right.enumerated() {
        let cost = a == b ? diagonal : 1 + min(diagonal, row[j], row[j + 1])
        diagonal = row[j + 1]
        row[j + 1] = cost
      }
    }
    return row[right.count]
  }
}
