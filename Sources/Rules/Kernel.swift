import Columns

/// A test in the form that its column's loop wants: bounds of the element's type, or a table.
enum Kernel {
  /// No value, or every value.
  case constant(Bool)
  case integers([ClosedRange<Int64>])
  case reals([ClosedRange<Double>])
  /// 1 for each code whose text passes, with one 0 more for codes that stand under nulls.
  case codes([UInt8])
  case booleans(Bool)
  case missing

  init(_ test: ValueTest, _ column: Column) {
    switch test {
    case .missing: self = .missing
    case .boolean(let values):
      self = values.count == 1 ? .booleans(values.contains(true)) : .constant(!values.isEmpty)
    case .text(let test):
      guard case .text(_, let dictionary) = column else {
        self = .constant(false)
        return
      }
      let passes = test.prepared()
      self = .codes(dictionary.map { passes($0) ? 1 : 0 } + [0])
    case .ranges(let set):
      if set.isEmpty {
        self = .constant(false)
      } else if case .real = column {
        self = .reals(set.ranges.compactMap(Self.reals))
      } else {
        self = .integers(set.ranges)
      }
    }
  }

  private static func reals(_ range: ClosedRange<Int64>) -> ClosedRange<Double>? {
    RealKey.value(range.lowerBound)...RealKey.value(range.upperBound)
  }

  /// Writes one bit per row of the block; what stands under nulls is not looked at yet.
  func fill(_ out: UnsafeMutablePointer<UInt64>, _ column: Column, _ block: Block) {
    switch (self, column) {
    case (.constant(let value), _):
      for word in 0..<block.words { out[word] = value ? .max : 0 }
    case (.missing, _):
      guard let present = column.present else {
        for word in 0..<block.words { out[word] = 0 }
        return
      }
      for word in 0..<block.words { out[word] = ~present.words[block.start + word] }
    case (.integers(let ranges), .integer(let dense, _)),
      (.integers(let ranges), .instant(let dense)):
      dense.values.withUnsafeBufferPointer { Self.ranges(ranges, $0, out, block) }
    case (.integers(let ranges), .day(let dense)):
      let narrow = ranges.compactMap { range -> ClosedRange<Int32>? in
        let low = max(range.lowerBound, Int64(Int32.min))
        let high = min(range.upperBound, Int64(Int32.max))
        return low <= high ? Int32(low)...Int32(high) : nil
      }
      dense.values.withUnsafeBufferPointer { Self.ranges(narrow, $0, out, block) }
    case (.reals(let ranges), .real(let dense)):
      dense.values.withUnsafeBufferPointer { values in
        Self.reals(ranges, values, out, block)
      }
    case (.codes(let table), .text(let dense, _)):
      let last = UInt32(table.count - 1)
      table.withUnsafeBufferPointer { table in
        dense.values.withUnsafeBufferPointer { codes in
          Self.bits(out, block) { row in
            UInt64(table[Int(min(UInt32(bitPattern: codes[row]), last))])
          }
        }
      }
    case (.booleans(let wanted), .boolean(let dense)):
      dense.values.withUnsafeBufferPointer { values in
        Self.bits(out, block) { values[$0] == wanted ? 1 : 0 }
      }
    case (.integers, _), (.reals, _), (.codes, _), (.booleans, _):
      // The plan has checked that test and column fit.
      preconditionFailure("a kernel for another column")
    }
  }

  /// The loops over whole numbers; one bound needs one comparison, and most conditions have one.
  private static func ranges<T: FixedWidthInteger>(
    _ ranges: [ClosedRange<T>], _ values: UnsafeBufferPointer<T>,
    _ out: UnsafeMutablePointer<UInt64>, _ block: Block
  ) {
    guard let first = ranges.first, let values = values.baseAddress else {
      for word in 0..<block.words { out[word] = 0 }
      return
    }
    let low = first.lowerBound
    let high = first.upperBound
    if ranges.count == 1 {
      if high == .max {
        bits(out, block) { values[$0] >= low ? 1 : 0 }
      } else if low == .min {
        bits(out, block) { values[$0] <= high ? 1 : 0 }
      } else if low == high {
        bits(out, block) { values[$0] == low ? 1 : 0 }
      } else {
        bits(out, block) { (values[$0] >= low ? 1 : 0) & (values[$0] <= high ? 1 : 0) }
      }
    } else if ranges.count <= 4 {
      bits(out, block) { row in
        var bit: UInt64 = 0
        for range in ranges {
          bit |=
            (values[row] >= range.lowerBound ? 1 : 0) & (values[row] <= range.upperBound ? 1 : 0)
        }
        return bit
      }
    } else {
      ranges.withUnsafeBufferPointer { ranges in
        bits(out, block) { row in
          // The first range that ends at or after the value.
          var start = 0
          var size = ranges.count
          while size > 1 {
            let half = size / 2
            start = ranges[start + half - 1].upperBound < values[row] ? start + half : start
            size -= half
          }
          return ranges[start].contains(values[row]) ? 1 : 0
        }
      }
    }
  }

  /// The loops over doubles; NaN is above every number, as in PostgreSQL.
  private static func reals(
    _ ranges: [ClosedRange<Double>], _ values: UnsafeBufferPointer<Double>,
    _ out: UnsafeMutablePointer<UInt64>, _ block: Block
  ) {
    guard let first = ranges.first, let values = values.baseAddress else {
      for word in 0..<block.words { out[word] = 0 }
      return
    }
    let low = first.lowerBound
    let high = first.upperBound
    if ranges.count == 1 {
      if high == .infinity {
        bits(out, block) { values[$0] < low ? 0 : 1 }
      } else if low == -.infinity {
        bits(out, block) { values[$0] <= high ? 1 : 0 }
      } else {
        bits(out, block) { (values[$0] < low ? 0 : 1) & (values[$0] <= high ? 1 : 0) }
      }
    } else {
      bits(out, block) { row in
        var bit: UInt64 = 0
        for range in ranges {
          bit |=
            (values[row] < range.lowerBound ? 0 : 1) & (values[row] <= range.upperBound ? 1 : 0)
        }
        return bit
      }
    }
  }

  /// Calls `bit` for every row of the block and packs what it returns, 64 to a word.
  @inline(__always)
  private static func bits(
    _ out: UnsafeMutablePointer<UInt64>, _ block: Block, _ bit: (Int) -> UInt64
  ) {
    for word in 0..<block.words {
      let base = (block.start + word) << 6
      var bits: UInt64 = 0
      if base + 64 <= block.rows {
        for row in 0..<64 { bits |= bit(base &+ row) &<< UInt64(truncatingIfNeeded: row) }
      } else {
        for row in 0..<(block.rows - base) { bits |= bit(base + row) << UInt64(row) }
      }
      out[word] = bits
    }
  }
}
