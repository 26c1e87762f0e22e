import Foundation
import Pipeline
import Subprocess

/// Posts JSON to addresses, through a program of its own: `strata-webhook`.
///
/// Foundation's networking brings 31 shared libraries, which double the time that every command takes
/// to start (measured: 36 to 78 ms), for something that few runs do. So they are linked into a small
/// program beside this one, which also means that a connection that hangs can be killed.
public struct WebhookClient: Sendable {
  /// What it is given: one JSON object on standard input.
  struct Request: Codable, Sendable {
    let url: String
    let headers: [String: String]
    let body: String
    let timeoutSeconds: Double
  }

  /// The program with its arguments.
  public let command: [String]

  /// A client that runs this program.
  public init(command: [String]) { self.command = command }

  /// A client that runs the `strata-webhook` beside the program that runs now.
  public static let beside: WebhookClient = {
    // /proc is Linux's; elsewhere the first argument serves.
    let own =
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
      ?? CommandLine.arguments[0]
    let folder = URL(fileURLWithPath: own).deletingLastPathComponent()
    return WebhookClient(command: [folder.appendingPathComponent("strata-webhook").path])
  }()

  /// Posts a JSON body; returns where the answer is 2xx. Redirections are not followed.
  ///
  /// - Throws: ``OrchestratorError`` `orchestrator.webhook_failed` with the answer, or why there is
  ///   none.
  public func post(
    _ body: JSONValue, to url: String, headers: [String: String] = [:],
    timeLimit: Duration = .seconds(60)
  ) async throws {
    let request = Request(
      url: url,
      headers: headers.merging(["Content-Type": "application/json"]) { first, _ in first },
      body: body.canonicalText, timeoutSeconds: timeLimit.fractionalSeconds)
    let outcome: BoundedCommand.Outcome
    do {
      outcome = try await BoundedCommand(
        words: command, input: JSONValue(encoding: request).canonicalText,
        timeLimit: timeLimit + .seconds(2)
      ).run()
    } catch {
      throw Self.failure(
        url, "\(command.first ?? "") could not be started: \(error)",
        hint: "install strata-webhook beside strata")
    }
    guard outcome.status.isSuccess else {
      let words = outcome.lines.joined(separator: "; ")
      throw Self.failure(
        url, outcome.isTimedOut ? "no answer within \(timeLimit)" : words, hint: nil)
    }
  }

  private static func failure(_ url: String, _ message: String, hint: String?) -> OrchestratorError
  {
    // Addresses often hold a secret after their host.
    let place = URL(string: url).flatMap { url in url.host.map { "\(url.scheme ?? "")://\($0)" } }
    return OrchestratorError(
      code: "orchestrator.webhook_failed",
      message: "expected an answer of 2xx from \(place ?? "the address"), found: \(message)",
      hint: hint)
  }
}
