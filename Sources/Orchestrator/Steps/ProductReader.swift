import Pipeline
import Warehouse

/// The items of a mapped task: what each one stands for, by the id in the task's configuration.
struct Expansion: Sendable {
  let inputs: [JSONValue]
}

/// Reads the products of a run's tasks.
struct ProductReader: Sendable {
  let connection: Connection
  let runID: Int64

  /// The products of tasks that have succeeded; of a mapped task the list of its items' products,
  /// those that were skipped left out.
  func products(of tasks: [String]) async throws -> [String: JSONValue] {
    guard !tasks.isEmpty else { return [:] }
    let rows = try await connection.query(
      SQL(file: "queries/orchestrator/read_outputs.sql", runID, tasks))
    var products: [String: JSONValue] = [:]
    var lists: [String: [JSONValue]] = [:]
    for row in rows {
      let base = try row.get("base_id", as: String.self)
      let output = try row.get("output", as: JSONText?.self).map { try JSONValue(parsing: $0.text) }
      if try row.get("map_index", as: Int32?.self) == nil {
        if let output { products[base] = output }
      } else if let output {
        lists[base, default: []].append(output)
      }
    }
    for (task, list) in lists where products[task] == nil { products[task] = .array(list) }
    return products
  }

  /// The items of a mapped task.
  ///
  /// - Throws: ``OrchestratorError`` `orchestrator.bad_mapping` for a product that is no list, for
  ///   lists of different lengths, and for more items than the limit.
  func expansion(
    of task: TaskDefinition
  ) async throws -> Expansion {
    guard let mapping = task.mapping else { return Expansion(inputs: []) }
    let names = mapping.sources.compactMap { source -> String? in
      if case .output(let name) = source { name } else { nil }
    }
    let products = try await products(of: names)
    let lists = try mapping.sources.map { source -> [JSONValue] in
      switch source {
      case .literal(let items): return items
      case .output(let name):
        guard case .array(let items)? = products[name] else {
          throw Self.fault(task, "expected a list from '\(name)', found none")
        }
        return items
      }
    }
    return Expansion(inputs: try Self.combine(lists, mapping, task))
  }

  private static func combine(
    _ lists: [[JSONValue]], _ mapping: Mapping, _ task: TaskDefinition
  ) throws -> [JSONValue] {
    let ids = mapping.itemIDs
    var rows: [[JSONValue]] = []
    switch mapping.mode {
    case .zip:
      let counts = Set(lists.map(\.count))
      guard counts.count <= 1 else {
        throw fault(
          task, "expected lists of one length to zip, found \(lists.map(\.count))")
      }
      rows = (0..<(counts.first ?? 0)).map { index in lists.map { $0[index] } }
    case .cross:
      let total = lists.reduce(into: 1) { total, list in
        total = min(total * list.count, Int(Int32.max))
      }
      guard total <= mapping.limit else { throw tooMany(task, total, mapping.limit) }
      rows = lists.reduce([[]]) { rows, list in rows.flatMap { row in list.map { row + [$0] } } }
    }
    guard rows.count <= mapping.limit else { throw tooMany(task, rows.count, mapping.limit) }
    return rows.map { row in
      .object(Dictionary(zip(ids, row), uniquingKeysWith: { first, _ in first }))
    }
  }

  private static func tooMany(
    _ task: TaskDefinition, _ count: Int, _ limit: Int
  ) -> OrchestratorError {
    fault(
      task, "expected at most \(limit) items, found \(count)", hint: "raise the mapping's limit")
  }

  private static func fault(
    _ task: TaskDefinition, _ message: String, hint: String? = nil
  ) -> OrchestratorError {
    OrchestratorError(
      code: "orchestrator.bad_mapping", message: "mapped task '\(task.id)': \(message)",
      hint: hint, isPermanent: true)
  }
}
