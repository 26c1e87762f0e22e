import Columns
import Schedules

/// Who entered or left which segments of a whole evaluation, and for whom what differs from the rules
/// is other now, as bytes.
///
/// Entering and leaving are one thing here: a membership that turns. So changes that follow each
/// other are applied in their order, and those of one customer and segment cancel in pairs.
///
/// Bytes: per segment its ordinal, the number of customers, and the gaps between their numbers, all as
/// varints; the first gap is from 0, as a signed number's bits. Of differences, in place of the ordinal,
/// what the customers of one share.
struct MembershipChanges: Sendable, Equatable {
  /// By the ordinal of the segment: the customers, ascending.
  var turned: [Int: [Int64]] = [:]

  /// By kind of difference from the rules: the customers who have it now and had not, or the other way
  /// round, ascending.
  var differing: [MembershipDifference.Key: [Int64]] = [:]

  var isEmpty: Bool {
    turned.allSatisfy { $0.value.isEmpty } && differing.allSatisfy { $0.value.isEmpty }
  }

  func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    for (ordinal, customers) in turned.sorted(by: { $0.key < $1.key }) where !customers.isEmpty {
      EvaluationCodec.append(UInt64(ordinal), to: &bytes)
      Self.append(customers, to: &bytes)
    }
    return bytes
  }

  /// The bytes of the differences; nil where there is none.
  func encodedDifferences() -> [UInt8]? {
    var bytes: [UInt8] = []
    let sorted = differing.sorted { MembershipDifference.Key.precedes($0.key, $1.key) }
    for (key, customers) in sorted where !customers.isEmpty {
      let reason = MembershipDifference.Reason.allCases.firstIndex(of: key.reason) ?? 0
      EvaluationCodec.append(UInt64(key.segment), to: &bytes)
      EvaluationCodec.append(UInt64(reason * 2 + (key.isRuled ? 1 : 0)), to: &bytes)
      EvaluationCodec.append(UInt64(key.winner.map { $0 + 1 } ?? 0), to: &bytes)
      let channel = Array((key.channel ?? "").utf8)
      EvaluationCodec.append(UInt64(channel.count), to: &bytes)
      bytes += channel
      Self.append(customers, to: &bytes)
    }
    return bytes.isEmpty ? nil : bytes
  }

  private static func append(_ customers: [Int64], to bytes: inout [UInt8]) {
    EvaluationCodec.append(UInt64(customers.count), to: &bytes)
    var last: Int64 = 0
    for customer in customers {
      EvaluationCodec.append(UInt64(bitPattern: customer &- last), to: &bytes)
      last = customer
    }
  }

  /// - Throws: `segments.evaluation_damaged`.
  init(decoding bytes: [UInt8], differences: [UInt8]? = nil, segments: Int) throws {
    var position = 0
    while position < bytes.count {
      let ordinal = try EvaluationCodec.number(bytes, &position)
      guard ordinal < UInt64(segments) else {
        throw EvaluationCodec.damaged("changes of a segment that it lacks")
      }
      turned[Int(ordinal)] = try Self.customers(bytes, &position)
    }
    guard let differences else { return }
    position = 0
    while position < differences.count {
      let key = try Self.key(differences, &position, segments: segments)
      differing[key] = try Self.customers(differences, &position)
    }
  }

  private static func customers(_ bytes: [UInt8], _ position: inout Int) throws -> [Int64] {
    let count = try EvaluationCodec.number(bytes, &position)
    // A customer takes a byte at least.
    guard count <= UInt64(bytes.count - position) else {
      throw EvaluationCodec.damaged("changes of more customers than it has bytes for")
    }
    var last: Int64 = 0
    return try (0..<Int(count)).map { _ in
      last = last &+ Int64(bitPattern: try EvaluationCodec.number(bytes, &position))
      return last
    }
  }

  private static func key(
    _ bytes: [UInt8], _ position: inout Int, segments: Int
  ) throws -> MembershipDifference.Key {
    let segment = try EvaluationCodec.number(bytes, &position)
    let kind = try EvaluationCodec.number(bytes, &position)
    let winner = try EvaluationCodec.number(bytes, &position)
    let length = try EvaluationCodec.number(bytes, &position)
    let reasons = MembershipDifference.Reason.allCases
    guard segment < UInt64(segments), winner <= UInt64(segments),
      kind < UInt64(reasons.count * 2), length <= UInt64(bytes.count - position)
    else { throw EvaluationCodec.damaged("a difference of a segment or kind that it lacks") }
    let channel = bytes[position..<position + Int(length)]
    position += Int(length)
    return MembershipDifference.Key(
      segment: Int(segment), reason: reasons[Int(kind / 2)],
      winner: winner == 0 ? nil : Int(winner) - 1,
      channel: channel.isEmpty ? nil : String(decoding: channel, as: UTF8.self),
      isRuled: kind % 2 == 1)
  }

  init(turned: [Int: [Int64]]) { self.turned = turned }
}

extension SegmentEvaluation {
  /// The evaluation at a later instant, after changes in their order.
  func applying(_ changes: [MembershipChanges], asOf: Instant) -> SegmentEvaluation {
    if changes.isEmpty, asOf == self.asOf { return self }
    let later = Set(
      changes.flatMap { Array($0.turned.values.joined()) + Array($0.differing.values.joined()) }
    ).filter { customers.row(of: $0) == nil }
    let all = later.isEmpty ? customers : IDIndex(customers.ids + later)
    let remap = RowMap(from: customers, to: all)
    var sets = members.map { remap($0) }
    for change in changes {
      for (ordinal, customers) in change.turned {
        for customer in customers {
          if let row = all.row(of: customer) { sets[ordinal][row].toggle() }
        }
      }
    }
    var differing: [MembershipDifference.Key: SparseRows] = [:]
    for difference in differences { differing[difference.key] = remap(difference.customers) }
    for change in changes {
      for (key, customers) in change.differing {
        for customer in customers {
          if let row = all.row(of: customer) { differing[key, default: SparseRows([])].toggle(row) }
        }
      }
    }
    return SegmentEvaluation(
      asOf: asOf, customers: all, segments: segments, members: sets,
      differences: differing.filter { !$0.value.isEmpty }.map { MembershipDifference($0, $1) }
        .sorted { MembershipDifference.Key.precedes($0.key, $1.key) })
  }

  /// The same with other differences; empty ones are left out.
  func differing(_ differences: [MembershipDifference]) -> SegmentEvaluation {
    SegmentEvaluation(
      asOf: asOf, customers: customers, segments: segments, members: members,
      differences: differences.filter { !$0.customers.isEmpty })
  }

  /// The differences as bytes; nil where there is none.
  var encodedDifferences: [UInt8]? {
    var changes = MembershipChanges(turned: [:])
    for difference in differences {
      changes.differing[difference.key] = difference.customers.rows.map { customers.ids[Int($0)] }
    }
    return changes.encodedDifferences()
  }

  /// The differences of bytes that ``encodedDifferences`` made.
  ///
  /// - Throws: `segments.evaluation_damaged`.
  static func differences(
    decoding bytes: [UInt8]?, of customers: IDIndex, segments: Int
  ) throws -> [MembershipDifference] {
    guard let bytes else { return [] }
    let found = try MembershipChanges(decoding: [], differences: bytes, segments: segments)
    return try found.differing.map { key, ids in
      let rows = ids.compactMap { customers.row(of: $0) }
      guard rows.count == ids.count else {
        throw EvaluationCodec.damaged("a difference of customers that it lacks")
      }
      return MembershipDifference(key, SparseRows(rows))
    }.sorted { MembershipDifference.Key.precedes($0.key, $1.key) }
  }
}
