/// A table for a terminal: columns as wide as their widest cell, the flexible one cut to fit.
struct TextTable {
  /// Where the text of a column stands.
  enum Alignment { case left, right }

  /// A column.
  struct Column {
    let title: String
    var alignment = Alignment.left
    /// Whether it gives way where the table is too wide; optional columns go before it gets
    /// shorter than 24, and it keeps at least 12.
    var isFlexible = false
    /// Whether the whole column may go where the table is still too wide.
    var isOptional = false
  }

  /// A cell; the colour is put on after the text was cut and padded.
  struct Cell {
    let text: String
    let paint: Paint

    init(_ text: String, _ paint: Paint = .plain) {
      self.text = printable(text)
      self.paint = paint
    }
  }

  private(set) var columns: [Column]
  private var rows: [[Cell]] = []

  init(_ columns: [Column]) { self.columns = columns }

  mutating func append(_ row: [Cell]) {
    precondition(row.count == columns.count, "a row of \(row.count) cells")
    rows.append(row)
  }

  /// The lines, indented by two, no longer than `width` where the columns allow it.
  func lines(width: Int, style: TextStyle) -> [String] {
    guard !rows.isEmpty else { return [] }
    var shown = Array(columns.indices)
    var widths = columns.indices.map { index in
      rows.reduce(Reporting.columns(columns[index].title)) {
        max($0, Reporting.columns($1[index].text))
      }
    }
    func total() -> Int { shown.reduce(0) { $0 + widths[$1] + 2 } }
    func shrink(to least: Int) {
      for index in shown where columns[index].isFlexible && total() > width {
        widths[index] = max(min(least, widths[index]), widths[index] - (total() - width))
      }
    }
    shrink(to: 24)
    for index in columns.indices.reversed() where columns[index].isOptional && total() > width {
      shown.removeAll { $0 == index }
    }
    shrink(to: 12)
    func line(_ cells: (Int) -> Cell) -> String {
      var result = ""
      for index in shown {
        let cell = cells(index)
        let text = cut(cell.text, to: widths[index])
        let room = String(repeating: " ", count: widths[index] - Reporting.columns(text))
        let isLast = index == shown.last
        switch columns[index].alignment {
        case .left: result += "  " + style(cell.paint, text) + (isLast ? "" : room)
        case .right: result += "  " + room + style(cell.paint, text)
        }
      }
      return result
    }
    let header = line { index in Cell(columns[index].title, .dim) }
    return ([header] + rows.map { row in line { row[$0] } }).map(withoutTrailingSpaces)
  }
}

/// The line without spaces at its end.
func withoutTrailingSpaces(_ line: String) -> String {
  String(line.reversed().drop { $0 == " " }.reversed())
}
