import Pipeline
import TestSupport

/// Stages with tasks side by side, and groups within groups.
let grouped = DAG("grouped", summary: "Three feeds, two levels of groups.") { dag in
  let ready = dag.sensor("wait_files", WaitForFile(path: "in"), every: .minutes(5))
  let tables = dag.setup("create_tables", Nothing(), after: [ready])
  let loads = dag.group("load") { dag in
    ["web", "shop", "support"].map { source in
      dag.group(source) { dag in
        let landed = dag.task("extract", Extract(sources: source), after: [tables])
        return dag.task("features", BuildFeatures(from: landed))
      }
    }
  }
  let model = dag.group("model") { dag in
    let champion = dag.task("train", TrainModel("churn", on: loads[0], ifOlderThan: .days(7)))
    dag.task("drift", Nothing(), after: [champion], failure: .tolerated)
    return champion
  }
  let audience = dag.task(
    "publish", PublishSegments(model, on: loads[1]), after: [loads[2]])
  dag.task("report", WriteReport(of: audience), when: .allDone)
  dag.teardown("drop_tables", Nothing(), of: [tables], after: [audience])
}

/// A group of checks that the work runs through again and again: it cannot be one frame.
let interleaved = DAG("interleaved") { dag in
  dag.task("extract", Nothing())
  dag.task("transform", Nothing(), after: ["extract", "checks.rows"])
  dag.task("publish", Nothing(), after: ["transform", "checks.values"])
  dag.group("checks") { dag in
    dag.task("rows", Nothing(), after: ["extract"])
    dag.task("values", Nothing(), after: ["transform"])
    dag.task("audience", Nothing(), after: ["publish"])
  }
}

/// One task, many beside each other, one task.
func wide(_ count: Int) -> DAG {
  DAG("wide") { dag in
    dag.task("start", Nothing())
    for number in 0..<count { dag.task("work_\(number)", Nothing(), after: ["start"]) }
    dag.task("join", Nothing(), after: (0..<count).map { "work_\($0)" }, when: .noneFailed)
  }
}

/// One after the other, with a few edges over many layers.
func deep(_ count: Int) -> DAG {
  DAG("deep") { dag in
    for number in 0..<count {
      let far = number >= 7 && number.isMultiple(of: 3) ? ["step_\(number - 7)"] : []
      dag.task("step_\(number)", Nothing(), after: number == 0 ? [] : ["step_\(number - 1)"] + far)
    }
  }
}

/// A DAG of random edges, with groups that random tasks are in, up to three deep.
func randomDAG(_ random: inout SplitMix64, most: Int) -> DAG {
  let count = Int.random(in: 1...most, using: &random)
  let density = Double.random(in: 0...(4 / Double(count)), using: &random)
  let names = ["a", "b", "c"]
  var ids: [String] = []
  var paths: [[String]] = []
  var after: [[String]] = []
  for number in 0..<count {
    let depth = [0, 0, 1, 1, 2, 3].randomElement(using: &random) ?? 0
    let path = (0..<depth).map { _ in names.randomElement(using: &random) ?? "a" }
    after.append(ids.filter { _ in Double.random(in: 0..<1, using: &random) < density })
    ids.append((path + ["t\(number)"]).joined(separator: "."))
    paths.append(path)
  }
  return DAG("random") { dag in
    func declare(_ number: Int, _ path: ArraySlice<String>, _ dag: inout DAGBuilder) {
      guard let group = path.first else {
        dag.task("t\(number)", Nothing(), after: after[number])
        return
      }
      dag.group(group) { declare(number, path.dropFirst(), &$0) }
    }
    for number in 0..<count { declare(number, paths[number][...], &dag) }
  }
}
