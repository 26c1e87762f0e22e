import Foundation
import Rules
import Testing

/// Broken catalogues and the messages they must give. `Golden/<name>.yaml` or `.json` holds the
/// catalogue, `<name>.txt` what is printed; STRATA_RECORD=1 writes the latter anew.
@Suite("Broken catalogues: every fault, with its place and a suggestion")
struct GoldenErrorTests {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Golden")

  static let catalogues: [String] = {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return files.filter { $0.hasSuffix(".yaml") || $0.hasSuffix(".json") }.sorted()
  }()

  @Test("there are at least ten") func enough() { #expect(Self.catalogues.count >= 10) }

  @Test("messages", arguments: catalogues)
  func messages(_ name: String) throws {
    let text = try String(
      contentsOf: Self.folder.appendingPathComponent(name), encoding: .utf8)
    var found = "no fault\n"
    do {
      _ = try SegmentCatalogue.parse(
        text, format: name.hasSuffix(".json") ? .json : .yaml, file: name, attributes: shop,
        retired: ["Retired VIPs"])
    } catch {
      found = error.description + "\n"
    }
    try expectGolden(found, in: Self.folder.appendingPathComponent(name + ".txt"))
  }
}

/// Compares with a golden file; STRATA_RECORD=1 writes it anew.
func expectGolden(_ found: String, in file: URL) throws {
  if ProcessInfo.processInfo.environment["STRATA_RECORD"] == "1" {
    try found.write(to: file, atomically: true, encoding: .utf8)
  }
  let expected = try String(contentsOf: file, encoding: .utf8)
  #expect(found == expected, "\(file.lastPathComponent)")
}
