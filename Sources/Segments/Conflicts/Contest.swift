import Columns

/// Sets of customers that compete for places: for each customer the earlier sets take places first.
///
/// A group of segments that exclude each other is one place; a channel with a fatigue cap has as many
/// as its number. A set that asks for several places gets all of them or none. All customers at once:
/// a place that is taken is a set, too. Costs a pass over the words for each set and place, and a step
/// for each member and each loss.
struct Contest {
  /// A set that competes.
  struct Entrant {
    /// The segment's place in the evaluation.
    let segment: Int
    /// Who is to be in it.
    let customers: Bitset
    /// The places it needs, by their numbers in the contest.
    let places: [Int]
  }

  /// Customers who were refused.
  struct Loss {
    /// Number of the entrant.
    let entrant: Int
    /// Number of the entrant that took the last place.
    let winner: Int
    /// The place that was full.
    let place: Int
    let customers: SparseRows
  }

  private(set) var losses: [Loss] = []
  /// Who is in, by entrant.
  private(set) var kept: [Bitset] = []

  /// Decides a contest.
  ///
  /// - Parameters:
  ///   - entrants: the best first.
  ///   - sizes: how many at a time each place holds; at least 1.
  ///   - customers: how many rows the sets have.
  init(_ entrants: [Entrant], sizes: [Int], customers: Int) {
    // By place: those who hold at least 1, 2, … up to all of it; and by row who took the last.
    var levels = sizes.map { _ in [Bitset]() }
    var holders = sizes.map { _ in [Int32](repeating: 0, count: customers) }
    for (number, entrant) in entrants.enumerated() {
      var left = entrant.customers
      for place in entrant.places where levels[place].count == sizes[place] {
        guard let full = levels[place].last else { continue }
        let refused = left & full
        if refused.isEmpty { continue }
        left = left.subtracting(refused)
        lose(refused, number, place, holders[place])
      }
      kept.append(left)
      if left.isEmpty { continue }
      for place in entrant.places {
        holders[place].withUnsafeMutableBufferPointer { holders in
          left.forEach { holders[$0] = Int32(number) }
        }
        Self.add(left, to: &levels[place], size: sizes[place])
      }
    }
  }

  /// One more taken for each of the customers.
  private static func add(_ customers: Bitset, to levels: inout [Bitset], size: Int) {
    if levels.count < size { levels.append(Bitset(count: customers.count)) }
    for level in levels.indices.dropFirst().reversed() {
      levels[level] = levels[level] | (levels[level - 1] & customers)
    }
    levels[0] = levels[0] | customers
  }

  /// Notes who was refused, by who took the last place.
  private mutating func lose(
    _ refused: Bitset, _ entrant: Int, _ place: Int, _ holders: [Int32]
  ) {
    var byWinner: [Int32: [Int]] = [:]
    refused.forEach { byWinner[holders[$0], default: []].append($0) }
    for (winner, rows) in byWinner.sorted(by: { $0.key < $1.key }) {
      losses.append(
        Loss(entrant: entrant, winner: Int(winner), place: place, customers: SparseRows(rows)))
    }
  }
}
