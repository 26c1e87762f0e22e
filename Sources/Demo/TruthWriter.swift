import Schedules

/// Writes `truth/churn.csv`: the true probability at each cut and, once known, what happened.
///
/// Cuts lie every 30 days back from `horizon` days before the end, and on to the end; they are the
/// cuts at which a model trained on the last night learns and is checked.
struct TruthWriter {
  let truth: ChurnTruth
  let out: ByteBuffer
  private(set) var rows = 0
  /// Probabilities in parts per million by customer, of the cuts whose label is not known yet.
  private var open: [(day: Int, probabilities: [Int32])] = []

  /// A writer onto an empty file.
  init(truth: ChurnTruth, out: ByteBuffer) throws {
    self.truth = truth
    self.out = out
    out.append("customer,date,probability,no_purchase_60d")
    try out.endRow()
  }

  /// Notes the probabilities where `day` is a cut, and writes those whose label is now known.
  mutating func beginDay(_ day: Int, shoppers: [Shopper]) throws {
    while let cut = open.first, cut.day + truth.horizon <= day {
      open.removeFirst()
      try write(cut.day, cut.probabilities, shoppers, isKnown: true)
    }
    guard day > 0, (truth.calendar.count - truth.horizon - day) % 30 == 0 else { return }
    let probabilities = shoppers.map { shopper in
      shopper.signedUp < day
        ? Int32((truth.probability(shopper, at: day) * 1_000_000).rounded()) : -1
    }
    open.append((day, probabilities))
  }

  /// Writes the cuts whose label lies after the last day, without it.
  mutating func finish() throws {
    for cut in open { try write(cut.day, cut.probabilities, [], isKnown: false) }
    try out.flush()
  }

  private mutating func write(
    _ day: Int, _ probabilities: [Int32], _ shoppers: [Shopper], isKnown: Bool
  ) throws {
    let date = Array((truth.calendar.first + day).description.utf8)
    for number in probabilities.indices where probabilities[number] >= 0 {
      CustomerKey.write(number, to: out)
      out.append(",")
      out.append(date)
      let millionths = Int(probabilities[number])
      out.append(",")
      out.append(millionths / 1_000_000)
      out.append(".")
      out.append(millionths % 1_000_000, width: 6)
      out.append(",")
      if isKnown { out.append(shoppers[number].lastOrder < day ? "1" : "0") }
      try out.endRow()
      rows += 1
    }
  }
}
