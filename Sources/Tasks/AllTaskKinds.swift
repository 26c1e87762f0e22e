import Orchestrator

/// Every task kind that a DAG can be written with; a new kind adds its line here.
public let allTaskKinds: [any RunnableTask.Type] = [
  Extract.self,
  SplitCustomers.self,
  BuildFeatures.self,
  JoinFeatures.self,
  TrainModel.self,
  ScoreModel.self,
  EvaluateRules.self,
  PublishSegments.self,
  RefreshSegments.self,
  WriteReport.self,
]
