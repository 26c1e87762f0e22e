import Columns
import Foundation

/// Rows x features, row-major `Float`; NaN stands for null.
///
/// Single precision is what gradient boosting bins anyway: whole numbers are exact to 2^24.
public struct Matrix: Sendable, Equatable {
  /// One name per column, distinct.
  public let featureNames: [String]
  /// The number of rows.
  public let rowCount: Int
  /// `rowCount * featureNames.count` values, row by row.
  public let values: [Float]

  /// The number of columns.
  public var featureCount: Int { featureNames.count }

  /// A matrix from its values.
  ///
  /// - Throws: `learning.bad_matrix` where the count of values does not fit, a name repeats, or a
  ///   value is infinite.
  public init(featureNames: [String], rowCount: Int, values: [Float]) throws(LearningError) {
    guard Set(featureNames).count == featureNames.count, !featureNames.isEmpty else {
      throw LearningError(
        code: "learning.bad_matrix",
        message: "a matrix needs distinct feature names, at least one; found "
          + "\(featureNames.joined(separator: ", "))")
    }
    guard values.count == rowCount * featureNames.count else {
      throw LearningError(
        code: "learning.bad_matrix",
        message: "\(rowCount) rows of \(featureNames.count) features need "
          + "\(rowCount * featureNames.count) values; found \(values.count)")
    }
    if let place = values.firstIndex(where: \.isInfinite) {
      throw LearningError(
        code: "learning.bad_matrix",
        message: "feature \(featureNames[place % featureNames.count]) is infinite in row "
          + "\(place / featureNames.count)", hint: "null stands for a value that does not exist")
    }
    self.featureNames = featureNames
    self.rowCount = rowCount
    self.values = values
  }

  /// Chosen rows of typed columns; decimals become their value, days and instants days since 1970.
  ///
  /// - Throws: `learning.text_feature` for a text column, `learning.bad_matrix` as above.
  /// - Precondition: all columns have the same count and `rows` are within it.
  public init(features: [(name: String, column: Column)], rows: [Int]) throws(LearningError) {
    let width = features.count
    var values = [Float](repeating: .nan, count: rows.count * width)
    for (offset, feature) in features.enumerated() {
      func fill<T>(_ dense: Dense<T>, _ convert: (T) -> Float) {
        for (index, row) in rows.enumerated() {
          if let value = dense[row] { values[index * width + offset] = convert(value) }
        }
      }
      switch feature.column {
      case .integer(let dense, let scale):
        let unit = (0..<scale).reduce(1.0) { unit, _ in unit * 10 }
        fill(dense) { Float(Double($0) / unit) }
      case .real(let dense): fill(dense) { Float($0) }
      case .boolean(let dense): fill(dense) { $0 ? 1 : 0 }
      case .day(let dense): fill(dense) { Float($0) }
      case .instant(let dense): fill(dense) { Float(Double($0) / 86_400_000_000) }
      case .text:
        throw LearningError(
          code: "learning.text_feature",
          message:
            "feature \(feature.name) is text; a learner takes numbers, days and truth values",
          hint: "leave it out of the model's features")
      }
    }
    try self.init(featureNames: features.map(\.name), rowCount: rows.count, values: values)
  }

  /// The value of a row and column, NaN where it is null.
  public subscript(row: Int, feature: Int) -> Float { values[row * featureCount + feature] }

  /// The rows of several matrices with the same features, one after another.
  ///
  /// - Throws: `learning.other_features`, or `learning.bad_matrix` where the list is empty.
  public static func joining(_ parts: [Matrix]) throws(LearningError) -> Matrix {
    let names = parts.first?.featureNames ?? []
    var values: [Float] = []
    values.reserveCapacity(parts.reduce(0) { $0 + $1.values.count })
    for part in parts {
      guard part.featureNames == names else {
        throw .otherFeatures(expected: names, found: part.featureNames)
      }
      values.append(contentsOf: part.values)
    }
    return try Matrix(
      featureNames: names, rowCount: parts.reduce(0) { $0 + $1.rowCount }, values: values)
  }

  /// Writes a header and one line per row; nulls are empty fields, labels 0 and 1 in column `label`.
  ///
  /// Numbers are the shortest decimals that read back to the same `Float`. The file is replaced.
  /// - Precondition: labels, where given, have the matrix's count of rows.
  /// - Throws: Foundation's error where the file cannot be written.
  public func writeCSV(to path: String, labels: Bitset? = nil) throws {
    precondition(labels == nil || labels?.count == rowCount, "labels and rows differ")
    try Data().write(to: URL(fileURLWithPath: path))
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    defer { try? handle.close() }
    let header = featureNames.map(Matrix.quoted) + (labels == nil ? [] : ["label"])
    var text = header.joined(separator: ",") + "\n"
    for row in 0..<rowCount {
      for feature in 0..<featureCount {
        let value = self[row, feature]
        if feature > 0 { text += "," }
        if !value.isNaN { text += "\(value)" }
      }
      if let labels { text += labels[row] ? ",1" : ",0" }
      text += "\n"
      if text.utf8.count > 1 << 20 {
        try handle.write(contentsOf: Data(text.utf8))
        text.removeAll(keepingCapacity: true)
      }
    }
    try handle.write(contentsOf: Data(text.utf8))
  }

  private static func quoted(_ name: String) -> String {
    name.contains(where: { ",\"\n\r".contains($0) })
      ? "\"" + name.replacingOccurrences(of: "\"", with: "\"\"") + "\"" : name
  }

  /// Equal names and bits; a null equals a null.
  public static func == (left: Matrix, right: Matrix) -> Bool {
    left.featureNames == right.featureNames && left.rowCount == right.rowCount
      && zip(left.values, right.values).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) }
  }
}

/// Rows with a known answer each.
public struct LabelledMatrix: Sendable, Equatable {
  /// The features.
  public let matrix: Matrix
  /// The rows whose label is true.
  public let labels: Bitset

  /// - Throws: `learning.bad_matrix` where labels and rows differ in count.
  public init(_ matrix: Matrix, labels: Bitset) throws(LearningError) {
    guard matrix.rowCount == labels.count else {
      throw LearningError(
        code: "learning.bad_matrix",
        message: "\(matrix.rowCount) rows have \(labels.count) labels")
    }
    self.matrix = matrix
    self.labels = labels
  }

  /// The number of rows whose label is true.
  public var positives: Int { labels.population }

  /// Checks that both labels occur.
  ///
  /// - Throws: `learning.one_class`, naming the `part` of the data.
  public func requireBothLabels(in part: String) throws(LearningError) {
    let positives = positives
    guard positives > 0, positives < matrix.rowCount else {
      throw LearningError(
        code: "learning.one_class",
        message: "the \(part) rows need both labels; \(positives) of \(matrix.rowCount) are true",
        hint: "check the label rule, or take more cut dates")
    }
  }
}
