import Foundation

/// One JSON object per line; columns are named by paths of keys and places such as `a.b[0].c`.
///
/// Every line is checked against RFC 8259 in full, also where no column looks. Of repeated keys
/// the last one counts. A text column takes an object or array as its JSON text.
final class JSONScanner: RecordScanner {
  let fields: UnsafeMutablePointer<Field>
  private let columns: Int
  private let root: Node

  /// A key or place of the paths, with the column that its value fills.
  private final class Node {
    var children: [(key: [UInt8], node: Node)] = []
    var elements: [Int: Node] = [:]
    var column: Int?

    func child(_ key: [UInt8]) -> Node {
      if let found = children.first(where: { $0.key == key }) { return found.node }
      let child = Node()
      children.append((key, child))
      return child
    }

    func element(_ place: Int) -> Node {
      let element = elements[place] ?? Node()
      elements[place] = element
      return element
    }

    /// Empties the columns below: of repeated keys the last one counts, and all of it.
    func clear(_ fields: UnsafeMutablePointer<Field>) {
      if let column { fields[column] = .null }
      for child in children { child.node.clear(fields) }
      for element in elements.values { element.clear(fields) }
    }
  }

  /// A scanner that fills one field for each path.
  init(paths: [String]) {
    columns = paths.count
    fields = .allocate(capacity: max(1, paths.count))
    fields.initialize(repeating: .null, count: max(1, paths.count))
    root = Node()
    for (index, path) in paths.enumerated() {
      var node = root
      for part in path.split(separator: ".", omittingEmptySubsequences: false) {
        let (key, places) = Self.step(part)
        node = node.child(Array(key.utf8))
        for place in places { node = node.element(place) }
      }
      node.column = index
    }
  }

  deinit { fields.deallocate() }

  /// A step such as `b[0][2]` as its key and places; brackets of another form belong to the key.
  static func step(_ text: Substring) -> (key: Substring, places: [Int]) {
    var key = text
    var places: [Int] = []
    while key.last == "]", let open = key.lastIndex(of: "["), open > key.startIndex {
      let digits = key[key.index(after: open)...].dropLast()
      guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }),
        let place = Int(digits)
      else { break }
      places.insert(place, at: 0)
      key = key[..<open]
    }
    return (key, places)
  }

  func scan(_ bytes: UnsafeRawBufferPointer, atEnd: Bool, arena: RowArena) -> Scan {
    guard let begin = bytes.baseAddress, !bytes.isEmpty else { return .incomplete }
    var length = bytes.count
    var consumed = bytes.count
    if let hit = memchr(begin, 10, bytes.count) {
      length = UnsafeRawPointer(hit) - begin
      consumed = length + 1
    } else if !atEnd {
      return .incomplete
    }
    while length > 0, Self.isSpace(bytes[length - 1]) { length -= 1 }
    if length == 0 { return .blank(consumed: consumed) }
    for index in 0..<columns { fields[index] = .null }
    var cursor = Cursor(bytes: UnsafeRawBufferPointer(rebasing: bytes[0..<length]), arena: arena)
    cursor.skipSpace()
    let sound = cursor.peek == UInt8(ascii: "{") && object(&cursor, root, depth: 0)
    cursor.skipSpace()
    let whole = sound && cursor.at == length
    return .record(
      length: length, consumed: consumed, lines: 1,
      fault: whole ? nil : RowFault(reason: .badJSON, column: nil))
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 32 || byte == 9 || byte == 13 || byte == 10
  }

  private static let depthLimit = 64

  private func object(_ cursor: inout Cursor, _ node: Node?, depth: Int) -> Bool {
    guard depth < Self.depthLimit, cursor.take(UInt8(ascii: "{")) else { return false }
    cursor.skipSpace()
    if cursor.take(UInt8(ascii: "}")) { return true }
    while true {
      cursor.skipSpace()
      guard let key = cursor.string() else { return false }
      cursor.skipSpace()
      guard cursor.take(UInt8(ascii: ":")) else { return false }
      let child = node?.children.first { pair in
        pair.key.count == key.count && pair.key.elementsEqual(key.bytes)
      }?.node
      guard value(&cursor, child, depth: depth + 1) else { return false }
      cursor.skipSpace()
      if cursor.take(UInt8(ascii: ",")) { continue }
      return cursor.take(UInt8(ascii: "}"))
    }
  }

  private func array(_ cursor: inout Cursor, _ node: Node?, depth: Int) -> Bool {
    guard depth < Self.depthLimit, cursor.take(UInt8(ascii: "[")) else { return false }
    cursor.skipSpace()
    if cursor.take(UInt8(ascii: "]")) { return true }
    let wanted = node.flatMap { $0.elements.isEmpty ? nil : $0.elements }
    var place = 0
    while true {
      guard value(&cursor, wanted?[place], depth: depth + 1) else { return false }
      place += 1
      cursor.skipSpace()
      if cursor.take(UInt8(ascii: ",")) { continue }
      return cursor.take(UInt8(ascii: "]"))
    }
  }

  /// Checks one value and keeps it where a column wants it.
  private func value(_ cursor: inout Cursor, _ node: Node?, depth: Int) -> Bool {
    cursor.skipSpace()
    let start = cursor.at
    if let node, !node.children.isEmpty || !node.elements.isEmpty { node.clear(fields) }
    var found: Field?
    switch cursor.peek {
    case UInt8(ascii: "\""): found = cursor.string()
    case UInt8(ascii: "{"):
      // A path may end at an object whose parts other paths want too.
      if object(&cursor, node, depth: depth) { found = cursor.field(from: start) }
    case UInt8(ascii: "["):
      if array(&cursor, node, depth: depth) { found = cursor.field(from: start) }
    case UInt8(ascii: "t"): if cursor.word("true") { found = cursor.field(from: start) }
    case UInt8(ascii: "f"): if cursor.word("false") { found = cursor.field(from: start) }
    case UInt8(ascii: "n"): if cursor.word("null") { found = .null }
    default: if cursor.number() { found = cursor.field(from: start) }
    }
    guard let found else { return false }
    if let column = node?.column { fields[column] = found }
    return true
  }
}
