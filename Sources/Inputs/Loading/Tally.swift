import Schedules

/// What reading a source has counted so far.
struct Tally: Sendable {
  /// One of the first rejected rows, for messages.
  struct Sample: Sendable, Equatable {
    var line: Int64
    var reason: String
    var column: String?
    var raw: String
  }

  var rowsRead: Int64 = 0
  var rowsRejected: Int64 = 0
  /// Rejected rows by reason: the loader's own reasons first, then the plan's checks.
  var reasons: [Int64]
  /// Rows on which each check failed, and on which it was looked at.
  var failures: [Int64]
  var evaluated: [Int64]
  /// Good rows with a warning, and how many warnings each bit stands for.
  var rowsWarned: Int64 = 0
  var warnings = [Int64](repeating: 0, count: 64)
  /// Exact sums over good rows and over rejected ones.
  var accepted: [Int128]
  var rejected: [Int128]
  /// Rejected rows whose totals could not be computed.
  var unmeasured: Int64 = 0
  /// Months of good rows, as months since 1970-01.
  var months: Set<Int32> = []
  var first = Int64.max
  var last = Int64.min
  /// Whether good rows came in order of time.
  var ordered = true
  var watermark = Int64.min
  var samples: [Sample] = []

  init(plan: RowPlan) {
    reasons = Array(repeating: 0, count: RowReason.allCases.count + plan.checks.count)
    failures = Array(repeating: 0, count: plan.checks.count)
    evaluated = failures
    accepted = Array(repeating: 0, count: plan.totals.count)
    rejected = accepted
  }

  var rowsGood: Int64 { rowsRead - rowsRejected }

  /// The bits of ``warnings`` for times in a gap and in a repeated hour.
  static let gapBit = 60
  static let repeatBit = 61
}
