import Columns
import Schedules
import Warehouse

/// The live memberships in memory: what a step compares its few customers with.
///
/// True for the publication that it names. Steps of other processes are caught up with from their
/// changes; a publication of everyone is not, and asks for ``load(_:)`` again.
public struct LiveMembership: Sendable {
  /// The live publication.
  public internal(set) var publicationID: Int32
  /// Its as-of.
  public internal(set) var asOf: Instant
  /// The segments in the order of their ordinals.
  public let segments: [SegmentDefinition]

  /// The publication recorded last, which may be another where an earlier as-of was corrected.
  var lastID: Int32
  var lastPublishedAt: Instant?
  /// The whole evaluation that changes refer to.
  let evaluationID: Int64
  /// Number and rule version of each segment.
  let ids: [(segment: Int32, version: Int32)]
  private let index: IDIndex
  private var laterRows: [Int64: Int] = [:]
  /// By the ordinal of the segment; rows beyond the index follow it.
  private var sets: [[UInt64]]
  /// The same of the differences from the rules.
  private var differing: [MembershipDifference.Key: SparseRows]
  /// How many members each segment has.
  private(set) var sizes: [Int]

  /// Reads the live publication.
  ///
  /// - Returns: nil before the first publication.
  /// - Throws: ``SegmentError`` `segments.live_evaluation_lost`, `segments.evaluation_damaged`.
  public static func load(_ pool: ConnectionPool) async throws -> LiveMembership? {
    try await pool.transaction(.repeatableRead, readOnly: true) { try await load(on: $0) }
  }

  /// Reads the live publication in the caller's transaction, which holds the publish lock or keeps its
  /// snapshot.
  static func load(on connection: Connection) async throws -> LiveMembership? {
    let last = try await connection.first(
      SQL(file: "queries/segments/select_last_publication.sql"))
    guard let live = try await EarlierPublications.entry(before: nil, on: connection) else {
      return nil
    }
    var versions: [String: (Int32, Int32)] = [:]
    let rows = try await connection.query(SQL(file: "queries/segments/list_live_versions.sql"))
    for row in rows {
      versions[try row.get("name")] = (try row.get("segment_id"), try row.get("version_id"))
    }
    return try LiveMembership(
      live, versions: versions, lastID: try last?.get("publication_id") ?? live.id,
      lastPublishedAt: try last?.get("published_at", as: Instant?.self))
  }

  private init(
    _ live: EarlierPublications.Entry, versions: [String: (Int32, Int32)], lastID: Int32,
    lastPublishedAt: Instant?
  ) throws {
    let evaluation = live.evaluation
    publicationID = live.id
    asOf = live.asOf
    evaluationID = live.evaluationID
    segments = evaluation.segments
    index = evaluation.customers
    sets = evaluation.members.map(\.words)
    differing = Dictionary(
      evaluation.differences.map { ($0.key, $0.customers) }, uniquingKeysWith: { $1 })
    sizes = evaluation.members.map(\.population)
    self.lastID = lastID
    self.lastPublishedAt = lastPublishedAt
    ids = try segments.map { segment in
      guard let found = versions[segment.name] else {
        throw SegmentError(
          code: "segments.out_of_step",
          message: "expected the live segment '\(segment.name)' in segments.segment, found none",
          hint: "was it changed by hand? Publish a night again")
      }
      return found
    }
  }

  /// Whether another evaluation has the same members in the same segments.
  public func isSame(as evaluation: SegmentEvaluation) -> Bool {
    guard segments == evaluation.segments, hasSameDifferences(as: evaluation) else { return false }
    return segments.indices.allSatisfy { ordinal in
      let members = evaluation.members[ordinal]
      guard members.population == sizes[ordinal] else { return false }
      var isSame = true
      members.forEach { row in
        if !isMember(evaluation.customers.ids[row], of: ordinal) { isSame = false }
      }
      return isSame
    }
  }

  private func hasSameDifferences(as evaluation: SegmentEvaluation) -> Bool {
    let mine = differing.filter { !$0.value.isEmpty }
    guard mine.count == evaluation.differences.count else { return false }
    return evaluation.differences.allSatisfy { difference in
      guard let rows = mine[difference.key], rows.count == difference.customers.count
      else { return false }
      return difference.customers.rows.allSatisfy { has(evaluation.customers.ids[Int($0)], rows) }
    }
  }

  /// What decides about a customer and a segment besides the rule; nil for nothing.
  func difference(of customer: Int64, in ordinal: Int) -> MembershipDifference.Key? {
    if differing.isEmpty { return nil }
    return differing.first { $0.key.segment == ordinal && has(customer, $0.value) }?.key
  }

  private func has(_ customer: Int64, _ rows: SparseRows) -> Bool {
    row(of: customer).map { rows.contains($0) } ?? false
  }

  private func has(_ customer: Int64, _ words: [UInt64]) -> Bool {
    guard let row = row(of: customer) else { return false }
    return row >> 6 < words.count && words[row >> 6] & (1 << UInt64(row & 63)) != 0
  }

  /// Whether a customer is in a segment.
  func isMember(_ customer: Int64, of ordinal: Int) -> Bool {
    has(customer, sets[ordinal])
  }

  /// What a step's evaluation of some customers turns.
  ///
  /// - Parameter touched: the customers; those that the evaluation lacks are in no segment.
  func changes(
    to evaluation: SegmentEvaluation, touched: IDIndex
  ) -> MembershipChanges {
    let rows = touched.rows(in: evaluation.customers)
    let mine = touched.ids.map { row(of: $0) }
    var changes = MembershipChanges(turned: [:])
    for ordinal in segments.indices {
      let members = evaluation.members[ordinal]
      let words = sets[ordinal]
      var turned: [Int64] = []
      for place in rows.indices {
        let now = rows[place] >= 0 && members[rows[place]]
        var before = false
        if let row = mine[place], row >> 6 < words.count {
          before = words[row >> 6] & (1 << UInt64(row & 63)) != 0
        }
        if now != before { turned.append(touched.ids[place]) }
      }
      if !turned.isEmpty { changes.turned[ordinal] = turned }
    }
    if differing.isEmpty, evaluation.differences.isEmpty { return changes }
    let now = Dictionary(
      evaluation.differences.map { ($0.key, $0.customers) }, uniquingKeysWith: { $1 })
    for key in Set(differing.keys).union(now.keys) {
      let turned = touched.ids.indices.filter { place in
        let isNow = rows[place] >= 0 && now[key]?.contains(rows[place]) ?? false
        return isNow != (mine[place].flatMap { differing[key]?.contains($0) } ?? false)
      }
      if !turned.isEmpty { changes.differing[key] = turned.map { touched.ids[$0] } }
    }
    return changes
  }

  /// Turns memberships.
  mutating func apply(_ changes: MembershipChanges) {
    for (ordinal, customers) in changes.turned {
      for customer in customers {
        let row = ensureRow(of: customer)
        while sets[ordinal].count <= row >> 6 { sets[ordinal].append(0) }
        let bit = UInt64(1) << UInt64(row & 63)
        sizes[ordinal] += sets[ordinal][row >> 6] & bit == 0 ? 1 : -1
        sets[ordinal][row >> 6] ^= bit
      }
    }
    for (key, customers) in changes.differing {
      for customer in customers {
        let row = ensureRow(of: customer)
        differing[key, default: SparseRows([])].toggle(row)
      }
    }
  }

  private func row(of customer: Int64) -> Int? { index.row(of: customer) ?? laterRows[customer] }

  private mutating func ensureRow(of customer: Int64) -> Int {
    if let row = row(of: customer) { return row }
    // Bits beyond the index's count are clear.
    let row = index.count + laterRows.count
    laterRows[customer] = row
    return row
  }
}
