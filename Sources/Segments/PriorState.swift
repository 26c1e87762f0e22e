import Columns
import Rules
import Schedules

/// Who was a member at a midnight, of the segments whose rules ask about it: what the next evaluation
/// needs to know of the past.
public struct PriorState: Sendable, Equatable {
  /// The local midnight whose memberships these are.
  public let midnight: Instant
  /// The local day that begins at the midnight.
  public let day: Day
  /// Everyone who was evaluated; a customer's row is its position.
  public let customers: IDIndex
  /// The members of segments that are easier to stay in than to enter.
  public let members: [String: Bitset]
  /// Of segments that `was_member_of` asks about, the number of the day (``Schedules/Day/number``) that
  /// began at the last midnight of membership; null for never.
  public let lastDays: [String: Dense<Int32>]

  init(
    midnight: Instant, day: Day, customers: IDIndex, members: [String: Bitset],
    lastDays: [String: Dense<Int32>]
  ) {
    self.midnight = midnight
    self.day = day
    self.customers = customers
    self.members = members
    self.lastDays = lastDays
  }

  /// Before the first midnight nobody was a member of anything.
  init(before midnight: Instant, zone: Zone, _ needs: PriorNeeds) {
    let nobody = Bitset(count: 0)
    self.init(
      midnight: midnight, day: RuleMoment(asOf: midnight, zone: zone).day + 1,
      customers: IDIndex([]),
      members: Dictionary(needs.members.map { ($0, nobody) }, uniquingKeysWith: { one, _ in one }),
      lastDays: Dictionary(
        needs.lastDays.map { ($0, Dense<Int32>([])) }, uniquingKeysWith: { one, _ in one }))
  }

  /// The same in the rows of some customers; who was not there was no member.
  public func rows(of index: IDIndex) -> PriorMembership {
    if index == customers { return PriorMembership(members: members, lastDays: lastDays) }
    let rows = index.rows(in: customers)
    return PriorMembership(
      members: members.mapValues { set in
        Bitset(count: rows.count) { rows[$0] >= 0 && set[rows[$0]] }
      },
      lastDays: lastDays.mapValues { column in
        let values = rows.map { $0 < 0 ? nil : column[$0] }
        return Dense(
          values.map { $0 ?? 0 }, present: Bitset(count: values.count) { values[$0] != nil })
      })
  }

  /// The state of the midnight of an evaluation that was made with this one.
  ///
  /// - Parameter evaluation: of everyone, raw: what the rules say, before overrides and conflicts.
  func next(_ evaluation: SegmentEvaluation, _ needs: PriorNeeds, zone: Zone) -> PriorState {
    let before = rows(of: evaluation.customers)
    let count = evaluation.customers.count
    let nobody = Bitset(count: count)
    let day = RuleMoment(asOf: evaluation.asOf, zone: zone).day + 1
    var lastDays: [String: Dense<Int32>] = [:]
    for name in needs.lastDays {
      let now = evaluation.members(of: name) ?? nobody
      let old = before.lastDays[name]
      let present = (old?.present ?? Bitset(count: count, repeating: old != nil)) | now
      lastDays[name] = Dense(
        (0..<count).map { now[$0] ? day.number : old?.values[$0] ?? 0 }, present: present)
    }
    return PriorState(
      midnight: evaluation.asOf, day: day, customers: evaluation.customers,
      members: Dictionary(
        needs.members.map { ($0, evaluation.members(of: $0) ?? nobody) },
        uniquingKeysWith: { one, _ in one }),
      lastDays: lastDays)
  }
}

extension PriorState {
  /// The bytes of the sets, by the order of the needs.
  func encoded(_ needs: PriorNeeds) -> [UInt8] {
    var bytes: [UInt8] = []
    func add(_ part: [UInt8]) {
      EvaluationCodec.append(UInt64(part.count), to: &bytes)
      bytes += part
    }
    let nobody = Bitset(count: customers.count)
    for name in needs.members { add(EvaluationCodec.encode(members[name] ?? nobody)) }
    for name in needs.lastDays {
      let column = lastDays[name]
      let there = Bitset(count: customers.count) { column?[$0] != nil }
      add(EvaluationCodec.encode(there))
      var ages: [UInt8] = []
      there.forEach { row in
        let age = Int64(day.number) - Int64(column?.values[row] ?? 0)
        EvaluationCodec.append(UInt64(clamping: age), to: &ages)
      }
      add(ages)
    }
    return bytes
  }

  /// The state of bytes that ``encoded(_:)`` wrote.
  ///
  /// - Throws: `segments.evaluation_damaged`.
  init(
    midnight: Instant, zone: Zone, customers: IDIndex, _ needs: PriorNeeds, decoding bytes: [UInt8]
  ) throws {
    let count = customers.count
    let day = RuleMoment(asOf: midnight, zone: zone).day + 1
    var position = 0
    func part() throws -> [UInt8] {
      let length = try EvaluationCodec.number(bytes, &position)
      guard length <= UInt64(bytes.count - position) else {
        throw EvaluationCodec.damaged("a prior state that is cut off")
      }
      defer { position += Int(length) }
      return Array(bytes[position..<(position + Int(length))])
    }
    var members: [String: Bitset] = [:]
    for name in needs.members {
      members[name] = try EvaluationCodec.decodeSet(try part(), count: count)
    }
    var lastDays: [String: Dense<Int32>] = [:]
    for name in needs.lastDays {
      let there = try EvaluationCodec.decodeSet(try part(), count: count)
      let ages = try part()
      var values = [Int32](repeating: 0, count: count)
      var place = 0
      try there.forEach { row in
        let age = try EvaluationCodec.number(ages, &place)
        values[row] = day.number - Int32(clamping: age)
      }
      lastDays[name] = Dense(values, present: there)
    }
    self.init(
      midnight: midnight, day: day, customers: customers, members: members, lastDays: lastDays)
  }
}
