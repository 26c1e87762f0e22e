/// Finds the known name that a misspelt one was probably meant to be.
public enum Suggestion {
  /// `did you mean 'x'?`, or nil where nothing is near.
  public static func hint(for name: String, among known: some Sequence<String>) -> String? {
    nearest(to: name, among: known).map { "did you mean '\($0)'?" }
  }

  /// `did you mean 'x'?`, else what is known: `columns: a, b, c` (at most 20); nil for nothing.
  public static func hint(
    for name: String, among known: some Collection<String>, noun: String
  ) -> String? {
    if let near = hint(for: name, among: known) { return near }
    guard !known.isEmpty else { return nil }
    let shown = known.prefix(20).joined(separator: ", ")
    return "\(noun): \(shown)\(known.count > 20 ? ", …" : "")"
  }

  /// The name of least edit distance, case folded: at most a third of the length, at least 2 for
  /// names longer than 3; ties go to the first in order.
  ///
  /// Only the first 80 scalars count, so that a hostile name costs no time.
  public static func nearest(
    to name: String, among known: some Sequence<String>
  ) -> String? {
    let wanted = Array(name.lowercased().unicodeScalars.prefix(80))
    let limit = wanted.count <= 3 ? 1 : max(2, wanted.count / 3)
    var best: (distance: Int, name: String)?
    for candidate in known.sorted() {
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
