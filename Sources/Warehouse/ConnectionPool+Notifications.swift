import Schedules

/// What a listener that outlives its connections hears.
public enum NotificationEvent: Sendable, Equatable {
  /// The channels are being listened to, from now on: at the start and after each reconnection.
  /// What was sent before may have been missed, so look at the tables.
  case listening
  /// A notification.
  case notification(Notification)
}

extension ConnectionPool {
  /// Listens on a connection of its own, beyond the pool's limit, and connects again with growing
  /// waits when it breaks.
  ///
  /// The stream ends with an error when the tries are used up or the fault does not pass by itself
  /// (a wrong password). Letting go of the stream closes the connection.
  public func notifications(
    on channels: [String], backOff: BackOff = .patient
  ) -> AsyncThrowingStream<NotificationEvent, any Error> {
    var options = options
    options.backOff = backOff
    let fixed = options
    let (stream, continuation) = AsyncThrowingStream<NotificationEvent, any Error>.makeStream()
    let task = Task {
      do {
        while !Task.isCancelled {
          try await Self.listen(channels, fixed, continuation)
        }
        continuation.finish()
      } catch {
        continuation.finish(throwing: error)
      }
    }
    continuation.onTermination = { _ in task.cancel() }
    return stream
  }

  /// Connects and hands on notifications until the connection breaks.
  private static func listen(
    _ channels: [String], _ options: ConnectionOptions,
    _ continuation: AsyncThrowingStream<NotificationEvent, any Error>.Continuation
  ) async throws {
    let connection = try await Connection.connect(options)
    do {
      for channel in channels { try await connection.listen(channel) }
      let notifications = try await connection.notifications()
      continuation.yield(.listening)
      for try await notification in notifications {
        continuation.yield(.notification(notification))
      }
      await connection.close()
    } catch {
      await connection.close()
      // Connect again where that may help; everything else is for the reader.
      guard Connection.isTransient(error) else { throw error }
    }
  }
}
