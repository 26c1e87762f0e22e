import Schedules

extension DAG {
  /// What is wrong with the schedule; empty if nothing is.
  func scheduleProblems() -> [DAGProblem] {
    guard case .cron(let expression, let zone) = schedule else { return [] }
    var found: [DAGProblem] = []
    do {
      _ = try Zone(zone)
    } catch {
      found.append(problem("unknown_zone", error.message, hint: error.hint))
    }
    if let fault = Self.cronFault(expression) { found.append(problem("bad_cron", fault)) }
    return found
  }

  /// What makes an expression no cron expression at a glance; nil if nothing does.
  static func cronFault(_ expression: String) -> String? {
    if expression.hasPrefix("@") {
      let presets = [
        "@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually",
      ]
      return presets.contains(expression)
        ? nil : "expected one of \(presets.joined(separator: " ")), found '\(expression)'"
    }
    let fields = expression.split(whereSeparator: { $0 == " " || $0 == "\t" })
    guard fields.count == 5 || fields.count == 6 else {
      return "expected a cron expression of 5 fields, or 6 with seconds first, found "
        + "\(fields.count) in '\(expression)'"
    }
    for field in fields {
      guard
        let bad = field.firstIndex(where: {
          !($0.isASCII && ($0.isLetter || $0.isNumber || "*,-/#?".contains($0)))
        })
      else { continue }
      let column = expression.distance(from: expression.startIndex, to: bad) + 1
      return "unexpected '\(field[bad])' in the cron expression '\(expression)' at column \(column)"
    }
    return nil
  }
}
