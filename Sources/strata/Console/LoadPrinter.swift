import Inputs
import Reporting

/// What loads or checks found, for people or as JSON.
enum LoadPrinter {
  static func show(_ reports: [LoadReport], on console: Console) throws {
    if console.json { return try console.print(json: reports) }
    for report in reports {
      let verb =
        switch report.state {
        case .loaded: "loaded"
        case .skipped: "unchanged since load \(report.loadID ?? 0), 0 rows added"
        case .checked: "checked"
        }
      let file = report.filesUnchanged == nil ? "" : report.file.map { " \($0)" } ?? ""
      console.print(Style.bold("\(report.source): \(verb)\(file)", if: console.out.colour))
      for note in report.notes ?? [] { console.print("  \(note)") }
      if let count = report.filesUnchanged, count > 0 {
        console.print("  \(Format.count(count)) files were loaded before")
      }
      if report.state == .skipped { continue }
      func line(_ label: String, _ count: Int64, _ detail: String = "") {
        let text = Format.count(count)
        let padding = String(repeating: " ", count: max(0, 12 - text.count))
        console.print("  \(padding)\(text)  \(label)\(detail)")
      }
      line("rows read", report.rowsRead)
      line("accepted", report.rowsAccepted)
      if let count = report.rowsCorrected, count > 0 { line("  of them corrections", count) }
      line("rejected", report.rowsRejected)
      for (reason, count) in report.rejected.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) })
      {
        line("  \(reason)", count)
      }
      for (kind, count) in (report.unknownKinds ?? [:]).sorted(by: { $0.key < $1.key }) {
        line("    of kind '\(kind)'", count)
      }
      line("duplicate", report.rowsDuplicate)
      line("accepted with a warning", report.rowsWarned)
      for (check, count) in report.warnings.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) })
      {
        line("  \(check)", count)
      }
      for total in report.totals {
        console.print(
          "  \(total.name): \(total.all) over all rows (accepted \(total.accepted), "
            + "rejected \(total.rejected), duplicate \(total.duplicate))")
      }
    }
  }
}
