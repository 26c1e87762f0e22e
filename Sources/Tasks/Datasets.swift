import Foundation
import Inputs
import Orchestrator

// What each kind reads and writes, for lineage: tables as analysts and the schema know them.

extension Extract: DeclaresDatasets {
  /// The files of the catalogue, and the facts that their rows become. What a query source reads
  /// stands in its SQL, which is not taken apart.
  public func datasets(projectDirectory: String) throws -> TaskDatasets {
    let project = try Project(directory: URL(fileURLWithPath: projectDirectory))
    let catalogue = try Catalogues(project: project).sources(sources)
    var datasets = TaskDatasets()
    for source in catalogue.sources {
      switch source.location {
      case .file(let path), .files(let path): datasets.inputs.append(.file(path))
      case .query, .postgres: break
      }
      let table: Dataset =
        switch source.into {
        case .events: .table("facts.events")
        case .customers: .table("facts.customers")
        case .merges: .table("landing.merge")
        }
      if !datasets.outputs.contains(table) { datasets.outputs.append(table) }
    }
    return datasets
  }
}

extension BuildFeatures: DeclaresDatasets {
  /// Facts into day tiles and the stored state of the features.
  public func datasets(projectDirectory: String) -> TaskDatasets {
    TaskDatasets(
      inputs: [.table("facts.events"), .table("facts.customers")],
      outputs: [.table("facts.customer_day"), .table("features.state")])
  }
}

extension SplitCustomers: DeclaresDatasets {
  /// Facts into day tiles.
  public func datasets(projectDirectory: String) -> TaskDatasets {
    TaskDatasets(
      inputs: [.table("facts.events"), .table("facts.customers")],
      outputs: [.table("facts.customer_day")])
  }
}

extension TrainModel: DeclaresDatasets {
  /// The history behind the features into a version of the model.
  public func datasets(projectDirectory: String) -> TaskDatasets {
    TaskDatasets(
      inputs: [.table("facts.events"), .table("facts.customer_day")],
      outputs: [.table("models.version")])
  }
}

extension ScoreModel: DeclaresDatasets {
  /// The champion and the features into scores.
  public func datasets(projectDirectory: String) -> TaskDatasets {
    TaskDatasets(
      inputs: [.table("models.version"), .table("features.state")],
      outputs: [.table("models.score")])
  }
}

extension EvaluateRules: DeclaresDatasets {
  /// Features and scores into an evaluation.
  public func datasets(projectDirectory: String) -> TaskDatasets {
    TaskDatasets(
      inputs: [.table("features.state"), .table("models.score")],
      outputs: [.table("segments.evaluation")])
  }
}

extension PublishSegments: DeclaresDatasets {
  /// An evaluation into what analysts read.
  public func datasets(projectDirectory: String) -> TaskDatasets {
    TaskDatasets(
      inputs: [.table("segments.evaluation")],
      outputs: [
        .table("segments.membership"), .table("segments.history"), .table("segments.transitions"),
        .table("segments.daily_size"),
      ])
  }
}

extension WriteReport: DeclaresDatasets {
  /// What the run published into its report.
  public func datasets(projectDirectory: String) -> TaskDatasets {
    TaskDatasets(
      inputs: [.table("segments.daily_size")], outputs: [.table("reports.run_report")])
  }
}

extension RefreshSegments: DeclaresDatasets {
  /// What came since into what analysts read.
  public func datasets(projectDirectory: String) -> TaskDatasets {
    TaskDatasets(
      inputs: [.table("facts.events"), .table("facts.customers"), .table("models.score")],
      outputs: [
        .table("facts.customer_day"), .table("segments.membership"), .table("segments.history"),
        .table("segments.transitions"), .table("segments.daily_size"),
      ])
  }
}
