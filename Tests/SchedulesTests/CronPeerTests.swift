import Foundation
import Schedules
import Testing

/// The cron engine beside two others, PyPI's croniter and cronsim: each difference has to follow
/// from a named rule, exactly.
///
/// `make test` judges the answers that stand in `Vectors/cron_peers.tsv`; `make test-long` asks the
/// peers themselves 20,000 questions, and whether the file is what they say. With
/// STRATA_UPDATE_GOLDEN=1 it writes the file anew.
@Suite("Cron beside croniter and cronsim")
struct CronPeerTests {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  static let vectors = folder.appendingPathComponent("Vectors/cron_peers.tsv")

  /// An interpreter with croniter and cronsim; nil where none was named.
  static let python = ProcessInfo.processInfo.environment["STRATA_CRON_PEERS"]

  static func ours(_ question: CronCase) throws -> Instant? {
    guard let cron = try? Cron(question.expression) else { return nil }
    let zone = try Zone(question.zone)
    let instant = Instant(seconds: question.second)
    return question.isForward
      ? cron.next(after: instant, in: zone) : cron.previous(before: instant, in: zone)
  }

  static func questions(seed: UInt64, _ count: Int) -> [CronCase] {
    var cases = CronCases(seed: seed)
    return PeerVector.all.map(\.question) + (0..<count).map { _ in cases.next() }
  }

  /// The questions whose answers are committed.
  static var committed: [CronCase] { questions(seed: 20_261_121, 2000) }

  /// Fails for each answer that no rule explains; counts the answers that are ours and, by rule,
  /// those that are not.
  static func judge(_ questions: [CronCase], _ answers: [Substring]) throws -> [String: Int] {
    try #require(questions.count == answers.count)
    var counts: [String: Int] = [:]
    for (question, line) in zip(questions, answers) {
      let ours = try ours(question)
      let columns = line.split(separator: "\t").map(String.init)
      try #require(columns.count == Peer.allCases.count, "\(line)")
      for (peer, answer) in zip(Peer.allCases, columns) {
        switch try peer.verdict(on: question, answer: answer, ours: ours) {
        case .same: counts["\(peer.rawValue) agrees", default: 0] += 1
        case .explained(let rules):
          for rule in rules { counts[rule.rawValue, default: 0] += 1 }
        case .unexplained(let expected):
          Issue.record(
            """
            \(question): no rule tells why \(peer.rawValue) answers \(answer), where we answer \
            \(ours.map { "\($0.seconds)" } ?? "none") and its rules make it \(expected)
            """)
        }
      }
    }
    return counts
  }

  @Test("differences worked by hand", arguments: PeerVector.all)
  func worked(vector: PeerVector) throws {
    let ours = try Self.ours(vector.question)
    #expect(ours == Instant(rfc3339: vector.ours))
    let verdict = try vector.rule.peer.verdict(
      on: vector.question, answer: vector.answer, ours: ours)
    #expect(verdict == .explained([vector.rule]))
  }

  @Test("there are at most 12 rules, and each has a vector")
  func rules() {
    #expect(PeerRule.allCases.count <= 12)
    #expect(Set(PeerVector.all.map(\.rule)) == Set(PeerRule.allCases))
  }

  @Test("the committed answers: each is ours or follows from a rule")
  func committedAnswers() throws {
    let text = try String(contentsOf: Self.vectors, encoding: .utf8)
    let lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
    let questions = Self.committed
    try #require(lines.count == questions.count)
    for (line, question) in zip(lines, questions) {
      try #require(line.hasPrefix(question.line + "\t"), "made from other questions: \(line)")
    }
    let answers = zip(lines, questions).map { $0.dropFirst($1.line.count + 1) }
    let counts = try Self.judge(questions, answers)
    // So many agree outright that the rules cannot hide a fault of ours.
    #expect(counts["croniter agrees", default: 0] > 1400)
    #expect(counts["cronsim agrees", default: 0] > 1300)
    for (vector, answer) in zip(PeerVector.all, answers) {
      let column = vector.rule.peer == .croniter ? 0 : 1
      #expect(answer.split(separator: "\t")[column] == vector.answer, "\(vector)")
    }
  }

  @Test("a wrong answer is told")
  func wrongAnswers() throws {
    let question = CronCase(
      expression: "30 2 * * *", zone: "America/New_York", second: 1_710_000_000, isForward: true)
    let ours = try #require(try Self.ours(question))
    for peer in Peer.allCases {
      #expect(try peer.verdict(on: question, answer: "\(ours.seconds)", ours: ours) == .same)
      for wrong in [ours.seconds - 60, ours.seconds + 3600, ours.seconds + 86_400] {
        let verdict = try peer.verdict(on: question, answer: "\(wrong)", ours: ours)
        guard case .unexplained = verdict else {
          Issue.record("\(peer.rawValue) at \(wrong): \(verdict)")
          continue
        }
      }
    }
  }

  @Test("questions lie near every clock change of ten zones from 2015 to 2030")
  func coverage() {
    #expect(CronCases.zones.count == 10)
    var near: [String: [Int64]] = [:]
    for question in Self.committed { near[question.zone, default: []].append(question.second) }
    var count = 0
    for (zone, changes) in CronCases.changes {
      for change in changes {
        let asked = near[zone, default: []].contains { abs($0 - change.seconds) <= 93_600 }
        #expect(asked, "\(zone) \(change)")
        count += 1
      }
    }
    #expect(count > 250)
  }

  @Test("20,000 questions to the peers themselves", .enabled(if: python != nil))
  func long() throws {
    let python = try #require(Self.python)
    let questions = Self.questions(seed: 2, 20_000)
    let (_, answers) = try Self.ask(questions, python)
    let counts = try Self.judge(questions, answers)
    for (name, count) in counts.sorted(by: { $0.key < $1.key }) { print("  \(name): \(count)") }

    let (versions, again) = try Self.ask(Self.committed, python)
    let text =
      """
      # Answers of \(versions) to the questions of CronPeerTests.committed; `make test-long`
      # checks them, and writes them with STRATA_UPDATE_GOLDEN=1. Columns: expression, zone, second
      # since 1970, direction, croniter's answer, cronsim's.

      """ + zip(Self.committed, again).map { "\($0.line)\t\($1)\n" }.joined()
    if ProcessInfo.processInfo.environment["STRATA_UPDATE_GOLDEN"] != nil {
      try text.write(to: Self.vectors, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOf: Self.vectors, encoding: .utf8) == text)
  }

  /// The peers' versions, and a line of answers for each question.
  private static func ask(
    _ questions: [CronCase], _ python: String
  ) throws -> (versions: Substring, [Substring]) {
    let base = FileManager.default.temporaryDirectory
      .appendingPathComponent("strata-cron-\(UUID().uuidString)")
    let (input, output) = (base.appendingPathExtension("in"), base.appendingPathExtension("out"))
    defer { for file in [input, output] { try? FileManager.default.removeItem(at: file) } }
    try questions.map { $0.line + "\n" }.joined()
      .write(to: input, atomically: true, encoding: .utf8)
    try Data().write(to: output)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = [folder.appendingPathComponent("peers/cron_peers.py").path]
    process.standardInput = try FileHandle(forReadingFrom: input)
    process.standardOutput = try FileHandle(forWritingTo: output)
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    let lines = try String(contentsOf: output, encoding: .utf8).split(separator: "\n")
    return (try #require(lines.first).dropFirst(2), Array(lines.dropFirst()))
  }
}
