/// A deterministic automaton that is built while it reads: each set of states that a text leads to is
/// made once, so that a byte costs one look-up, and a new set the size of the pattern.
///
/// Not for several threads at once.
final class PatternMatcher {
  private struct State {
    /// The instructions that wait for a byte or for the end.
    let places: [Int]
    /// Whether a part of the text has matched already.
    let isMatch: Bool
    /// Whether the text matches if it ends here.
    let matchesAtEnd: Bool
    /// The next state by byte; -1 where it is not made yet.
    var next: [Int32]
  }

  private struct Key: Hashable {
    let places: [Int]
    let isFirst: Bool
  }

  private let program: PatternProgram
  private var states: [State] = []
  private var index: [Key: Int] = [:]
  private var marks: [Int]
  private var mark = 0

  /// Sets of states that are kept at once: about a kilobyte each.
  static let limitOfStates = 2_000

  init(_ program: PatternProgram) {
    self.program = program
    marks = Array(repeating: 0, count: program.instructions.count)
  }

  /// Whether a part of the text is as the pattern says; linear in its bytes.
  func matches(_ text: String) -> Bool {
    var text = text
    return text.withUTF8 { bytes in
      var state = first()
      for byte in bytes {
        if states[state].isMatch { return true }
        let known = states[state].next[Int(byte)]
        state = known >= 0 ? Int(known) : step(state, byte)
      }
      return states[state].isMatch || states[state].matchesAtEnd
    }
  }

  private func first() -> Int {
    var places: [Int] = []
    mark += 1
    close(program.entry, isFirst: true, isEnd: false, into: &places)
    return state(places, isFirst: true)
  }

  private func step(_ state: Int, _ byte: UInt8) -> Int {
    var state = state
    if states.count >= Self.limitOfStates {
      // Begins anew with the set at hand: what was built is only a memory.
      let places = states[state].places
      states.removeAll()
      index.removeAll()
      state = self.state(places, isFirst: false)
    }
    var places: [Int] = []
    mark += 1
    for place in states[state].places {
      if case .bytes(let range, let next) = program.instructions[place], range.contains(byte) {
        close(next, isFirst: false, isEnd: false, into: &places)
      }
    }
    // A match may begin anywhere.
    close(program.entry, isFirst: false, isEnd: false, into: &places)
    let found = self.state(places, isFirst: false)
    states[state].next[Int(byte)] = Int32(found)
    return found
  }

  private func state(_ unsorted: [Int], isFirst: Bool) -> Int {
    let places = unsorted.sorted()
    let key = Key(places: places, isFirst: isFirst)
    if let known = index[key] { return known }
    var atEnd: [Int] = []
    mark += 1
    for place in places {
      if case .end(let next) = program.instructions[place] {
        close(next, isFirst: isFirst, isEnd: true, into: &atEnd)
      }
    }
    states.append(
      State(
        places: places, isMatch: hasMatch(places), matchesAtEnd: hasMatch(atEnd),
        next: Array(repeating: -1, count: 256)))
    index[key] = states.count - 1
    return states.count - 1
  }

  private func hasMatch(_ places: [Int]) -> Bool {
    places.contains { if case .match = program.instructions[$0] { true } else { false } }
  }

  /// Adds the instructions that are reached without a byte; with a stack of its own, as patterns are deep.
  private func close(_ entry: Int, isFirst: Bool, isEnd: Bool, into places: inout [Int]) {
    var open = [entry]
    while let place = open.popLast() {
      guard marks[place] != mark else { continue }
      marks[place] = mark
      switch program.instructions[place] {
      case .either(let one, let other): open += [one, other]
      case .start(let next): if isFirst { open.append(next) }
      case .end(let next):
        if isEnd { open.append(next) } else { places.append(place) }
      case .bytes, .match: places.append(place)
      }
    }
  }
}
