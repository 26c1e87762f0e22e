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
  /// Rows rejected because a column's text was not of its type, by column.
  var columnFaults: [Int64]
  /// Times that say how far they are from Greenwich, and those that do not, by column.
  var offsets: [Int64]
  var naives: [Int64]
  /// Values that are there, by column; counted where nothing else tells that a column is gone.
  var filled: [Int64]
  /// Kinds that the catalogue lacks, with their rows.
  private(set) var unknownKinds: [String: Int64] = [:]
  /// Kinds (above) and currencies (three bytes below) of the amounts of good rows, and of some that
  /// were rejected afterwards.
  private(set) var currencies: Set<Int64> = []
  private var lastCurrency: Int64 = -1

  init(plan: RowPlan) {
    columnFaults = Array(repeating: 0, count: plan.columns.count)
    offsets = columnFaults
    naives = columnFaults
    filled = columnFaults
    reasons = Array(repeating: 0, count: RowReason.allCases.count + plan.checks.count)
    failures = Array(repeating: 0, count: plan.checks.count)
    evaluated = failures
    accepted = Array(repeating: 0, count: plan.totals.count)
    rejected = accepted
  }

  /// The most unknown kinds that are told apart; a column of free text has no end of them.
  static let unknownKindLimit = 100

  mutating func note(unknownKind name: String) {
    let isNew = unknownKinds[name] == nil
    let key = isNew && unknownKinds.count >= Self.unknownKindLimit ? "…" : name
    unknownKinds[key, default: 0] += 1
  }

  mutating func note(currency: UnsafeRawBufferPointer, kind: Int16) {
    let code =
      Int64(kind) << 24 | Int64(currency[0]) << 16 | Int64(currency[1]) << 8 | Int64(currency[2])
    // Nearly always the same as the row before.
    if code == lastCurrency { return }
    lastCurrency = code
    currencies.insert(code)
  }

  /// The kinds and currencies of ``currencies``.
  static func code(kind: Int16, currency: String) -> Int64 {
    currency.utf8.reduce(Int64(kind)) { $0 << 8 | Int64($1) }
  }

  /// The currency of a code.
  static func currency(of code: Int64) -> String {
    String(decoding: [16, 8, 0].map { UInt8(truncatingIfNeeded: code >> $0) }, as: UTF8.self)
  }

  var rowsGood: Int64 { rowsRead - rowsRejected }

  /// The bits of ``warnings`` for times in a gap and in a repeated hour.
  static let gapBit = 60
  static let repeatBit = 61
}
