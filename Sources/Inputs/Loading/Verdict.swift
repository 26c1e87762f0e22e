/// The counts of a load as they change from reading to committing; decisions without I/O.
struct Verdict: Sendable {
  let source: SourceDefinition
  let tally: Tally
  /// Rows that the database marked, by reason; `duplicate` is no rejection.
  private(set) var marked: [String: Int64] = [:]
  private var markedWarnings = [Int64](repeating: 0, count: 64)
  private var rowsMarkedWarned: Int64 = 0
  private var duplicateTotals: [Int128]
  private var rejectedTotals: [Int128]
  /// Warnings that only the database could count.
  var tableWarnings: [String: Int64] = [:]
  /// Accepted rows that replace an earlier version of their event.
  var rowsCorrected: Int64 = 0

  init(source: SourceDefinition, tally: Tally) {
    self.source = source
    self.tally = tally
    duplicateTotals = Array(repeating: 0, count: source.plan.totals.count)
    rejectedTotals = duplicateTotals
  }

  /// Counts rows that the database marked for one reason.
  mutating func mark(reason: String, warned: Int64?, count: Int64, totals: [Int128?]) {
    marked[reason, default: 0] += count
    if let warned {
      rowsMarkedWarned += count
      for bit in 0..<64 where UInt64(bitPattern: warned) >> UInt64(bit) & 1 == 1 {
        markedWarnings[bit] += count
      }
    }
    for index in source.plan.totals.indices {
      let sum = totals[index] ?? 0
      if reason == Self.duplicate {
        duplicateTotals[index] += sum
      } else {
        rejectedTotals[index] += sum
      }
    }
  }

  /// The mark of rows that repeat what had been accepted.
  static let duplicate = "duplicate"

  var rowsDuplicate: Int64 { marked[Self.duplicate] ?? 0 }
  private var rowsMarkedRejected: Int64 { marked.values.reduce(0, +) - rowsDuplicate }
  var rowsAccepted: Int64 { tally.rowsGood - rowsDuplicate - rowsMarkedRejected }

  /// Rejected rows by reason.
  var rejected: [String: Int64] {
    var counts = marked
    counts[Self.duplicate] = nil
    let names = RowReason.allCases.map(\.rawValue) + source.plan.checks.map(\.name)
    for (name, count) in zip(names, tally.reasons) where count > 0 {
      counts[name, default: 0] += count
    }
    return counts
  }

  /// Warnings on accepted rows by name.
  var warnings: [String: Int64] {
    var counts = tableWarnings.filter { $0.value > 0 }
    func add(_ name: String, bit: Int) {
      let count = tally.warnings[bit] - markedWarnings[bit]
      if count > 0 { counts[name] = count }
    }
    for (bit, check) in source.plan.checks.filter({ $0.onFail == .warn }).enumerated() {
      add(check.name, bit: bit)
    }
    add("local_time_gap", bit: Tally.gapBit)
    add("local_time_repeated", bit: Tally.repeatBit)
    return counts
  }

  var totals: [ControlTotal] {
    source.plan.totals.enumerated().map { index, total in
      let duplicate = duplicateTotals[index]
      let rejected = tally.rejected[index] + rejectedTotals[index]
      let accepted = tally.accepted[index] - duplicate - rejectedTotals[index]
      return ControlTotal(
        name: total.name, accepted: Decimals.text(accepted, scale: total.scale),
        rejected: Decimals.text(rejected, scale: total.scale),
        duplicate: Decimals.text(duplicate, scale: total.scale),
        all: Decimals.text(accepted + rejected + duplicate, scale: total.scale))
    }
  }

  /// Fills a report's counts.
  func fill(_ report: inout LoadReport) {
    report.rowsRead = tally.rowsRead
    report.rowsAccepted = rowsAccepted
    report.rowsRejected = tally.rowsRejected + rowsMarkedRejected
    report.rowsDuplicate = rowsDuplicate
    report.rowsWarned = tally.rowsWarned - rowsMarkedWarned
    report.rejected = rejected
    report.warnings = warnings
    report.totals = totals
    report.rowsUnmeasured = tally.unmeasured
    report.rowsCorrected = rowsCorrected
    report.unknownKinds = tally.unknownKinds.isEmpty ? nil : tally.unknownKinds
    report.samples = tally.samples.map {
      RejectedRow(line: $0.line, reason: $0.reason, column: $0.column, raw: $0.raw)
    }
  }

  /// The checks of single rows that stop the load; nil where none does.
  func breach(file: String?) -> InputError? {
    var problems: [InputError] = []
    for (index, check) in source.plan.checks.enumerated() {
      if let problem = Self.breach(
        check.name, check.onFail, check.mostly, failed: tally.failures[index],
        of: tally.evaluated[index], source: source.name, file: file)
      {
        problems.append(problem)
      }
    }
    return InputError.joining(problems)
  }

  /// Whether failures of one check stop the load.
  static func breach(
    _ name: String, _ action: FailureAction, _ mostly: Double?, failed: Int64, of rows: Int64,
    source: String, file: String?
  ) -> InputError? {
    guard failed > 0 else { return nil }
    let passed = Double(rows - failed) / Double(max(1, rows))
    if let mostly {
      guard passed < mostly else { return nil }
    } else {
      guard action == .stop else { return nil }
    }
    let wanted = mostly.map { "at least \(percent($0)) of the rows to pass" } ?? "every row to pass"
    return InputError(
      code: "inputs.contract_breached",
      message: "source '\(source)', check '\(name)': expected \(wanted), found \(failed) of "
        + "\(rows) rows failing (\(percent(passed)) passed)",
      hint: "nothing was loaded; 'strata sources check \(source)' shows such rows", file: file)
  }

  /// A share with up to three decimals, rounded down so that 99.9996 % never reads 100 %.
  private static func percent(_ share: Double) -> String {
    let thousandths = Int128((share * 100_000).rounded(.down))
    return Decimals.text(thousandths, scale: 3) + " %"
  }
}
