/// The known name nearest to a misspelt one.
enum Suggestion {
  /// `did you mean 'x'?`, or nil where nothing is near.
  static func hint(for name: String, among names: [String]) -> String? {
    nearest(to: name, among: names).map { "did you mean '\($0)'?" }
  }

  /// The name of least edit distance, at most a third of the length (and at least 2 for names
  /// longer than 3); ties go to the first in order.
  static func nearest(to name: String, among names: [String]) -> String? {
    let wanted = Array(name.lowercased().unicodeScalars.prefix(80))
    let limit = wanted.count <= 3 ? 1 : max(2, wanted.count / 3)
    var best: (distance: Int, name: String)?
    for candidate in names.sorted() {
      let other = Array(candidate.lowercased().unicodeScalars.prefix(80))
      guard abs(other.count - wanted.count) <= limit else { continue }
      let found = distance(wanted, other)
      if found <= limit, found < best?.distance ?? .max { best = (found, candidate) }
    }
    return best?.name
  }

  /// Optimal string alignment: insertions, deletions, substitutions, neighbours swapped.
  static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
    var before: [Int] = []
    var last = Array(0...right.count)
    for i in 0..<left.count {
      var row = [i + 1]
      for j in 0..<right.count {
        let change = left[i] == right[j] ? 0 : 1
        var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + change)
        if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
          cost = min(cost, before[j - 1] + 1)
        }
        row.append(cost)
      }
      before = last
      last = row
    }
    return last[right.count]
  }
}
