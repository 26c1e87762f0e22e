import Columns
import Schedules

/// Tiles of some days in memory: for each measure and day those customers who have a value, and the
/// value. A customer is a place in ``customers``.
struct TileLibrary: Sendable {
  /// The values of one measure on one day, none of them 0.
  struct Cells: Sendable {
    private(set) var places: [Int32] = []
    private(set) var values: [Int32] = []
    /// Those whose values do not fit 32 bits.
    private(set) var widePlaces: [Int32] = []
    private(set) var wideValues: [Int64] = []

    @inline(__always)
    mutating func append(_ place: Int32, _ value: Int64) {
      if let narrow = Int32(exactly: value) {
        places.append(place)
        values.append(narrow)
      } else {
        widePlaces.append(place)
        wideValues.append(value)
      }
    }

    /// Calls `body` with each place and value until it returns false; the place that it did so at.
    @inline(__always)
    func first(where isFault: (Int32, Int64) -> Bool) -> Int32? {
      for position in places.indices where isFault(places[position], Int64(values[position])) {
        return places[position]
      }
      for position in widePlaces.indices
      where isFault(widePlaces[position], wideValues[position]) {
        return widePlaces[position]
      }
      return nil
    }
  }

  private let first: Int32
  private let measures: [Measure: Int]
  /// By measure, then by days since ``first``.
  private let isWanted: [[Bool]]
  private var cells: [[Cells]]
  private let expected: IDIndex
  private var others: [Int64: Int32] = [:]
  /// Who has a value: those expected, then others as they came.
  private(set) var customers: [Int64]

  /// A library for some reads, which have bounds; `expected` are the customers who may come.
  init(_ reads: [TileRead], expected: IDIndex) {
    let start = reads.map(\.days.first.number).min() ?? 0
    let end = reads.map(\.days.last.number).max() ?? -1
    let names = Set(reads.flatMap(\.measures)).sorted()
    let number = Dictionary(names.enumerated().map { ($1, $0) }) { first, _ in first }
    let width = Int(end - start) + 1
    var wanted = names.map { _ in Array(repeating: false, count: width) }
    for read in reads {
      for measure in read.measures {
        guard let row = number[measure] else { continue }
        for day in read.days.first.number...read.days.last.number {
          wanted[row][Int(day - start)] = true
        }
      }
    }
    first = start
    measures = number
    isWanted = wanted
    cells = names.map { _ in Array(repeating: Cells(), count: width) }
    self.expected = expected
    customers = expected.ids
  }

  /// Keeps of a batch what is wanted.
  mutating func add(_ batch: TileBatch) {
    let places = self.places(of: batch.ids)
    let width = batch.measures.count
    for (column, measure) in batch.measures.enumerated() {
      guard let row = measures[measure] else { continue }
      let wanted = isWanted[row]
      for position in batch.ids.indices {
        let value = batch.values[position * width + column]
        if value == 0 { continue }
        let day = Int(batch.days[position]) - Int(first)
        guard wanted.indices.contains(day), wanted[day] else { continue }
        cells[row][day].append(places[position], value)
      }
    }
  }

  /// The values of a measure on a day; nil where there are none.
  func cells(_ measure: Measure, _ day: Int32) -> Cells? {
    guard let row = measures[measure] else { return nil }
    let offset = Int(day) - Int(first)
    return cells[row].indices.contains(offset) ? cells[row][offset] : nil
  }

  private mutating func places(of ids: [Int64]) -> [Int32] {
    var places = [Int32](repeating: 0, count: ids.count)
    for position in ids.indices {
      let id = ids[position]
      if let row = expected.row(of: id) {
        places[position] = Int32(row)
      } else if let known = others[id] {
        places[position] = known
      } else {
        let place = Int32(customers.count)
        customers.append(id)
        others[id] = place
        places[position] = place
      }
    }
    return places
  }
}
