import Pipeline
import TestSupport

/// A random DAG, and what each of its tasks must come to.
struct ChaosPlan: Sendable {
  /// What a part of a plan becomes.
  enum Form: Sendable, Hashable {
    case step
    case lookout
    /// A list of so many items.
    case spread(width: Int64)
    /// A mapped task over the list of its one input.
    case items
    /// The sum over the mapped task that is its one input.
    case gather
  }

  /// One task; its inputs are numbers of earlier ones.
  struct Part: Sendable {
    let form: Form
    let inputs: [Int]
  }

  let name: String
  let parallelism: Int
  private let seed: UInt64
  private(set) var parts: [Part] = []

  /// Plan number `number` of a seed: by turns a chain, a wide one, diamonds, mapped tasks, and one
  /// where anything may read anything.
  init(number: Int, seed: UInt64) {
    var random = SplitMix64(seed: seed ^ (UInt64(number) &* 0x9E37_79B9))
    name = "chaos_\(number)"
    self.seed = seed
    parallelism = Int.random(in: 3...12, using: &random)
    switch number % 5 {
    case 0: chain(length: Int.random(in: 4...12, using: &random))
    case 1: wide(Int.random(in: 6...20, using: &random))
    case 2: diamonds(Int.random(in: 2...5, using: &random))
    case 3: mapped(&random)
    default: anything(Int.random(in: 8...24, using: &random), &random)
    }
  }

  private mutating func add(_ form: Form, _ inputs: [Int] = []) -> Int {
    parts.append(Part(form: form, inputs: inputs))
    return parts.count - 1
  }

  private mutating func chain(length: Int) {
    var last = add(.step)
    for place in 1..<length { last = add(place == length / 2 ? .lookout : .step, [last]) }
  }

  private mutating func wide(_ width: Int) {
    let root = add(.step)
    let all = (0..<width).map { _ in add(.step, [root]) }
    _ = add(.step, all)
  }

  private mutating func diamonds(_ count: Int) {
    var top = add(.step)
    for _ in 0..<count {
      let (left, right) = (add(.step, [top]), add(.step, [top]))
      top = add(.step, [left, right])
    }
  }

  private mutating func mapped(_ random: inout SplitMix64) {
    let root = add(.step)
    let ends = (0..<Int.random(in: 1...3, using: &random)).map { _ in
      let list = add(.spread(width: Int64.random(in: 1...8, using: &random)), [root])
      return add(.gather, [add(.items, [list])])
    }
    _ = add(.step, ends)
  }

  private mutating func anything(_ count: Int, _ random: inout SplitMix64) {
    for place in 0..<count {
      let inputs = Set((0..<min(place, 3)).map { _ in Int.random(in: 0..<place, using: &random) })
      _ = add(place % 9 == 8 ? .lookout : .step, inputs.sorted())
    }
  }

  /// The id of a part.
  func id(_ number: Int) -> String { "t\(number)" }

  /// The definition; every task may be tried 21 times.
  func dag() -> DAG {
    let retries = Retries.exponential(
      20, first: .milliseconds(20), factor: 1.5, cap: .milliseconds(500))
    return DAG(name, parallelism: parallelism) { dag in
      var values: [Int: Output<Int64>] = [:]
      var lists: [Int: Output<[Int64]>] = [:]
      for (number, part) in parts.enumerated() {
        let id = id(number)
        let inputs = part.inputs.compactMap { values[$0] }
        let list = part.inputs.first.flatMap { lists[$0] } ?? Output(of: "missing")
        switch part.form {
        case .step:
          values[number] = dag.task(id, Step(seed: seed, inputs: inputs), retries: retries)
        case .lookout:
          values[number] = dag.sensor(
            id, Lookout(seed: seed, inputs: inputs), every: .milliseconds(100),
            budget: Lookout.budget, retries: retries)
        case .spread(let width):
          lists[number] = dag.task(
            id, Spread(seed: seed, inputs: inputs, width: width), retries: retries)
        case .items:
          lists[number] = dag.mapped(id, over: list, retries: retries) { item in
            ItemStep(seed: seed, item: item)
          }
        case .gather:
          values[number] = dag.task(id, Gather(seed: seed, list: list), retries: retries)
        }
      }
    }
  }

  /// The value of each effect by the id of its task or item; mapped tasks have none of their own.
  func effects() -> [String: Int64] {
    var values: [Int: Int64] = [:]
    var lists: [Int: [Int64]] = [:]
    var effects: [String: Int64] = [:]
    for (number, part) in parts.enumerated() {
      let list = part.inputs.first.flatMap { lists[$0] } ?? []
      let sum = Step.value(part.inputs.compactMap { values[$0] })
      switch part.form {
      case .step, .lookout: values[number] = sum
      case .spread(let width):
        lists[number] = Spread.items(sum, width)
        effects[id(number)] = sum
      case .items:
        let items = list.map(ItemStep.value)
        for (place, item) in items.enumerated() { effects["\(id(number))[\(place)]"] = item }
        lists[number] = items
      case .gather: values[number] = Step.value(list)
      }
      if let value = values[number] { effects[id(number)] = value }
    }
    return effects
  }
}
