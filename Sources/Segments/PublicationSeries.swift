import Columns
import Schedules
import Warehouse

extension Publisher {
  /// One of several publications in a row.
  public struct Order: Sendable {
    /// What ``EvaluationStore/save(_:runID:)`` returned.
    public let evaluationID: Int64
    /// The run that publishes; nil outside a run.
    public let runID: Int64?
    /// Throws where the caller may no longer publish it.
    public let fence: Fence
    /// Records the run that publishes; nil where ``runID`` is that.
    var recording: (@Sendable (PublicationResult) throws -> SQL)?

    /// An order to publish an evaluation.
    public init(evaluationID: Int64, runID: Int64?, fence: @escaping Fence = { _ in }) {
      self.evaluationID = evaluationID
      self.runID = runID
      self.fence = fence
    }
  }

  /// Publishes evaluations of ascending as-ofs, as many in a transaction as take some ten seconds: the
  /// longer it is, the more spells open and end within it, which are written once.
  ///
  /// What is written is what as many single publications write. Each order's fence is asked in the
  /// transaction that publishes it. A run that has published its evaluation already, and was killed
  /// before it could tell, is told again what it did.
  ///
  /// - Parameter committed: told of each result in the order of `orders`, once it is committed.
  /// - Throws: as ``publish(evaluationID:runID:activity:fence:)``; what was committed stays.
  public nonisolated(nonsending) func publish(
    series orders: [Order],
    committed: nonisolated(nonsending) (Int, PublicationResult) async throws -> Void
  ) async throws {
    var position = 0
    while position < orders.count {
      try Task.checkCancellation()
      let part = Array(orders[position..<min(orders.count, position + SpellSeries.most)])
      let results = try await publish(together: part)
      CrashPoint.publishAfterCommit.pass()
      try await summarizeBlocks()
      for result in results {
        try await committed(position, result)
        position += 1
      }
    }
  }

  /// Publishes the first of some orders, and as many of those after it as follow each other, in one
  /// transaction.
  private func publish(together orders: [Order]) async throws -> [PublicationResult] {
    guard let first = orders.first else { return [] }
    return try await pool.transaction(lasting: true) { connection in
      let publisher = try await locking(connection)
      try await ask(first.fence, on: connection)
      let done = try await PublicationSummary.find(
        of: first.runID, evaluation: first.evaluationID, on: connection)
      if let done { return [done] }
      let opening = try await EvaluationStore.load(first.evaluationID, on: connection)
      let earlier = try await EarlierPublications.load(before: opening.asOf, on: connection)
      if earlier.isPast(opening.asOf) || earlier.live?.asOf == opening.asOf {
        // A past as-of, or the live one again: what is recorded may have to be taken back.
        return [
          try await publisher.publish(
            first, opening, earlier, activity: .recorded, on: connection)
        ]
      }
      let writer = SeriesWriter(
        connection: connection, publisher: publisher, earlier: earlier,
        customers: try await Self.customers(of: orders, opening, on: connection))
      let results = try await write(writer, SeriesEntry(evaluation: opening), orders)
      for order in orders.prefix(results.count) { try await order.fence(connection) }
      CrashPoint.publishBeforeCommit.pass()
      return results
    }
  }

  /// Decides publications one after the other and writes them together: the next is fetched while one is
  /// decided, and what is certain is written meanwhile.
  private func write(
    _ writer: SeriesWriter, _ first: SeriesEntry, _ orders: [Order]
  ) async throws -> [PublicationResult] {
    try await withThrowingTaskGroup(of: Void.self) { writing in
      var writer = writer
      var (entry, position) = (first, 0)
      while true {
        try Task.checkCancellation()
        let following = position + 1 < orders.count ? orders[position + 1] : nil
        let (evaluation, decide) = (entry.evaluation, writer.decision)
        async let decided = decide(evaluation)
        let fetched = try await SeriesEntry.fetch(following, after: evaluation.asOf, from: pool)
        let decision = await decided
        if writer.takesConnection(entry, decision) { try await writing.waitForAll() }
        try await writer.add(entry, decided: decision, orders[position])
        if let passing = writer.takePassing() {
          try await writing.waitForAll()
          let connection = writer.connection
          writing.addTask { try await passing.write(on: connection) }
        }
        guard let next = fetched, writer.rowsToWrite < Self.rowsTogether,
          writer.takes(next.evaluation)
        else { break }
        (entry, position) = (next, position + 1)
      }
      writer.prepareRest()
      try await writing.waitForAll()
      try await writer.finish()
      return writer.results
    }
  }

  /// How many rows of spells a transaction writes before it takes no more publications: some ten
  /// seconds, and as many times eight bytes in memory.
  private static let rowsTogether = 10_000_000

  /// The customers of the first evaluation and of the last that may go with it: ids only grow.
  private static func customers(
    of orders: [Order], _ opening: SegmentEvaluation, on connection: Connection
  ) async throws -> IDIndex {
    guard let last = orders.dropFirst().last,
      let latest = try await EvaluationStore.customers(of: last.evaluationID, on: connection)
    else { return opening.customers }
    return PublicationPlan.union(opening.customers, latest)
  }
}
