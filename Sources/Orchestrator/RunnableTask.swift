import Diagnostics
import Pipeline

/// A task kind that can be run here.
public protocol RunnableTask: TaskKind {
  /// What an attempt produces; declared again so that it is inferred from ``run(in:)``.
  associatedtype Product

  /// Does the work of one attempt, and returns the product for the tasks downstream.
  ///
  /// An attempt may be repeated after a crash at any point, so the work has to be idempotent; what
  /// it publishes goes through ``TaskContext/fence(_:)`` in the publishing transaction. On
  /// cancellation of the Swift task (time limit, signal) it should end soon; queries do by
  /// themselves.
  func run(in context: TaskContext) async throws -> Product
}

/// The task kinds by name: what decodes the tasks of a snapshot.
public struct TaskRegistry: Sendable {
  private let kinds: [String: any RunnableTask.Type]
  /// The program, with arguments, that runs one attempt with these kinds; nil for none.
  private let attemptCommand: [String]?
  /// How long such a program may take to end in order once it is told to stop.
  let grace: Duration

  /// A registry of these kinds.
  ///
  /// - Parameters:
  ///   - attemptCommand: the program, with arguments, that calls ``AttemptProcess`` with the same
  ///     kinds, for tasks whose attempts want a process of their own; nil where none does.
  ///   - grace: how long that process may take to stop in order before it is killed.
  /// - Throws: ``OrchestratorError`` `orchestrator.duplicate_kind` where two share a name.
  public init(
    _ types: [any RunnableTask.Type], attemptCommand: [String]? = nil,
    grace: Duration = .seconds(10)
  ) throws(OrchestratorError) {
    self.attemptCommand = attemptCommand
    self.grace = grace
    var kinds: [String: any RunnableTask.Type] = [:]
    for type in types {
      if let other = kinds.updateValue(type, forKey: type.kind) {
        throw OrchestratorError(
          code: "orchestrator.duplicate_kind",
          message: "expected one task kind named '\(type.kind)', found \(other) and \(type)",
          hint: "give each kind a name of its own")
      }
    }
    self.kinds = kinds
  }

  /// One without kinds, for what runs no task.
  static let empty = TaskRegistry()

  private init() {
    kinds = [:]
    attemptCommand = nil
    grace = .zero
  }

  /// The names of all kinds, sorted.
  public var names: [String] { kinds.keys.sorted() }

  /// What runs attempts of a task in a process of their own.
  func commandForAttempts(_ definition: TaskDefinition) throws(OrchestratorError) -> [String] {
    guard let attemptCommand, !attemptCommand.isEmpty else {
      throw OrchestratorError(
        code: "orchestrator.no_attempt_command",
        message: "task '\(definition.id)' wants a process of its own, which this program does not "
          + "know how to start", hint: "give TaskRegistry an attemptCommand", isPermanent: true)
    }
    return attemptCommand
  }

  /// The task of a definition.
  ///
  /// - Throws: ``OrchestratorError`` `orchestrator.unknown_kind` or `orchestrator.bad_config`.
  public func task(
    for definition: TaskDefinition
  ) throws(OrchestratorError) -> any RunnableTask {
    guard let type = kinds[definition.kind] else {
      throw OrchestratorError(
        code: "orchestrator.unknown_kind",
        message: "expected a known kind for task '\(definition.id)', found '\(definition.kind)'",
        hint: Suggestion.hint(for: definition.kind, among: kinds.keys), isPermanent: true)
    }
    do {
      return try definition.config.decoded(as: type)
    } catch {
      throw OrchestratorError(
        code: "orchestrator.bad_config",
        message: "task '\(definition.id)' does not decode as \(definition.kind): \(error)",
        hint: "the run was begun with another version of this kind", isPermanent: true)
    }
  }
}
