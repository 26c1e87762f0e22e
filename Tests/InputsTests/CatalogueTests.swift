import Testing

@testable import Inputs

@Suite("sources.yaml: problems with their places")
struct CatalogueTests {
  static let sound = """
    version: 1
    sources:
      - name: orders
        file: ${DATA:-data}/orders.csv
        columns: {id: text, type: text, who: text, at: timestamp, pieces: integer, price: decimal}
        map:
          event_id: id
          kind: type
          customer: who
          occurred_at: at
          quantity: pieces
          amount: pieces * price
        contract:
          - {not_null: who, name: customer_present}
        totals: {revenue: pieces * price}
    """

  private func problems(_ text: String) throws -> [String] {
    let folder = try TemporaryFolder()
    let error = inputError { _ = try catalogue(text, in: folder) }
    return (error?.all ?? []).map {
      "\($0.code) \($0.line.map(String.init) ?? "-"):\($0.column.map(String.init) ?? "-") "
        + "\($0.message)" + ($0.hint.map { "; \($0)" } ?? "")
    }
  }

  @Test func aSoundCatalogueLoads() throws {
    let folder = try TemporaryFolder()
    let catalogue = try catalogue(Self.sound, in: folder, environment: ["DATA": "/elsewhere"])
    let source = try catalogue.source("orders")
    #expect(source.location == .file("/elsewhere/orders.csv"))
    #expect(source.totals == ["revenue"])
    #expect(source.checks == ["customer_present"])
    let error = inputError { _ = try catalogue.source("order") }
    #expect(error?.code == "inputs.unknown_source")
    #expect(error?.hint == "did you mean 'orders'?")
  }

  @Test func theHashIgnoresTheFileAndNothingElse() throws {
    func hash(_ text: String) throws -> String {
      let folder = try TemporaryFolder()
      return try catalogue(text, in: folder).source("orders").hash
    }
    let first = try hash(Self.sound)
    #expect(try hash(Self.sound.replacing("/orders.csv", with: "/other.csv")) == first)
    #expect(try hash(Self.sound.replacing("kind: type", with: "kind: lower(type)")) != first)
  }

  @Test func anUnknownColumnIsFoundAtItsPlace() throws {
    let text = Self.sound.replacing("customer: who", with: "customer: trim(whom)")
    #expect(
      try problems(text) == [
        "inputs.unknown_column 9:22 expected a column, found 'whom'; did you mean 'who'?"
      ])
  }

  @Test func everyProblemIsReportedAtOnce() throws {
    let text = Self.sound.replacing("version: 1", with: "version: 2")
      .replacing("pieces: integer", with: "pieces: intger")
      .replacing("occurred_at: at", with: "occurred_at: \"who\"")
      .replacing("totals: {", with: "total: {")
      .replacing("not_null: who", with: "not_nul: who")
    let found = try problems(text)
    #expect(
      found.map { String($0.prefix { $0 != " " }) } == [
        "inputs.bad_catalogue", "inputs.unknown_key", "inputs.unknown_type",
        "inputs.type_mismatch", "inputs.unknown_column", "inputs.unknown_column",
        "inputs.unknown_key", "inputs.bad_catalogue",
      ], "\(found)")
    #expect(
      found[2]
        == "inputs.unknown_type 5:71 expected a type for column 'pieces', found 'intger'; did you mean 'integer'?"
    )
  }

  @Test func aSyntaxErrorHasItsLineAndColumn() throws {
    let folder = try TemporaryFolder()
    let text = Self.sound.replacing("kind: type", with: "kind: [type")
    let error = inputError { _ = try catalogue(text, in: folder) }
    #expect(error?.code == "inputs.bad_yaml")
    #expect(error?.line == 9)
    #expect(error?.column == 15)
    #expect(error?.description.contains("sources.yaml:9:15: expected YAML") == true)
  }

  @Test(arguments: [
    ("file: ${DATA:-data}/orders.csv", "file: ${NO_SUCH}/x.csv", "inputs.unset_variable"),
    ("file: ${DATA:-data}/orders.csv", "format: csv", "inputs.bad_catalogue"),
    ("file: ${DATA:-data}/orders.csv", "file: a.csv\n    zone: EST", "inputs.unknown_zone"),
    ("file: ${DATA:-data}/orders.csv", "file: a.csv\n    delimiter: ab", "inputs.bad_catalogue"),
    ("file: ${DATA:-data}/orders.csv", "file: a.csv\n    watermark: at", "inputs.bad_catalogue"),
    ("      event_id: id\n", "", "inputs.missing_mapping"),
    (
      "{not_null: who, name: customer_present}", "{unique: event_id, on_fail: warn}",
      "inputs.bad_catalogue"
    ),
    (
      "{not_null: who, name: customer_present}", "{not_null: who, name: overflow}",
      "inputs.duplicate_check"
    ),
    ("{not_null: who, name: customer_present}", "{range: pieces}", "inputs.bad_expression"),
    ("{not_null: who, name: customer_present}", "{range: pieces, min: x}", "inputs.unknown_column"),
    ("{not_null: who, name: customer_present}", "{check: pieces}", "inputs.type_mismatch"),
    (
      "{not_null: who, name: customer_present}", "{not_null: who, mostly: 2}",
      "inputs.bad_catalogue"
    ),
    (
      "{not_null: who, name: customer_present}", "{reference: who, to: customers}",
      "inputs.bad_catalogue"
    ),
    ("kind: type", "kind: pieces", "inputs.type_mismatch"),
    ("into", "into", ""),
  ])
  func problemsHaveCodes(_ old: String, _ new: String, _ code: String) throws {
    let text = Self.sound.replacing(old, with: new)
    let folder = try TemporaryFolder()
    let error = inputError { _ = try catalogue(text, in: folder) }
    #expect((error?.code ?? "") == code, "\(String(describing: error))")
  }

  @Test func aDuplicatedKeyIsFound() throws {
    let text = Self.sound + "\n    name: again\n"
    #expect(try problems(text).first?.hasPrefix("inputs.duplicate_key") == true)
  }
}
