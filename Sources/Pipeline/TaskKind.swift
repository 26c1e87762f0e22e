/// A kind of task a DAG is written with: its configuration, and the type of what it produces.
///
/// The value is encoded into the DAG's snapshot, and decoded from there by whoever runs the task,
/// so everything the task needs to know stands in its properties. Properties of type ``Output``
/// are its inputs: they become the edges of the graph.
public protocol TaskKind: Codable, Sendable {
  /// What a successful attempt hands on; small, because it is stored with the run. Large results
  /// are references (table and version, model id).
  associatedtype Product: Codable & Sendable

  /// The name in snapshots and run tables, for example `extract`; never changed once released.
  static var kind: String { get }
}

/// The product of a task that yields nothing to hand on.
public struct NoProduct: Codable, Sendable, Hashable {
  /// The only value.
  public init() {}
}

/// Something that names a task of the same DAG: an ``Output``, or its id as text.
public protocol TaskReference: Sendable {
  /// The id of the task.
  var taskID: String { get }
}

extension String: TaskReference {
  /// The text itself.
  public var taskID: String { self }
}

/// The future product of a task, as its consumers' input.
///
/// It encodes as its producer's id, so the edges of a DAG are derived from its data flow. An input
/// that a task may run without (see ``TriggerRule/mayRunWithoutSuccess(upstreams:)``) has the type
/// `Output<P>?`.
public struct Output<Product: Codable & Sendable>: TaskReference, Codable, Sendable, Hashable {
  /// The id of the producing task.
  public let taskID: String

  /// The product of the task `taskID`; DAGs get theirs from ``DAGBuilder/task(_:_:after:when:retries:timeLimit:failure:policy:file:line:)``.
  public init(of taskID: String) { self.taskID = taskID }

  /// Decodes the producer's id.
  public init(from decoder: any Decoder) throws {
    taskID = try decoder.singleValueContainer().decode(String.self)
  }

  /// Encodes the producer's id, and tells the collector of the edge, where there is one.
  public func encode(to encoder: any Encoder) throws {
    if let collector = encoder.userInfo[ReadCollector.key] as? ReadCollector {
      collector.add(taskID, product: String(reflecting: Product.self))
    }
    var container = encoder.singleValueContainer()
    try container.encode(taskID)
  }
}
