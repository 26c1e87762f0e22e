import Features
import Inputs
import Models
import Orchestrator
import Rules
import Schedules
import Segments

// The rooms below know nothing of the orchestrator; here their errors get what it records.
// A definition or an input that is wrong stays wrong: none of these is worth another attempt
// unless its room says so.

extension InputError: CodedError {
  /// True: another attempt reads the same.
  public var isPermanent: Bool { true }
}

extension FeatureError: CodedError {
  /// True: another attempt computes the same.
  public var isPermanent: Bool { true }
}

extension ScheduleError: CodedError {
  /// True.
  public var isPermanent: Bool { true }
}

extension ModelError: CodedError {}

extension SegmentError: CodedError {}
