import Features
import Inputs
import Models
import Orchestrator
import Pipeline
import Rules
import Schedules
import Segments
import Tasks
import Telemetry
import Warehouse

/// An error as the command line shows it, with the exit code it leads to.
struct Fault {
  let code: String
  let message: String
  let hint: String?
  let exitCode: Int32

  /// Nil for errors that are not Strata's own, which the argument parser knows how to print.
  init?(of error: any Error) {
    switch error {
    case let error as UsageError:
      self.init(code: "usage", message: error.message, hint: error.hint, exitCode: 2)
    case let error as PipelineError:
      self.init(
        code: error.code, message: error.description, hint: error.hint, exitCode: 2)
    case let error as Permanent:
      guard let inner = Fault(of: error.cause) else { return nil }
      self = inner
    case let error as WarehouseError:
      // Its description names the query and the place in it; the hint gets its own line.
      var bare = error
      bare.hint = nil
      self.init(
        code: error.code, message: bare.description, hint: error.hint,
        exitCode: Self.exitCode(error))
    case let error as TelemetryError:
      self.init(code: error.code, message: error.message, hint: error.hint, exitCode: 2)
    case let error as any CodedError:
      self.init(
        code: error.code, message: error.fullMessage, hint: error.hint,
        exitCode: Self.exitCode(error))
    default:
      return nil
    }
  }

  init(code: String, message: String, hint: String?, exitCode: Int32) {
    self.code = code
    self.message = message
    self.hint = hint
    self.exitCode = exitCode
  }

  /// SEMANTICS §8.10: 1 a run failed, 2 usage or definitions, 3 in flight, 4 unreachable, 5 checks.
  private static func exitCode(_ error: any CodedError) -> Int32 {
    switch error {
    case let error as OrchestratorError: error.code == OrchestratorError.runInFlight ? 3 : 2
    case let error as InputError:
      switch error.code {
      case "inputs.contract_breached", "inputs.stale": 5
      case "inputs.source_unreachable": 4
      default: 2
      }
    default: 2
    }
  }

  private static func exitCode(_ error: WarehouseError) -> Int32 {
    if error.isTransientConnectionFailure { return 4 }
    if Distributor.errorCodes.contains(error.code) { return 5 }
    return switch error.code {
    case "warehouse.authentication_failed", "warehouse.unknown_database",
      "warehouse.cluster_start_failed", "warehouse.no_server_binaries",
      "warehouse.permission_denied", "warehouse.wrong_owner", "warehouse.data_version":
      4
    case "warehouse.bad_url", "warehouse.future_schema", "warehouse.edited_migration",
      "warehouse.skipped_migration", "warehouse.bad_migration":
      2
    default: 1
    }
  }

  func text(colour: Bool) -> String {
    var text = Style.red("error: ", if: colour) + message
    if let hint, !message.contains(hint) {
      text += "\n" + Style.bold("  hint: ", if: colour) + hint
    }
    return text + Style.dim("  [\(code)]", if: colour)
  }
}

/// Arguments that parse but make no sense together.
struct UsageError: Error {
  let message: String
  var hint: String?
}
