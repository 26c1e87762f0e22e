import Columns
import Features

/// The scores of a local midnight, from which tables of any customers take their columns.
public struct MidnightScores: Sendable {
  /// The scores of one model.
  struct Scores: Sendable {
    let index: IDIndex
    let scores: [Float]

    func column(for customers: IDIndex) -> Column {
      var values = [Double](repeating: 0, count: customers.count)
      var present = Bitset(count: customers.count)
      for (row, place) in index.rows(in: customers).enumerated() where place >= 0 {
        values[place] = Double(scores[row])
        present[place] = true
      }
      return .real(Dense(values, present: present))
    }
  }

  /// By model.
  var found: [String: Scores] = [:]
  /// The models that have no scores at the midnight, in the order of the catalogue.
  public internal(set) var missing: [String] = []

  /// Gives a table the columns of all its score features, null where a model has no scores.
  ///
  /// - Throws: what supplying a column throws.
  public func supply(_ table: inout FeatureTable) throws {
    for feature in table.catalogue.external {
      guard case .score(let model) = feature.expression else { continue }
      let nobody = Scores(index: IDIndex([]), scores: [])
      try table.supply((found[model] ?? nobody).column(for: table.index), for: feature.name)
    }
  }
}
