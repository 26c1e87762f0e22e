import Foundation
import Rules
import Testing

@Suite("Catalogues as files")
struct CatalogueFileTests {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  @Test("the five segments of the Online Retail project pass the checks")
  func onlineRetail() throws {
    let attributes = AttributeList(
      [
        Attribute(name: "purchase_lines_90d", type: .number, unit: .count),
        Attribute(name: "revenue_90d", type: .number, unit: .money, scale: 4),
        Attribute(name: "ltv_net", type: .number, unit: .money, scale: 4),
        Attribute(name: "days_since_purchase", type: .number, unit: .days),
        Attribute(name: "refund_rate", type: .real, unit: .ratio),
        Attribute(name: "revenue_growth", type: .real, unit: .ratio),
      ], aliases: ["LTV": "ltv_net"])
    let catalogue = try SegmentCatalogue.load(
      path: Self.root.appendingPathComponent("dags/online_retail/segments.yaml").path,
      attributes: attributes)
    #expect(
      catalogue.segments.map(\.name)
        == ["high_value", "frequent_buyers", "growing", "at_risk", "return_prone"])
  }

  @Test("a file that is not there, a folder, and one that is no text")
  func unreadable() throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("strata-rules-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let binary = folder.appendingPathComponent("binary.yaml")
    try Data([0xFF, 0xFE, 0x00, 0x80]).write(to: binary)
    for path in [folder.appendingPathComponent("none.yaml").path, folder.path, binary.path] {
      let error = #expect(throws: RuleErrors.self) {
        try SegmentCatalogue.load(path: path, attributes: shop)
      }
      #expect(error?.errors.first?.code == "rules.file_unreadable")
    }
    let json = folder.appendingPathComponent("one.json")
    try Data(
      #"{"segment": "\ud83d\ude00 A", "criteria": ["orders_45d > 3"], "title": "a\/b"}"#.utf8
    ).write(to: json)
    let catalogue = try SegmentCatalogue.load(path: json.path, attributes: shop)
    #expect(catalogue.segments.first?.name == "😀 A")
    #expect(catalogue.segments.first?.title == "a/b")
  }
}
