import FeatureStore
import Columns
import Features
import Learning
import Rules
import Schedules

/// Labelled rows of a model, split by time.
public struct TrainingSet: Sendable {
  /// The earliest cuts.
  public let train: LabelledMatrix
  /// The last cut but one: decides when to stop.
  public let validation: LabelledMatrix
  /// The latest cut: what the metrics are of.
  public let test: LabelledMatrix
  /// The customers of the test rows, one per row.
  public let testCustomers: [Int64]
  /// Every cut with its counts, ascending.
  public let cuts: [CutRows]

  /// The last local day that the test's features see.
  public var testDay: Day? { cuts.last?.day }

  /// Writes `train.csv`, `validation.csv` and `test.csv` into a folder that exists; see
  /// `Matrix.writeCSV`.
  public func writeCSV(to folder: String) throws {
    for (part, data) in [
      (CutPlan.Part.train, train), (.validation, validation), (.test, test),
    ] {
      try data.matrix.writeCSV(to: "\(folder)/\(part.rawValue).csv", labels: data.labels)
    }
  }
}

/// Collects a training set from feature tables that come in the order of their days.
///
/// At a cut's day the population and its features are copied out; `horizon` days later the label is
/// read for the same customers. So one table is held at a time, and no feature sees its label.
public struct TrainingSetBuilder {
  private struct Pending {
    let cut: CutPlan.Cut
    let customers: [Int64]
    let matrix: Matrix
  }

  private struct Labelled {
    let cut: CutPlan.Cut
    let customers: [Int64]
    let data: LabelledMatrix
  }

  private let model: CheckedModel
  private let plan: CutPlan
  private var pending: [Pending] = []
  private var labelled: [Labelled] = []

  /// A builder for a model's cuts.
  public init(_ model: CheckedModel, plan: CutPlan) {
    self.model = model
    self.plan = plan
  }

  /// Takes the table of one of the plan's days; tables of other days are passed over.
  ///
  /// - Throws: errors of features and rules; `learning.bad_matrix`.
  public mutating func take(_ table: FeatureTable) throws {
    var rest: [Pending] = []
    for cut in pending {
      guard plan.labelDay(of: cut.cut) == table.day else {
        rest.append(cut)
        continue
      }
      let isTrue = try model.label.members(of: table)
      let labels = Bitset(count: cut.customers.count) { row in
        table.row(of: cut.customers[row]).map { isTrue[$0] } ?? false
      }
      labelled.append(
        Labelled(
          cut: cut.cut, customers: cut.customers,
          data: try LabelledMatrix(cut.matrix, labels: labels)))
    }
    pending = rest
    for cut in plan.cuts where cut.part != .unused && cut.day == table.day {
      let rows = try model.population.members(of: table).rows
      pending.append(
        Pending(
          cut: cut, customers: rows.map { table.index.ids[$0] },
          matrix: try table.matrix(of: model.definition.features, rows: rows)))
    }
  }

  /// The training set, once every day of the plan was taken.
  ///
  /// - Throws: `models.missing_day`, `models.not_enough_rows`, `models.one_class`.
  public func finish() throws -> TrainingSet {
    let labelled = labelled.sorted { $0.cut.day < $1.cut.day }
    let cuts = plan.cuts.map { cut in
      let data = labelled.first { $0.cut == cut }?.data
      return CutRows(
        day: cut.day, part: cut.part, rows: data?.matrix.rowCount ?? 0,
        positives: data?.positives ?? 0)
    }
    func part(_ part: CutPlan.Part) throws -> LabelledMatrix {
      let parts = labelled.filter { $0.cut.part == part }
      guard parts.count == plan.cuts.filter({ $0.part == part }).count else {
        throw ModelError(
          code: "models.missing_day",
          message: "expected tables of \(plan.days.map(\.description).joined(separator: ", ")) in "
            + "order; found no label for every \(part.rawValue) cut")
      }
      let data = try LabelledMatrix(
        Matrix.joining(parts.map(\.data.matrix)), labels: .joining(parts.map(\.data.labels)))
      try check(data, part, cuts.filter { $0.part == part })
      return data
    }
    return TrainingSet(
      train: try part(.train), validation: try part(.validation), test: try part(.test),
      testCustomers: labelled.last?.customers ?? [], cuts: cuts)
  }

  private func check(
    _ data: LabelledMatrix, _ part: CutPlan.Part, _ cuts: [CutRows]
  ) throws(ModelError) {
    let name = model.definition.name
    let days = cuts.map { "\($0.day): \($0.rows)" }.joined(separator: ", ")
    guard data.matrix.rowCount >= ModelDefinition.minimumRows else {
      throw ModelError(
        code: "models.not_enough_rows",
        message: "expected at least \(ModelDefinition.minimumRows) \(part.rawValue) rows for "
          + "\(name), found \(data.matrix.rowCount) (\(days))",
        hint: "widen the population '\(model.definition.population)', or wait for more customers")
    }
    guard data.positives > 0, data.positives < data.matrix.rowCount else {
      throw ModelError(
        code: "models.one_class",
        message: "expected both labels in the \(part.rawValue) rows of \(name), found "
          + "\(data.positives) of \(data.matrix.rowCount) true",
        hint: "check the label '\(model.definition.label)' and the horizon of "
          + "\(model.definition.horizonDays) days")
    }
  }
}

extension Bitset {
  /// The rows of several sets, one set after another.
  static func joining(_ parts: [Bitset]) -> Bitset {
    var joined = Bitset(count: parts.reduce(0) { $0 + $1.count })
    var offset = 0
    for part in parts {
      part.forEach { joined[offset + $0] = true }
      offset += part.count
    }
    return joined
  }
}

extension FeatureTable {
  /// Chosen rows of the named features, as learners take them.
  func matrix(of names: [String], rows: [Int]) throws -> Matrix {
    try Matrix(
      features: try names.map { (name: $0, column: try column(named: $0)) }, rows: rows)
  }
}

extension Rule {
  /// The rows for which the rule is true; unknown is not.
  func members(of table: FeatureTable) throws -> Bitset {
    try evaluate(FeatureColumns(table)).isTrue
  }
}
