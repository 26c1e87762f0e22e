import Schedules
import TestSupport
import Testing

@testable import Inputs

@Suite("Mapping expressions")
struct ExpressionTests {
  /// Columns of every type, as one row gives them.
  static let columns: [(name: String, type: ColumnType, text: String?)] = [
    ("Quantity", .integer, "-3"), ("UnitPrice", .decimal(scale: 4), "2.55"),
    ("Invoice", .text, "C123"), ("Customer", .text, "17850.0"), ("Empty", .text, nil),
    ("Nothing", .integer, nil), ("Yes", .boolean, "true"), ("Born", .date, "2001-02-03"),
    ("At", .timestamp, "2024-03-10 12:00:00"), ("Big", .integer, "9000000000000000000"),
    ("a.b", .text, "nested"), ("Über", .text, "ß É"),
  ]

  /// The value of an expression over that row, as text; `null` and `overflow` as such.
  static func evaluate(_ text: String) throws -> String {
    var names: [String: Operand] = [:]
    for (index, column) in columns.enumerated() {
      names[column.name] = Operand(register: index, type: column.type.value)
    }
    names["_line"] = Operand(register: columns.count, type: .number(scale: 0))
    var compiler = ExpressionCompiler(columns: names, registers: columns.count + 1, zone: .utc)
    let value = try compiler.compile(ExpressionParser.parse(text))
    let result = compiler.text(of: value)
    let arena = RowArena()
    let machine = RowMachine(
      instructions: compiler.instructions, constants: compiler.constants,
      registers: compiler.registers, arena: arena)
    machine.slots[columns.count] = .number(42)
    for (index, column) in columns.enumerated() {
      guard let text = column.text else { continue }
      let bytes = arena.copy(text)
      switch column.type {
      case .text: machine.slots[index] = .text(bytes.baseAddress, bytes.count)
      case .integer: machine.slots[index] = .number(Int64(text) ?? 0)
      case .decimal: machine.slots[index] = .number(25_500)
      case .boolean: machine.slots[index] = .boolean(true)
      case .date: machine.slots[index] = .number(Int64(FieldReader.date(bytes) ?? 0))
      case .timestamp, .epoch:
        machine.slots[index] = .number(FieldReader.timestamp(bytes)?.local ?? 0)
      }
    }
    machine.run()
    let slot = machine.slots[result.register]
    switch slot.state {
    case .null: return "null"
    case .overflow: return "overflow"
    case .value: return String(decoding: slot.bytes, as: UTF8.self)
    }
  }

  @Test(arguments: [
    ("Invoice || ':' || _line", "C123:42"), ("abs(Quantity * UnitPrice)", "7.65"),
    ("Quantity * UnitPrice", "-7.65"), ("Quantity * UnitPrice + 0.005", "-7.645"),
    ("if(starts_with(Invoice, 'C'), 'refund', 'purchase')", "refund"),
    ("trim_suffix(Customer, '.0')", "17850"), ("trim_prefix(Invoice, 'C')", "123"),
    ("coalesce(Empty, Invoice)", "C123"), ("coalesce(Nothing, 1.5)", "1.5"),
    ("Empty || 'x'", "null"), ("Nothing + 1", "null"), ("'it''s'", "it's"),
    ("1 + 2 * 3", "7"), ("(1 + 2) * 3", "9"), ("-2 - -3", "1"), ("1.50 - 0.5", "1"),
    ("Quantity < 0 and UnitPrice >= 2.55", "true"), ("Nothing > 1 or true", "true"),
    ("Nothing > 1 and false", "false"), ("Nothing > 1 or false", "null"), ("not Yes", "false"),
    ("not Nothing > 1", "null"), ("Empty is null", "true"), ("Quantity is not null", "true"),
    ("Invoice in ('A', 'C123')", "true"), ("Quantity not in (1, -3)", "false"),
    ("Empty in ('A')", "null"), ("Born = '2001-02-03'", "true"), ("Born < '2001-02-04'", "true"),
    ("At > '2024-03-10T11:59:59Z'", "true"), ("Born", "2001-02-03"),
    ("At || ''", "2024-03-10T12:00:00Z"), ("lower(Invoice) || upper('a')", "c123A"),
    ("lower(\"Über\")", "ß é"), ("upper(Über)", "SS É"), ("trim('  x ')", "x"),
    ("a.b", "nested"), ("\"a.b\"", "nested"), ("ends_with(Invoice, '3')", "true"),
    ("contains(Invoice, 'C1')", "true"), ("Big + Big", "overflow"), ("Big * 2", "overflow"),
    ("if(Yes, 1, Big * 2)", "1"), ("if(Big * 2 > 0, 1, 2)", "overflow"), ("'a' < 'b'", "true"),
    ("'B' < 'a'", "true"), ("if(Empty is null, null, 1)", "null"), ("text(UnitPrice)", "2.55"),
    ("IF(yes_is_not_a_column_but_this_is_text() , 1, 2)", "!inputs.unknown_function"),
    ("Quantity2", "!inputs.unknown_column"), ("Quantity + Invoice", "!inputs.type_mismatch"),
    ("1 +", "!inputs.bad_expression"), ("'open", "!inputs.bad_expression"),
    ("Quantity / 2", "!inputs.bad_expression"), ("if(1, 2, 3)", "!inputs.type_mismatch"),
    ("Invoice = 3", "!inputs.type_mismatch"), ("Born = 'soon'", "!inputs.type_mismatch"),
    ("abs()", "!inputs.bad_expression"), ("a b", "!inputs.bad_expression"),
  ])
  func values(_ text: String, _ expected: String) throws {
    do {
      #expect(try Self.evaluate(text) == expected)
    } catch let fault as ExpressionFault {
      #expect("!" + fault.code == expected, "\(fault)")
    }
  }

  @Test func faultsNameTheirPlaceAndASuggestion() throws {
    let fault = #expect(throws: ExpressionFault.self) { try Self.evaluate("1 + Quantty") }
    #expect(fault?.at == 4)
    #expect(fault?.hint == "did you mean 'Quantity'?")
  }

  @Test func deepNestingIsRefused() {
    let text = String(repeating: "(", count: 500) + "1" + String(repeating: ")", count: 500)
    #expect(throws: ExpressionFault.self) { try ExpressionParser.parse(text) }
  }

  @Test func arithmeticAgreesWithWideIntegers() throws {
    var random = SplitMix64(seed: 5)
    for _ in 0..<300 {
      let a = Int64.random(in: -999_999...999_999, using: &random)
      let b = Int64.random(in: -999_999...999_999, using: &random)
      let c = Int64.random(in: -99_999...99_999, using: &random)
      func text(_ value: Int64, _ scale: Int) -> String {
        "(" + Decimals.text(Int128(value), scale: scale) + ")"
      }
      let found = try Self.evaluate("\(text(a, 2)) * \(text(b, 3)) - \(text(c, 1))")
      let exact = Int128(a) * Int128(b) - Int128(c) * 10_000
      #expect(found == Decimals.text(exact, scale: 5))
    }
  }
}
