import Foundation

/// Adds tasks to a DAG.
public struct DAGBuilder {
  var declarations: [TaskDeclaration] = []
  var groups: [GroupDeclaration] = []
  /// The path of the group that is open; nil for none.
  private var group: String?

  /// Adds a task, and returns its future product for other tasks to read.
  ///
  /// - Parameters:
  ///   - id: unique within the DAG: lower-case letters, digits, `_`, `-`, `.`; at most 63 bytes.
  ///   - task: its configuration; each ``Output`` in it becomes an edge.
  ///   - after: tasks that only have to end first.
  ///   - when: the rule over all upstream tasks, those read and those in `after`.
  ///   - retries: how often a failed attempt is repeated.
  ///   - timeLimit: what an attempt may take before it is cancelled and counts as failed.
  ///   - failure: whether the run fails with the task.
  ///   - policy: slots, priority, what it waits for in earlier runs, callbacks, isolation.
  @discardableResult
  public mutating func task<Kind: TaskKind>(
    _ id: String, _ task: Kind, after: [any TaskReference] = [],
    when rule: TriggerRule = .allSuccess, retries: Retries = .none, timeLimit: Duration? = nil,
    failure: FailurePolicy = .failsRun, policy: TaskPolicy = TaskPolicy(),
    file: String = #fileID, line: Int = #line
  ) -> Output<Kind.Product> {
    let form = Form(id, after, rule, retries, timeLimit, failure, policy, (file, line))
    return declare(task, form)
  }

  /// Adds a task that makes something which the work needs and a teardown removes.
  ///
  /// The work comes after it as after any task: by reading its product, or with `after:`.
  @discardableResult
  public mutating func setup<Kind: TaskKind>(
    _ id: String, _ task: Kind, after: [any TaskReference] = [],
    when rule: TriggerRule = .allSuccess, retries: Retries = .none, timeLimit: Duration? = nil,
    failure: FailurePolicy = .failsRun, policy: TaskPolicy = TaskPolicy(),
    file: String = #fileID, line: Int = #line
  ) -> Output<Kind.Product> {
    var form = Form(id, after, rule, retries, timeLimit, failure, policy, (file, line))
    form.role = .setup
    return declare(task, form)
  }

  /// Adds a task that removes what setups made: it runs once everything upstream has ended, if one
  /// of the setups succeeded, also where the run has failed or was cancelled.
  ///
  /// - Parameters:
  ///   - setups: upstream of it like those in `after`; with none it runs whenever these have ended.
  ///   - after: the tasks that use what the setups made.
  @discardableResult
  public mutating func teardown<Kind: TaskKind>(
    _ id: String, _ task: Kind, of setups: [any TaskReference],
    after: [any TaskReference] = [], retries: Retries = .none, timeLimit: Duration? = nil,
    failure: FailurePolicy = .failsRun, policy: TaskPolicy = TaskPolicy(),
    file: String = #fileID, line: Int = #line
  ) -> Output<Kind.Product> {
    var form = Form(
      id, after + setups, .allDone, retries, timeLimit, failure, policy, (file, line))
    form.role = .teardown(of: Array(Set(setups.map(\.taskID))).sorted())
    return declare(task, form)
  }

  /// Adds a task that waits for something outside of the DAG.
  ///
  /// - Parameters:
  ///   - interval: the time between two pokes.
  ///   - mode: whether it keeps its slot between them.
  ///   - budget: what it may wait in all, over all retries; nil for no limit.
  ///   - softFail: whether a spent budget skips the task instead of failing it.
  ///   - timeLimit: what one poke may take.
  @discardableResult
  public mutating func sensor<Kind: SensorKind>(
    _ id: String, _ task: Kind, every interval: Duration,
    mode: SensorPolicy.Mode = .reschedule, budget: Duration? = nil, softFail: Bool = false,
    after: [any TaskReference] = [], when rule: TriggerRule = .allSuccess,
    retries: Retries = .none, timeLimit: Duration? = nil, failure: FailurePolicy = .failsRun,
    policy: TaskPolicy = TaskPolicy(), file: String = #fileID, line: Int = #line
  ) -> Output<Kind.Product> {
    var form = Form(id, after, rule, retries, timeLimit, failure, policy, (file, line))
    form.sensor = SensorPolicy(every: interval, mode: mode, budget: budget, softFail: softFail)
    return declare(task, form)
  }

  /// Adds a task that is spread over lists: one instance for each combination of their items.
  ///
  /// - Parameters:
  ///   - sources: lists that tasks produce (`Output<[Item]>`), or lists of values.
  ///   - mode: each item with each, or the first with the first.
  ///   - limit: the most instances; more fail the task before any of them starts.
  ///   - maxActive: instances that run at once; nil for no limit of its own.
  ///   - make: the configuration of one instance; its arguments stand for the items.
  /// - Returns: the products of the instances, in the order of the items.
  @discardableResult
  public mutating func mapped<each Source: MappableItems, Kind: TaskKind>(
    _ id: String, over sources: repeat each Source, mode: Mapping.Mode = .cross,
    limit: Int = Mapping.usualLimit, maxActive: Int? = nil, after: [any TaskReference] = [],
    when rule: TriggerRule = .allSuccess, retries: Retries = .none, timeLimit: Duration? = nil,
    failure: FailurePolicy = .failsRun, policy: TaskPolicy = TaskPolicy(),
    file: String = #fileID, line: Int = #line,
    _ make: (repeat Output<(each Source).Item>) -> Kind
  ) -> Output<[Kind.Product]> where repeat (each Source).Item: Sendable {
    var form = Form(id, after, rule, retries, timeLimit, failure, policy, (file, line))
    var lists: [MappingSource] = []
    for source in repeat each sources {
      do {
        lists.append(try source.mappingSource())
      } catch {
        form.encodingFault = String(describing: error)
        lists.append(.literal([]))
      }
    }
    let mapping = Mapping(sources: lists, mode: mode, limit: limit, maxActive: maxActive)
    form.mapping = mapping
    var ids = mapping.itemIDs[...]
    func item<Item: Codable & Sendable>(_ type: Item.Type, of source: MappingSource) -> Output<Item>
    {
      let id = ids.popFirst() ?? ""
      form.ownItems[id] = String(reflecting: type)
      if case .output(let task) = source {
        form.sources.insert(.init(producer: task, product: String(reflecting: [Item].self)))
      }
      return Output(of: id)
    }
    var rest = lists[...]
    let task = make(
      repeat item((each Source).Item.self, of: rest.popFirst() ?? .literal([])))
    _ = declare(task, form)
    return Output(of: fullID(id))
  }

  /// Opens a group: the ids of the tasks in it begin with its own, `load.files`.
  ///
  /// Groups nest; they only name and draw tasks together. Text in `after:` is the whole id.
  @discardableResult
  public mutating func group<Result>(
    _ id: String, file: String = #fileID, line: Int = #line,
    _ build: (inout DAGBuilder) throws -> Result
  ) rethrows -> Result {
    let outer = group
    let path = fullID(id)
    groups.append(GroupDeclaration(id: id, path: path, location: "\(file):\(line)"))
    group = path
    defer { group = outer }
    return try build(&self)
  }

  private func fullID(_ id: String) -> String { group.map { "\($0).\(id)" } ?? id }
}

extension DAGBuilder {
  /// What a declaration says of a task beside its configuration.
  private struct Form {
    let id: String
    let after: [any TaskReference]
    let rule: TriggerRule
    let retries: Retries
    let timeLimit: Duration?
    let failure: FailurePolicy
    let policy: TaskPolicy
    var role = TaskRole.work
    var sensor: SensorPolicy?
    let location: String
    var mapping: Mapping?
    var sources: Set<ReadCollector.Read> = []
    var ownItems: [String: String] = [:]
    var encodingFault: String?

    /// What every way to declare a task takes, in the order of its parameters.
    init(
      _ id: String, _ after: [any TaskReference], _ rule: TriggerRule, _ retries: Retries,
      _ timeLimit: Duration?, _ failure: FailurePolicy, _ policy: TaskPolicy,
      _ place: (file: String, line: Int)
    ) {
      self.id = id
      self.after = after
      self.rule = rule
      self.retries = retries
      self.timeLimit = timeLimit
      self.failure = failure
      self.policy = policy
      location = "\(place.file):\(place.line)"
    }
  }

  private mutating func declare<Kind: TaskKind>(
    _ task: Kind, _ form: Form
  ) -> Output<Kind.Product> {
    let collector = ReadCollector()
    let encoder = JSONEncoder()
    encoder.userInfo[ReadCollector.key] = collector
    var config = JSONValue.null
    var fault = form.encodingFault
    do {
      config = try JSONDecoder().decode(JSONValue.self, from: encoder.encode(task))
    } catch {
      fault = String(describing: error)
    }
    let items = collector.all.filter { Mapping.isItem($0.producer) }
    let reads = collector.all.subtracting(items).union(form.sources)
    declarations.append(
      TaskDeclaration(
        definition: TaskDefinition(
          id: fullID(form.id), kind: Kind.kind, config: config,
          reads: Array(Set(reads.map(\.producer))).sorted(),
          after: Array(Set(form.after.map(\.taskID))).sorted(), rule: form.rule,
          retries: form.retries, timeLimitMilliseconds: form.timeLimit?.milliseconds,
          failure: form.failure, policy: form.policy, role: form.role, group: group,
          sensor: form.sensor, mapping: form.mapping,
          steers: Kind.Product.self is any SteeringProduct.Type),
        reads: reads, items: items, ownItems: form.ownItems,
        optionalReads: optionalReads(of: task),
        product: form.mapping == nil
          ? String(reflecting: Kind.Product.self) : String(reflecting: [Kind.Product].self),
        isSensorKind: Kind.self is any SensorKind.Type, location: form.location,
        encodingFault: fault))
    return Output(of: fullID(form.id))
  }
}
