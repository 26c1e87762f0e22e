import FeatureStore
import Features
import Inputs
import Learning
import Models
import Orchestrator
import Rules
import Schedules
import Segments

// The rooms below know nothing of the orchestrator; here their errors get what it records.
// A definition or an input that is wrong stays wrong: none of these is worth another attempt
// unless its room says so.

extension InputError: CodedError {
  /// Every problem with its place.
  public var fullMessage: String { description }
  /// True, for another attempt reads the same; unless another database did not answer.
  public var isPermanent: Bool { code != "inputs.source_unreachable" }
}

extension FeatureError: CodedError {
  /// Every problem with its place.
  public var fullMessage: String { problems.isEmpty ? message : description }
  /// True: another attempt computes the same.
  public var isPermanent: Bool { true }
}

extension ScheduleError: CodedError {
  /// True.
  public var isPermanent: Bool { true }
}

extension ModelError: CodedError {
  /// Every problem with its place.
  public var fullMessage: String { problems.isEmpty ? message : description }
}

extension FeatureStoreError: CodedError {}

extension RuleErrors: CodedError {
  /// The code of the first problem.
  public var code: String { errors.first?.code ?? "rules.invalid" }
  /// Every problem with its place.
  public var message: String { description }
  /// Each problem carries its own.
  public var hint: String? { nil }
  /// True: the catalogue is wrong.
  public var isPermanent: Bool { true }
}

extension LearningError: CodedError {
  /// True: another attempt computes the same.
  public var isPermanent: Bool { true }
}

extension SegmentError: CodedError {}
