import Schedules

extension RuleSQL {
  /// Answers what rules ask about the past from `segments.history`, at the midnights before ``moment``.
  ///
  /// That is what was published; rules themselves go by what rules say, before overrides and conflicts.
  public mutating func readHistory() {
    guard let moment else { return }
    let customer = self.customer
    let zone = RuleText.quoted(moment.zone.name)
    @Sendable func members(_ segment: String, _ first: Day, _ last: Day) -> String {
      """
      \(customer) IN (SELECT h.customer_id FROM segments.history AS h \
      JOIN generate_series(TIMESTAMP '\(first)', TIMESTAMP '\(last)', INTERVAL '1 day') AS d (midnight) \
      ON h.valid_from <= d.midnight AT TIME ZONE \(zone) \
      AND (h.valid_to IS NULL OR h.valid_to > d.midnight AT TIME ZONE \(zone)) \
      WHERE h.segment = \(RuleText.quoted(segment)))
      """
    }
    wasMember = { members($0, moment.day, moment.day) }
    wasMemberWithin = { members($0, $1, moment.day) }
  }
}
