import Columns
import Testing

@Suite("Bitsets")
struct BitsetTests {
  static let counts = [0, 1, 2, 63, 64, 65, 127, 128, 129, 1000]

  /// Every third and every seventh row, against a naive array of truth values.
  @Test("set algebra equals that of arrays", arguments: counts)
  func algebra(count: Int) {
    let a = (0..<count).map { $0 % 3 == 0 }
    let b = (0..<count).map { $0 % 7 == 1 }
    let left = Bitset(count: count) { a[$0] }
    let right = Bitset(count: count) { b[$0] }
    func array(_ set: Bitset) -> [Bool] { (0..<set.count).map { set[$0] } }
    #expect(array(left) == a)
    #expect(array(left & right) == zip(a, b).map { $0 && $1 })
    #expect(array(left | right) == zip(a, b).map { $0 || $1 })
    #expect(array(left ^ right) == zip(a, b).map { $0 != $1 })
    #expect(array(~left) == a.map { !$0 })
    #expect(array(left.subtracting(right)) == zip(a, b).map { $0 && !$1 })
    #expect(left.population == a.filter { $0 }.count)
    #expect(left.rows == a.indices.filter { a[$0] })
    #expect(left.isEmpty == !a.contains(true))
  }

  @Test("rows beyond the count are always clear", arguments: counts)
  func tail(count: Int) {
    #expect(Bitset(count: count, repeating: true).population == count)
    #expect((~Bitset(count: count)).population == count)
    let words = Array(repeating: UInt64.max, count: (count + 63) / 64)
    #expect(Bitset(count: count, words: words) == Bitset(count: count, repeating: true))
  }

  @Test("single rows are set and cleared")
  func singles() {
    var set = Bitset(count: 130)
    for row in [0, 63, 64, 129] { set[row] = true }
    #expect(set.rows == [0, 63, 64, 129])
    set[64] = false
    #expect(set.rows == [0, 63, 129])
  }

  @Test("resizing keeps what fits", arguments: counts, counts)
  func resizing(from: Int, to: Int) {
    let set = Bitset(count: from) { $0 % 2 == 0 }
    let expected = (0..<min(from, to)).filter { $0 % 2 == 0 }
    #expect(set.resized(to: to).rows == expected)
  }
}

@Suite("Customer indexes")
struct IDIndexTests {
  @Test("a row is the position of the id, dense or with gaps")
  func rows() {
    for step in [1, 2, 1000] as [Int64] {
      let ids = (0..<50).map { 7 + Int64($0) * step }
      let index = IDIndex(ids.reversed() + ids)
      #expect(index.ids == ids)
      for id in 0..<(60 * step) where step < 1000 || id % 500 == 7 {
        #expect(index.row(of: id) == ids.firstIndex(of: id))
      }
    }
    #expect(IDIndex([Int64]()).row(of: 1) == nil)
  }

  @Test("rows in another index, -1 where it lacks the id")
  func mapping() {
    let left = IDIndex([1, 5, 9, 12])
    let right = IDIndex([2, 5, 12, 30])
    #expect(left.rows(in: right) == [-1, 1, -1, 2])
    #expect(right.rows(in: left) == [-1, 1, 3, -1])
  }
}

@Suite("Dense columns")
struct DenseTests {
  @Test("what stands under a null does not matter")
  func nulls() {
    let present = Bitset(count: 3, words: [0b101])
    let left = Dense<Int64>([1, 2, 3], present: present)
    let right = Dense<Int64>([1, 99, 3], present: present)
    #expect(left == right)
    #expect(left[1] == nil)
    #expect(left[2] == 3)
    #expect(left != Dense<Int64>([1, 2, 3]))
  }
}
