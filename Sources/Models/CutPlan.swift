import Schedules

/// The days at which a training set looks at the customers, and what each is for.
///
/// A cut's features see its day and everything before; its label sees `horizon` more days. The
/// latest cut tests, the one before it decides when to stop, and the earlier ones train if their
/// labels were known when the test's features were: a cut whose label reaches past the test cut is
/// left out, else the model would have seen the very days on which it is tested.
public struct CutPlan: Sendable, Equatable {
  /// What a cut's rows are for.
  public enum Part: String, Sendable, Codable, CaseIterable {
    /// The learner fits these.
    case train
    /// These decide when to stop.
    case validation
    /// The metrics are of these.
    case test
    /// The label reaches past the test cut.
    case unused
  }

  /// One cut.
  public struct Cut: Sendable, Equatable {
    /// The last local day that the features see.
    public let day: Day
    /// What its rows are for.
    public let part: Part
  }

  /// Ascending by day; the last one is the test cut.
  public let cuts: [Cut]
  /// Days from a cut to the end of its label.
  public let horizonDays: Int

  /// Plans up to `count` cuts, `every` days apart, whose labels have ended by `lastDay`.
  ///
  /// `firstDay` is the first day with data: a cut before it has no features and is not planned.
  /// - Throws: `models.not_enough_history` where no training, validation or test cut is left.
  public init(
    count: Int, everyDays: Int, horizonDays: Int, firstDay: Day, lastDay: Day
  ) throws(ModelError) {
    let test = lastDay - horizonDays
    var cuts: [Cut] = []
    for step in 0..<count {
      let day = test - step * everyDays
      guard day >= firstDay else { break }
      let part: Part
      switch step {
      case 0: part = .test
      case 1: part = .validation
      default: part = day + horizonDays <= test ? .train : .unused
      }
      cuts.append(Cut(day: day, part: part))
    }
    cuts.reverse()
    guard cuts.contains(where: { $0.part == .train }) else {
      // The first step whose label ends by the test cut, and not the two latest.
      let steps = max(2, (horizonDays + everyDays - 1) / everyDays)
      let needed = horizonDays + steps * everyDays + 1
      let found = firstDay > lastDay ? 0 : firstDay.distance(to: lastDay) + 1
      throw ModelError(
        code: "models.not_enough_history",
        message: "expected a training cut whose label had ended \(horizonDays) days before "
          + "\(lastDay); found \(cuts.count) of \(count) cuts in \(found) days of data",
        hint: count <= steps
          ? "declare at least \(steps + 1) cuts, or a longer `every`"
          : "\(needed) days of data are the least; shorten the horizon or `every`, or wait")
    }
    self.cuts = cuts
    self.horizonDays = horizonDays
  }

  /// The day at whose end a cut's label is known.
  public func labelDay(of cut: Cut) -> Day { cut.day + horizonDays }

  /// Every day whose features are needed, ascending, each once.
  public var days: [Day] {
    Set(cuts.filter { $0.part != .unused }.flatMap { [$0.day, labelDay(of: $0)] }).sorted()
  }
}
