import Schedules

/// Whether a model is to be trained now, and why.
public enum TrainingDecision: Sendable, Equatable {
  /// The champion stays as it is.
  case reuse(ModelReference, reason: String)
  /// A new version is trained.
  case train(reason: String)

  /// Decides from what the registry knows at `asOf`.
  ///
  /// The last training counts, whether it won or not: else a model that lost would be trained
  /// again every night. Without `ifOlderThan` a model is always trained.
  public static func decide(
    champion: ModelVersion?, latest: ModelVersion?, hash: String, asOf: Instant,
    ifOlderThan: Duration?
  ) -> TrainingDecision {
    guard let champion, let latest else { return .train(reason: "there is no champion yet") }
    guard latest.lineage.definitionHash == hash else {
      return .train(reason: "the definition has changed since \(latest.reference)")
    }
    guard let limit = ifOlderThan else { return .train(reason: "training was asked for") }
    let age = asOf - latest.lineage.asOf
    let days = words(age)
    guard age < limit else {
      return .train(reason: "\(latest.reference) is \(days) old, the limit is \(words(limit))")
    }
    return .reuse(
      champion.reference,
      reason: "\(latest.reference) is \(days) old, trained again after \(words(limit))")
  }

  private static func words(_ duration: Duration) -> String {
    let hours = Int(duration.components.seconds / 3_600)
    // A day with a change of the clock is a day.
    let days = (hours + 1) / 24
    return days >= 1 ? "\(days) \(days == 1 ? "day" : "days")" : "\(hours) hours"
  }
}
