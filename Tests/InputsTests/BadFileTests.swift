import Testing

@testable import Inputs

@Suite("Files that cannot be what they should")
struct BadFileTests {
  /// The error of checking a source over a file of these bytes.
  private func failure(
    _ bytes: [UInt8]?, catalogue text: String = CatalogueTests.sound, name: String = "orders.csv"
  ) async throws -> InputError? {
    let folder = try TemporaryFolder()
    let source = try catalogue(text, in: folder).source("orders")
    let path =
      try bytes.map { try folder.write(name, $0) }
      ?? folder.url.appendingPathComponent("order.csv").path
    if bytes == nil { _ = try folder.write("orders.csv", "x") }
    let error = await inputError { _ = try await Loader.check(file: source.reading(file: path)) }
    #expect(error?.file == path)
    return error
  }

  private func utf8(_ text: String) -> [UInt8] { Array(text.utf8) }
  private static let header = "id,type,who,at,pieces,price\n"
  private static let row = "1,purchase,c1,2024-05-01 10:00:00,2,1.50\n"

  @Test func aMissingFileNamesItsNeighbour() async throws {
    let error = try await failure(nil)
    #expect(error?.code == "inputs.missing_file")
    #expect(error?.message.hasPrefix("expected a file, found nothing at '") == true)
    #expect(error?.hint == "did you mean 'orders.csv'?")
  }

  @Test func theWrongDelimiterIsRecognised() async throws {
    let error = try await failure(
      utf8("id;type;who;at;pieces;price\n1;purchase;c;2024-05-01;1;2\n"))
    #expect(error?.code == "inputs.wrong_delimiter")
    #expect(
      error?.message
        == "expected 6 columns, found one column 'id;type;who;at;pieces;price': the delimiter "
        + "looks like ';'")
    #expect(error?.line == 1)
  }

  @Test func theWrongDelimiterIsRecognisedWithoutAHeader() async throws {
    let text = CatalogueTests.sound.replacing("columns:", with: "header: false\n    columns:")
    let error = try await failure(utf8("1\tpurchase\tc\t2024-05-01\t1\t2\n"), catalogue: text)
    #expect(error?.code == "inputs.wrong_delimiter")
    #expect(error?.message.hasSuffix("the delimiter looks like a tab") == true)
  }

  @Test(
    arguments: [
      ([0x50, 0x4B, 0x03, 0x04, 0x14, 0x00], "expected text, found a ZIP or Excel file"),
      ([0x89, 0x50, 0x4E, 0x47, 0x0D], "expected text, found a PNG picture"),
      (
        [1, 2, 3, 65, 0, 0, 7], "expected text, found binary data (6 control bytes in the first 7)"
      ),
    ] as [([UInt8], String)])
  func aBinaryFileIsRecognised(_ bytes: [UInt8], _ message: String) async throws {
    let error = try await failure(bytes)
    #expect(error?.code == "inputs.binary_file")
    #expect(error?.message == message)
  }

  @Test func aTruncatedGzipIsRefused() async throws {
    let text = Self.header + String(repeating: Self.row, count: 5000)
    let packed = gzipped(utf8(text))
    let error = try await failure(Array(packed.dropLast(9)), name: "orders.csv.gz")
    #expect(error?.code == "inputs.truncated_gzip")
    #expect(
      error?.message.hasPrefix("expected the end of the gzip stream, found the end of the file")
        == true)
  }

  @Test func aColumnThatTheHeaderLacksIsNamed() async throws {
    let error = try await failure(utf8("id,type,whom,at,pieces,cost\n" + Self.row))
    #expect(error?.all.map(\.code) == ["inputs.column_missing", "inputs.column_missing"])
    #expect(
      error?.message
        == "expected a column 'who' as the source declares, found none in the header")
    #expect(error?.hint == "did you mean 'whom'?")
  }

  @Test(arguments: [
    ("", "inputs.empty_file"), ("\u{1F}", "inputs.binary_file"),
    ("{\"id\": 1}\n", "inputs.wrong_format"),
    (header + "1,\"purchase,c1\n", "inputs.endless_record"),
    ("id,id,type,who,at,pieces,price\n", "inputs.duplicate_column"),
  ])
  func otherFaults(_ text: String, _ code: String) async throws {
    #expect(try await failure(utf8(text))?.code == code)
  }

  @Test func utf16AndJSONArraysAreNamed() async throws {
    #expect(try await failure([0xFF, 0xFE, 65, 0])?.code == "inputs.wrong_encoding")
    let text = CatalogueTests.sound.replacing("columns:", with: "format: ndjson\n    columns:")
    let error = try await failure(utf8("[{\"id\":1}]"), catalogue: text)
    #expect(error?.code == "inputs.wrong_format")
    #expect(error?.message == "expected one JSON object per line, found a JSON array")
  }

  @Test func aFolderIsNoFile() async throws {
    let folder = try TemporaryFolder()
    let source = try catalogue(CatalogueTests.sound, in: folder).source("orders")
    let error = await inputError {
      _ = try await Loader.check(file: source.reading(file: folder.url.path))
    }
    #expect(error?.code == "inputs.not_a_file")
  }
}
