extension TaskDefinition {
  /// All that is unusual about the task beside its upstreams and rule, each in a few words, for
  /// listings: `pool db x2`, `sensor every 30 s, keeps its slot`; empty for a plain task.
  public var notes: [String] {
    var notes: [String] = []
    switch role {
    case .work: break
    case .setup: notes.append("setup")
    case .teardown(let setups):
      notes.append("teardown" + (setups.isEmpty ? "" : " of \(setups.joined(separator: ", "))"))
    }
    if let sensor { notes.append(sensor.words) }
    if let mapping {
      notes.append("each of \(mapping.words), at most \(mapping.limit)")
      if let limit = mapping.maxActive { notes.append("\(limit) items at once") }
    }
    if steers { notes.append("decides what is skipped") }
    if failure == .tolerated { notes.append("may fail") }
    if let limit = timeLimitMilliseconds {
      notes.append("time limit \(Duration.milliseconds(limit).words)")
    }
    return notes + policyNotes
  }

  private var policyNotes: [String] {
    var notes: [String] = []
    if let pool { notes.append("pool \(pool)" + (slots == 1 ? "" : " x\(slots)")) }
    if priority != 0 || weight != .absolute {
      notes.append("priority \(priority)" + (weight == .absolute ? "" : " with \(weight.rawValue)"))
    }
    if let maxConcurrent { notes.append("\(maxConcurrent) at once over all runs") }
    if dependsOnPast { notes.append("depends on past") }
    if waitForDownstream { notes.append("waits for downstream") }
    if case .process(let limit) = isolation {
      notes.append("own process" + (limit.map { " of at most \($0) MiB" } ?? ""))
    }
    return notes + callbacks.map(\.words)
  }
}

extension DAGSnapshot {
  /// What holds for its runs, each in a few words, for listings: `starts 2024-03-01`,
  /// `2 runs at once`; the limits always, the rest where the DAG says so.
  public var notes: [String] {
    var notes: [String] = []
    if let starts { notes.append("starts \(starts)") }
    if let deadline { notes.append("deadline \(deadline.words)") }
    notes.append(
      "at once: \(maxActiveRuns) run\(maxActiveRuns == 1 ? "" : "s"), \(parallelism) of a run's "
        + "tasks" + (maxActiveTasks.map { ", \($0) tasks in all" } ?? ""))
    return notes + callbacks.map(\.words)
  }
}

extension SensorPolicy {
  /// `sensor every 30 s, gives its slot back, 2 h at most, then skipped`.
  public var words: String {
    var words = "sensor every \(Duration.milliseconds(intervalMilliseconds).words), "
    words += mode == .poke ? "keeps its slot" : "gives its slot back"
    if let budgetMilliseconds {
      words += ", \(Duration.milliseconds(budgetMilliseconds).words) at most"
      words += softFail ? ", then skipped" : ""
    }
    return words
  }
}

extension Mapping {
  /// `ranges x 3 items`, or `ranges, 3 items` where they are zipped.
  public var words: String {
    sources.map { source in
      switch source {
      case .output(let task): task
      case .literal(let items): "\(items.count) item\(items.count == 1 ? "" : "s")"
      }
    }.joined(separator: mode == .cross ? " x " : ", ")
  }
}

extension Deadline {
  /// `2 h after the start`.
  public var words: String {
    switch self {
    case .afterStart(let duration): "\(duration.words) after the start"
    case .afterIntervalEnd(let duration): "\(duration.words) after the interval's end"
    }
  }
}

extension Callback {
  /// `on failure, success: POST https://…`, or the command's words.
  public var words: String {
    let events = on.map(\.rawValue).sorted().joined(separator: ", ")
    switch action {
    case .command(let words): return "on \(events): \(words.joined(separator: " "))"
    case .webhook(let url): return "on \(events): POST \(url)"
    }
  }
}
