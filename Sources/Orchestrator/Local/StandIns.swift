import Diagnostics
import Pipeline

/// What a test run does in the place of tasks.
public struct StandIns: Sendable {
  /// Products that are handed on without running their tasks: by the task's id, of a mapped task the
  /// list of its items' products; or by an item's id, `score[2]`.
  public var products: [String: JSONValue]
  /// Tasks that are skipped.
  public var skipped: Set<String>
  /// How many attempts of a task fail, from the first; `Int.max` for all.
  public var failures: [String: Int]

  /// By default every task runs as it is.
  public init(
    products: [String: JSONValue] = [:], skipped: Set<String> = [], failures: [String: Int] = [:]
  ) {
    self.products = products
    self.skipped = skipped
    self.failures = failures
  }

  /// What is wrong with them for a DAG: unknown tasks, and products of another type.
  func problems(_ definition: Definition, _ registry: TaskRegistry) -> [String] {
    let ids = definition.plan.ids
    let named = Set(products.keys).union(skipped).union(failures.keys).sorted()
    var problems: [String] = []
    for name in named {
      guard let key = definition.key(name), key.item == nil || definition.plan.mapped[key.number]
      else {
        let hint = Suggestion.hint(for: name, among: ids).map { "; \($0)" } ?? ""
        problems.append("expected a task of '\(definition.snapshot.name)', found '\(name)'\(hint)")
        continue
      }
      guard let product = products[name] else { continue }
      do {
        let task = try registry.task(for: definition.snapshot.tasks[key.number])
        let whole = definition.plan.mapped[key.number] && key.item == nil
        if whole, case .array(let items) = product {
          for item in items { _ = try task.yielding(item) }
        } else if whole {
          problems.append("expected a list of products for mapped task '\(name)', found \(product)")
        } else {
          _ = try task.yielding(product)
        }
      } catch let error as OrchestratorError {
        problems.append(error.message)
      } catch {
        problems.append("the product given for '\(name)' does not decode: \(error)")
      }
    }
    return problems
  }

  /// The task that runs in an attempt: the real one, or what stands in for it.
  func task(
    for task: any RunnableTask, _ id: String, base: String, item: Int?, attempt: Int
  ) throws -> any RunnableTask {
    if attempt <= failures[id] ?? failures[base] ?? 0 { return task.failing(attempt) }
    if skipped.contains(id) || skipped.contains(base) { return task.skipped() }
    if let product = products[id] { return try task.yielding(product) }
    guard let item, case .array(let list)? = products[base] else { return task }
    guard list.indices.contains(item) else {
      throw OrchestratorError(
        code: "orchestrator.bad_stand_in",
        message: "expected a product for each item of '\(base)', found \(list.count)",
        hint: "give as many as the task is mapped over", isPermanent: true)
    }
    return try task.yielding(list[item])
  }
}

/// In the place of a task: a product, a skip, or a failure.
private struct StandIn<Base: RunnableTask>: RunnableTask {
  enum Deed: Codable, Sendable {
    case product(Base.Product)
    case skip
    case failure(attempt: Int)
  }

  static var kind: String { Base.kind }
  let deed: Deed

  func run(in context: TaskContext) async throws -> Base.Product {
    switch deed {
    case .product(let product): return product
    case .skip: throw TaskSkipped("skipped by the test")
    case .failure(let attempt):
      throw OrchestratorError(
        code: "orchestrator.test_failure", message: "attempt \(attempt) fails by the test")
    }
  }
}

extension RunnableTask {
  fileprivate func yielding(_ product: JSONValue) throws -> any RunnableTask {
    StandIn<Self>(deed: .product(try product.decoded(as: Product.self)))
  }

  fileprivate func skipped() -> any RunnableTask { StandIn<Self>(deed: .skip) }

  fileprivate func failing(_ attempt: Int) -> any RunnableTask {
    StandIn<Self>(deed: .failure(attempt: attempt))
  }
}
