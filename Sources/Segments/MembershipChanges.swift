import Columns
import Schedules

/// Who entered or left which segments of a whole evaluation, as bytes.
///
/// Entering and leaving are one thing here: a membership that turns. So changes that follow each
/// other are applied in their order, and those of one customer and segment cancel in pairs.
///
/// Bytes: per segment its ordinal, the number of customers, and the gaps between their numbers, all as
/// varints; the first gap is from 0, as a signed number's bits.
struct MembershipChanges: Sendable, Equatable {
  /// By the ordinal of the segment: the customers, ascending.
  var turned: [Int: [Int64]] = [:]

  var isEmpty: Bool { turned.allSatisfy { $0.value.isEmpty } }

  func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    for (ordinal, customers) in turned.sorted(by: { $0.key < $1.key }) where !customers.isEmpty {
      EvaluationCodec.append(UInt64(ordinal), to: &bytes)
      EvaluationCodec.append(UInt64(customers.count), to: &bytes)
      var last: Int64 = 0
      for customer in customers {
        EvaluationCodec.append(UInt64(bitPattern: customer &- last), to: &bytes)
        last = customer
      }
    }
    return bytes
  }

  /// - Throws: `segments.evaluation_damaged`.
  init(decoding bytes: [UInt8], segments: Int) throws {
    var position = 0
    while position < bytes.count {
      let ordinal = try EvaluationCodec.number(bytes, &position)
      let count = try EvaluationCodec.number(bytes, &position)
      // A customer takes a byte at least.
      guard ordinal < UInt64(segments), count <= UInt64(bytes.count - position) else {
        throw EvaluationCodec.damaged("changes of a segment that it lacks")
      }
      var last: Int64 = 0
      turned[Int(ordinal)] = try (0..<Int(count)).map { _ in
        last = last &+ Int64(bitPattern: try EvaluationCodec.number(bytes, &position))
        return last
      }
    }
  }

  init(turned: [Int: [Int64]]) { self.turned = turned }
}

extension SegmentEvaluation {
  /// The evaluation at a later instant, after changes in their order.
  func applying(_ changes: [MembershipChanges], asOf: Instant) -> SegmentEvaluation {
    if changes.isEmpty, asOf == self.asOf { return self }
    let later = Set(changes.flatMap { $0.turned.values.joined() }).filter {
      customers.row(of: $0) == nil
    }
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
    return SegmentEvaluation(asOf: asOf, customers: all, segments: segments, members: sets)
  }
}
