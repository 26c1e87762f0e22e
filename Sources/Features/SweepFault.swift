/// A deliberate mistake in the sweep, for the test that shows the oracle notices each of them.
enum SweepFault: CaseIterable, Sendable {
  /// Windows begin a day early.
  case windowStartsEarly
  /// Windows begin a day late.
  case windowStartsLate
  /// Windows end a day early.
  case windowEndsEarly
  /// The day that leaves first stays.
  case keepsFirstLeavingDay
  /// One more day leaves.
  case leavesOneDayMore
  /// Leaving days are added.
  case addsLeavingDays
  /// Entering days are subtracted.
  case subtractsEnteringDays
  /// Late arrivals are dropped.
  case dropsLate
  /// Late arrivals are subtracted.
  case subtractsLate
  /// Late arrivals enter the new window where they belong to the old one.
  case lateIntoNewWindow
  /// The first day of an event instead of the last.
  case firstDay
  /// Terms to take away are added when a feature is read.
  case addsNegativeTerms
  /// A ratio is null at its minimum denominator instead of below it.
  case ratioMinimumExclusive
  /// Recency counts the last day from the day after.
  case recencyOneMore
}
