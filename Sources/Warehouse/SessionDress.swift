/// How a session shows itself, and how long its statements may take.
struct SessionDress: Sendable, Equatable {
  /// The name in `pg_stat_activity`.
  let name: String
  /// When statements end; nil for never.
  let deadline: ContinuousClock.Instant?

  /// Milliseconds for `statement_timeout`: at least 1, since 0 means none.
  var timeoutMilliseconds: Int64 {
    guard let deadline else { return 0 }
    let left = (deadline - .now).components
    return max(1, left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000)
  }
}

extension Connection {
  /// Names the session in `pg_stat_activity`, without a limit for its statements; no round trip
  /// where it has that name. The pool renames it for the next one who takes it.
  ///
  /// - Parameter name: cut at 63 bytes by the server.
  public func rename(_ name: String) async throws {
    try await wear(SessionDress(name: name, deadline: nil))
  }

  /// Takes a name and a limit on; a round trip only where they differ from those of before.
  func wear(_ wanted: SessionDress) async throws {
    if dress == nil, wanted.deadline == nil, wanted.name == openedAs { return }
    if dress == wanted && wanted.deadline == nil { return }
    dress = nil
    try await execute(
      """
      SELECT set_config('application_name', \(wanted.name), false),
        set_config('statement_timeout', \(String(wanted.timeoutMilliseconds)), false)
      """)
    dress = wanted
  }
}
