/// One column of a state: a measure over a window, or the last or first day on which it counted.
public struct StateSlot: Sendable, Hashable {
  /// How the days of a measure are combined.
  public enum Fold: Sendable, Hashable {
    /// The sum over the window.
    case sum(Window)
    /// The last day with a positive value, all time: a running maximum.
    case lastDay
    /// The first day with a positive value, all time: a running minimum.
    case firstDay
  }

  /// What is combined.
  public let measure: Measure
  /// How.
  public let fold: Fold

  /// A slot.
  public init(_ measure: Measure, _ fold: Fold) {
    self.measure = measure
    self.fold = fold
  }

  /// The window whose days the slot holds; a last day looks at all time.
  var window: Window {
    switch fold {
    case .sum(let window): window
    case .lastDay, .firstDay: .lifetime
    }
  }

  /// The value of a customer without any event in the window.
  var initial: Int64 {
    switch fold {
    case .sum: 0
    case .lastDay, .firstDay: FeatureState.never
    }
  }

  /// A stable name, the key of the stored column: `purchase_count@30d`, `purchase_count@last`.
  public var name: String {
    switch fold {
    case .sum(let window): "\(measure.columnName)@\(window.name)"
    case .lastDay: "\(measure.columnName)@last"
    case .firstDay: "\(measure.columnName)@first"
    }
  }
}
