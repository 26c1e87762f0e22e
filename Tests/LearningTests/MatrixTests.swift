import Columns
import Foundation
import Learning
import Testing

@Suite("Matrix")
struct MatrixTests {
  static let known = Bitset(count: 3) { $0 != 1 }

  @Test("columns of every numeric kind become numbers, nulls become NaN, rows are chosen")
  func columns() throws {
    let matrix = try Matrix(
      features: [
        ("orders", .integer(Dense([3, 0, 5], present: Self.known), scale: 0)),
        ("revenue", .integer(Dense([12_345, 0, -5]), scale: 4)),
        ("rate", .real(Dense([0.5, 0.25, 1]))),
        ("active", .boolean(Dense([true, false, true]))),
        ("seen", .day(Dense([10, 20, 30]))),
        ("at", .instant(Dense([0, 43_200_000_000, 86_400_000_000]))),
      ], rows: [2, 1])
    #expect(matrix.rowCount == 2 && matrix.featureCount == 6)
    #expect(Array(matrix.values.prefix(6)) == [5, -0.0005, 1, 1, 30, 1])
    #expect(matrix[1, 0].isNaN)
    #expect(Array(matrix.values.suffix(5)) == [0, 0.25, 0, 20, 0.5])
  }

  @Test("what is no matrix is refused")
  func refused() {
    let text = Column.text(Dense([0]), dictionary: ["PT"])
    #expect(
      #expect(throws: LearningError.self) {
        try Matrix(features: [("country", text)], rows: [0])
      }?.code == "learning.text_feature")
    let tables: [([String], Int, [Float])] = [
      ([], 0, []), (["a", "a"], 1, [1, 2]), (["a"], 2, [1]), (["a"], 1, [.infinity]),
    ]
    for (names, rows, values) in tables {
      let error = #expect(throws: LearningError.self) {
        try Matrix(featureNames: names, rowCount: rows, values: values)
      }
      #expect(error?.code == "learning.bad_matrix")
    }
  }

  @Test("joining keeps the order and refuses other features")
  func joining() throws {
    let a = try Matrix(featureNames: ["x", "y"], rowCount: 1, values: [1, .nan])
    let b = try Matrix(featureNames: ["x", "y"], rowCount: 2, values: [3, 4, 5, 6])
    let joined = try Matrix.joining([a, b])
    #expect(joined.rowCount == 3)
    #expect(
      joined
        == (try Matrix(
          featureNames: ["x", "y"], rowCount: 3, values: [1, .nan, 3, 4, 5, 6])))
    let c = try Matrix(featureNames: ["y", "x"], rowCount: 0, values: [])
    #expect(
      #expect(throws: LearningError.self) { try Matrix.joining([a, c]) }?.code
        == "learning.other_features")
  }

  @Test("CSV: header, shortest numbers that read back, empty nulls, labels last")
  func csv() throws {
    let matrix = try Matrix(
      featureNames: ["x", "a,\"b\""], rowCount: 3, values: [1, .nan, 0.1, -2.5, 16_777_216, 3])
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("strata-matrix-\(UUID().uuidString).csv").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try matrix.writeCSV(to: path, labels: Bitset(count: 3) { $0 == 1 })
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    #expect(
      lines.map(String.init) == [
        "x,\"a,\"\"b\"\"\",label", "1.0,,0", "0.1,-2.5,1", "16777216.0,3.0,0",
      ])
    let values = lines.dropFirst().flatMap {
      $0.split(separator: ",", omittingEmptySubsequences: false).prefix(2)
    }.map { $0.isEmpty ? Float.nan : Float($0) ?? .infinity }
    #expect(zip(values, matrix.values).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) })
  }
}
