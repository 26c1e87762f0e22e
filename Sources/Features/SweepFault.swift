/// A deliberate mistake in the sweep, for the test that shows the oracle notices each of them.
enum SweepFault: CaseIterable, Sendable {
  /// Windows begin a day early.
  case windowStartsEarly
  /// Windows begin a day late.
  case windowStartsLate
  /// Windows end a day early.
  case windowEndsEarly
  /// Windows before others end a day late, and overlap those.
  case previousEndsLate
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
  /// The difference of a trend's windows is their sum.
  case trendAdds
  /// A trend's oldest window counts as its newest.
  case slopeFalls
  /// A band begins above its lower bound.
  case bandExclusive
  /// Formulas add what they are to take away.
  case formulaAdds
  /// Windows of rings begin a day early.
  case ringStartsEarly
  /// Windows of rings begin a day late.
  case ringStartsLate
  /// What enters a ring of sums is taken away.
  case ringSubtracts
  /// The least is the greatest.
  case leastIsGreatest
  /// A ring's oldest day is dropped a day early.
  case dropsFirstDay
  /// The last day that a ring keeps is read again and counted twice.
  case keepsOneDayMore
  /// Sequences open at the state's end are not looked at again.
  case forgetsOpenSequences
  /// An event at the instant of the one before makes the next step.
  case sequenceAllowsTies
  /// An event exactly the gap later makes the next step.
  case gapIncludesItsEnd
  /// That nothing came is taken for granted before the time has passed.
  case negationBeforeItsTime
  /// The part of a day at the bound of an hour window is left out.
  case dropsEdges
  /// The whole day at the bound of an hour window counts.
  case edgesAreWholeDays
  /// An event at the first instant of an hour window does not count.
  case edgeLosesItsStart
  /// An event at the end of an hour window counts.
  case edgeTakesItsEnd
  /// Ranks are cut where a value's equals begin instead of where they end.
  case ranksBelow
  /// Population-relative values follow the day instead of its midnight.
  case ranksWithinTheDay
}
