import Foundation

/// The printed table of a run.
struct ResultTable {
  let rows: [Measurement]
  let failures: [(suite: String, reason: String)]

  /// Whether a goal was missed or a suite could not run.
  var isMissed: Bool { !failures.isEmpty || rows.contains { $0.isMet == false } }

  /// The table as text, columns aligned.
  var text: String {
    var cells = [["suite", "what", "ours", "peer", "ratio", "goal", ""]]
    for row in rows {
      cells.append([
        row.suite, row.what, Self.value(row.ours, row.unit),
        row.peer.map { Self.value($0, row.unit) } ?? "",
        row.ratio.map { Self.number($0, 2) + "x" } ?? "", Self.goal(row),
        row.isMet.map { $0 ? "met" : "MISSED" } ?? "",
      ])
    }
    for failure in failures {
      let reason = failure.reason.split(separator: "\n").first.map(String.init) ?? ""
      cells.append([failure.suite, "not run: \(reason)", "", "", "", "", "MISSED"])
    }
    let widths = (0..<7).map { column in
      cells.map { column == 1 && $0[2].isEmpty ? 0 : $0[column].count }.max() ?? 0
    }
    return cells.map { row in
      row.indices.map { column in
        let gap = String(repeating: " ", count: max(0, widths[column] - row[column].count))
        return (2...4).contains(column) ? gap + row[column] : row[column] + gap
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }

  private static func goal(_ row: Measurement) -> String {
    switch row.goal {
    case .ratioAtLeast(let least): ">= \(number(least, least < 1 ? 2 : least < 10 ? 1 : 0))x"
    case .atMost(let most): "<= \(value(most, row.unit))"
    case .none: ""
    }
  }

  static func value(_ value: Double, _ unit: String) -> String {
    switch unit {
    case "s": number(value, 3) + " s"
    case "ms": number(value, 1) + " ms"
    case "MB": number(value, 0) + " MB"
    case "rows/s": number(value / 1000, 0) + " k rows/s"
    case _ where unit.hasSuffix("/s"): number(value, 0) + " " + unit
    default: number(value, 4)
    }
  }

  private static func number(_ value: Double, _ places: Int) -> String {
    String(format: "%.\(places)f", value)
  }
}
