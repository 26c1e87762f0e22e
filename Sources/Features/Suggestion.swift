/// Finds the known name that was probably meant.
enum Suggestion {
  /// `did you mean 'x'?`, or nil where no candidate is near.
  static func hint(for name: String, among candidates: some Sequence<String>) -> String? {
    nearest(to: name, among: candidates).map { "did you mean '\($0)'?" }
  }

  /// The candidate with the fewest edits, at most a third of the name's length and three.
  static func nearest(to name: String, among candidates: some Sequence<String>) -> String? {
    let limit = min(3, max(1, name.count / 3))
    return candidates.map { ($0, distance(Array(name.utf8), Array($0.utf8))) }
      .filter { $0.1 <= limit }.min { ($0.1, $0.0) < ($1.1, $1.0) }?.0
  }

  /// Edits between two words, a swap of neighbours counted once (optimal string alignment).
  static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var before: [Int] = []
    var previous = Array(0...right.count)
    for i in left.indices {
      var current = [i + 1]
      for j in right.indices {
        var best = min(
          previous[j + 1] + 1, current[j] + 1, previous[j] + (left[i] == right[j] ? 0 : 1))
        if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
          best = min(best, before[j - 1] + 1)
        }
        current.append(best)
      }
      before = previous
      previous = current
    }
    return previous[right.count]
  }
}
