import Schedules

/// Rows as they are staged: what was accepted, and what was not.
extension RowMapper {
  /// Appends a good row, or says why it is none.
  func append(line: Int64, raw: UnsafeRawBufferPointer) -> Rejection? {
    let fields = plan.fields
    guard let customer = fields.customer.map({ slots[$0] }), customer.isValue, customer.count > 0
    else { return reject(.missingCustomer, "customer") }
    guard customer.count <= 1000 else { return reject(.tooLong, "customer") }
    let time = instant(fields.time)
    if destination != .customers, time == nil { return reject(.missingTime, timeField) }
    if let rejection = implausible(time, timeField) { return rejection }
    let validFrom = instant(fields.validFrom)
    if let rejection = implausible(validFrom, "valid_from") { return rejection }
    buffer.beginRow(fields: width)
    buffer.integer(line)
    if warned == 0 { buffer.null() } else { buffer.integer(Int64(bitPattern: warned)) }
    let content = buffer.count + 4
    buffer.integer(Int64(0))
    for total in plan.totals {
      let slot = slots[total.register]
      if slot.isValue { buffer.integer(slot.number) } else { buffer.null() }
    }
    buffer.null()
    buffer.null()
    buffer.text(raw)
    switch destination {
    case .events: if let rejection = appendEventID() { return rejection }
    case .merges: if let rejection = appendTarget() { return rejection }
    case .customers: break
    }
    let hashed = buffer.count
    buffer.text(customer.bytes)
    if let time { buffer.timestamp(time) } else { buffer.null() }
    switch destination {
    case .events:
      if let rejection = appendEvent(hashed: hashed, content: content) { return rejection }
    case .customers:
      append(plan.fields.properties)
      if let validFrom { buffer.timestamp(validFrom) } else { buffer.null() }
      buffer.patch(buffer.hash(from: hashed), at: content)
    case .merges: buffer.patch(buffer.hash(from: hashed), at: content)
    }
    if let time { note(time) }
    return nil
  }

  private var timeField: StaticString {
    switch destination {
    case .events: "occurred_at"
    case .customers: "first_seen_at"
    case .merges: "merged_at"
    }
  }

  /// The instant of a mapped time; nil where the row has none.
  private func instant(_ operand: Operand?) -> Int64? {
    guard let operand, slots[operand.register].isValue else { return nil }
    let value = slots[operand.register].number
    return operand.type == .date ? instant(value * 86_400_000_000) : value
  }

  private func implausible(_ time: Int64?, _ field: StaticString) -> Rejection? {
    guard let time else { return nil }
    if time < Self.earliest || time >= Self.latestEver { return reject(.timeOutOfRange, field) }
    return time >= latest ? reject(.futureTime, field) : nil
  }

  /// 1900-01-01 and 2200-01-01.
  static let earliest: Int64 = -2_208_988_800_000_000
  static let latestEver: Int64 = 7_258_118_400_000_000

  private func appendTarget() -> Rejection? {
    guard let target = plan.fields.target.map({ slots[$0] }), target.isValue, target.count > 0
    else { return reject(.missingCustomer, "to") }
    guard target.count <= 1000 else { return reject(.tooLong, "to") }
    buffer.text(target.bytes)
    return nil
  }

  private func appendEventID() -> Rejection? {
    guard let id = plan.fields.eventID.map({ slots[$0] }), id.isValue, id.count > 0 else {
      return reject(.missingEventID, "event_id")
    }
    guard id.count <= 1000 else { return reject(.tooLong, "event_id") }
    buffer.text(id.bytes)
    return nil
  }

  /// Appends an event's own fields and patches the hash of its content in.
  private func appendEvent(hashed: Int, content: Int) -> Rejection? {
    let fields = plan.fields
    guard let kind = fields.kind.map({ slots[$0] }), kind.isValue else {
      return reject(.missingKind, "kind")
    }
    guard
      let id = kinds.first(where: { $0.name.withUnsafeBytes { Bytes.equal($0, kind.bytes) } })?.id
    else {
      counted.note(unknownKind: String(decoding: kind.bytes.prefix(100), as: UTF8.self))
      return reject(.unknownKind, "kind")
    }
    buffer.integer(id)
    if let rejection = appendText(fields.item, "item") { return rejection }
    var quantity: Int64?
    if let rejection = number(fields.quantity, scale: 0, "quantity", .negativeQuantity, &quantity) {
      return rejection
    }
    if let quantity { buffer.integer(quantity) } else { buffer.null() }
    if let rejection = appendAmount(kind: id) { return rejection }
    append(fields.properties)
    // What a source does not map is not hashed: the hashes of its earlier rows stay what they are.
    if fields.order == nil, fields.profile.isEmpty {
      buffer.patch(buffer.hash(from: hashed), at: content)
      buffer.null()
      buffer.null()
      return nil
    }
    if let rejection = appendText(fields.order, "order", takesEmpty: false) { return rejection }
    // Only an update of the profile states one.
    append(id == Self.profileUpdate ? fields.profile : [])
    buffer.patch(buffer.hash(from: hashed), at: content)
    return nil
  }

  private static let profileUpdate = EventKind.id(of: "profile_update")

  /// A text that an index may have to hold; null where there is none.
  private func appendText(
    _ register: Int?, _ name: StaticString, takesEmpty: Bool = true
  ) -> Rejection? {
    guard let text = register.map({ slots[$0] }), text.isValue, takesEmpty || text.count > 0 else {
      buffer.null()
      return nil
    }
    guard text.count <= 1000 else { return reject(.tooLong, name) }
    buffer.text(text.bytes)
    return nil
  }

  private func appendAmount(kind: Int16) -> Rejection? {
    let fields = plan.fields
    var amount: Int64?
    if let rejection = number(fields.amount, scale: 4, "amount", .negativeAmount, &amount) {
      return rejection
    }
    guard let amount else {
      buffer.null()
      buffer.null()
      return nil
    }
    // numeric(18,4) holds fourteen digits before the point.
    guard amount < 1_000_000_000_000_000_000 else { return reject(.overflow, "amount") }
    buffer.numeric(tenThousandths: amount)
    guard let currency = fields.currency.map({ slots[$0] }), currency.isValue, currency.count == 3,
      currency.bytes.allSatisfy({ (65...90).contains($0) })
    else { return reject(.badCurrency, "currency") }
    buffer.text(currency.bytes)
    counted.note(currency: currency.bytes, kind: kind)
    return nil
  }

  /// A field's number at a scale, if that is exact and it is not below zero.
  private func number(
    _ field: RowPlan.Number?, scale: Int, _ name: StaticString, _ negative: RowReason,
    _ result: inout Int64?
  ) -> Rejection? {
    guard let field else { return nil }
    let slot = slots[field.register]
    if slot.state == .overflow { return reject(.overflow, name) }
    guard slot.isValue else { return nil }
    guard slot.number >= 0 else { return reject(negative, name) }
    if field.scale == scale {
      result = slot.number
    } else if field.scale > scale {
      let factor = Decimals.power(field.scale - scale) ?? 1
      guard slot.number % factor == 0 else { return reject(.tooManyDecimals, name) }
      result = slot.number / factor
    } else {
      let factor = Decimals.power(scale - field.scale) ?? 1
      let (value, over) = slot.number.multipliedReportingOverflow(by: factor)
      if over { return reject(.overflow, name) }
      result = value
    }
    return nil
  }

  /// A JSON object of the properties that have a value; null where none has.
  private func append(_ properties: [RowPlan.Property]) {
    json.removeAll(keepingCapacity: true)
    for property in properties {
      let slot = slots[property.operand.register]
      guard slot.isValue else { continue }
      json.append(json.isEmpty ? UInt8(ascii: "{") : UInt8(ascii: ","))
      json.append(contentsOf: property.key)
      json.append(UInt8(ascii: ":"))
      append(slot, property.operand.type)
    }
    if json.isEmpty { return buffer.null() }
    json.append(UInt8(ascii: "}"))
    json.withUnsafeBytes { buffer.json($0) }
  }

  private func append(_ slot: Slot, _ type: ValueType) {
    switch type {
    case .text, .null: JSONWriter.append(string: slot.bytes, to: &json)
    case .number(let scale):
      json.append(contentsOf: Decimals.text(Int128(slot.number), scale: scale).utf8)
    case .boolean: json.append(contentsOf: (slot.number != 0 ? "true" : "false").utf8)
    case .date:
      JSONWriter.append(string: Day(number: Int32(clamping: slot.number)).description, to: &json)
    case .timestamp:
      JSONWriter.append(string: Instant(microseconds: slot.number).description, to: &json)
    }
  }

  func appendRejected(line: Int64, raw: UnsafeRawBufferPointer, _ rejection: Rejection) {
    buffer.beginRow(fields: width)
    buffer.integer(line)
    buffer.null()
    buffer.null()
    for _ in plan.totals { buffer.null() }
    reasonTexts[rejection.reason].withUnsafeBytes { buffer.text($0) }
    if let column = rejection.column {
      column.withUnsafeBytes { buffer.text($0) }
    } else {
      buffer.null()
    }
    if rejection.reason == RowReason.badEncoding.index {
      var text = Self.repaired(raw)
      text.withUTF8 { buffer.text(UnsafeRawBufferPointer($0)) }
    } else {
      buffer.text(raw)
    }
    let rest = width - 6 - plan.totals.count
    for _ in 0..<rest { buffer.null() }
  }

  /// The text with U+FFFD for what is not UTF-8, and for NUL, which PostgreSQL cannot hold.
  static func repaired(_ raw: UnsafeRawBufferPointer) -> String {
    String(decoding: raw, as: UTF8.self).replacing("\0", with: "\u{FFFD}")
  }

  func keepSample(_ line: Int64, _ raw: UnsafeRawBufferPointer, _ rejection: Rejection) {
    counted.samples.append(
      Tally.Sample(
        line: line, reason: String(decoding: reasonTexts[rejection.reason], as: UTF8.self),
        column: rejection.column.map { String(decoding: $0, as: UTF8.self) },
        raw: String(Self.repaired(raw).prefix(500))))
  }
}
