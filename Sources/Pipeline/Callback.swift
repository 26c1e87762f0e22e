/// What a callback is told of.
public enum CallbackEvent: String, Codable, Sendable, Hashable, CaseIterable {
  /// The task or run failed; for a task, also when something upstream did.
  case failure
  /// It ended well.
  case success
  /// An attempt failed, and another will follow; of tasks only.
  case retry
  /// The run is past its deadline; of DAGs only.
  case deadline
  /// It did not have to run; of tasks only.
  case skipped
}

/// A command or an address that hears of a task's or a run's fate.
public struct Callback: Sendable, Hashable {
  /// How it is called.
  public enum Action: Sendable, Hashable {
    /// A program and its arguments, without a shell; the event comes as JSON on standard input.
    case command([String])
    /// A POST of the event as JSON to an `http` or `https` URL.
    case webhook(url: String)
  }

  /// What it is told of.
  public let on: Set<CallbackEvent>
  /// How it is called.
  public let action: Action

  /// Calls `action` on any of the events.
  public init(on events: Set<CallbackEvent>, _ action: Action) {
    on = events
    self.action = action
  }
}

extension Callback: Codable {
  private enum CodingKeys: String, CodingKey { case on, command, webhook }

  /// Decodes `{"on": ["failure"], "command": ["mail", "ops"]}`, or `"webhook": "https://…"`.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    on = Set(try container.decode([CallbackEvent].self, forKey: .on))
    if let url = try container.decodeIfPresent(String.self, forKey: .webhook) {
      action = .webhook(url: url)
    } else {
      action = .command(try container.decode([String].self, forKey: .command))
    }
  }

  /// Encodes the events in alphabetical order, so that the same callback has the same bytes.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(on.map(\.rawValue).sorted(), forKey: .on)
    switch action {
    case .command(let words): try container.encode(words, forKey: .command)
    case .webhook(let url): try container.encode(url, forKey: .webhook)
    }
  }
}
