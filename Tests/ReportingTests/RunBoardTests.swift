import Schedules
import TestSupport
import Testing

@testable import Reporting

@Suite struct RunBoardTests {
  private static let start = Instant(seconds: 1_773_108_000)

  private static func sample() -> RunBoard {
    var board = RunBoard(
      title: "nightly run 12",
      tasks: ["extract", "load.orders", "load.customers", "score", "report"])
    board.update("extract") {
      $0.standing = .success
      $0.startedAt = start
      $0.endedAt = start + .seconds(4)
      $0.attempts = 1
    }
    board.update("load.orders") {
      $0.standing = .running
      $0.startedAt = start + .seconds(4)
      $0.attempts = 2
      $0.progress = RunBoard.Progress(done: 2500, total: 10_000, unit: "rows")
      $0.note = "orders.csv"
    }
    board.update("load.customers") {
      $0.standing = .retrying
      $0.startedAt = start + .seconds(4)
      $0.endedAt = start + .seconds(5)
      $0.dueAt = start + .seconds(14)
      $0.attempts = 1
      $0.note = "attempt 1 failed: \u{1B}[2Jno such file"
    }
    board.update("score") {
      $0.standing = .running
      $0.startedAt = start + .seconds(6)
    }
    for item in 0..<5 {
      board.update("score[\(item)]") {
        $0.standing = item < 2 ? .success : item == 2 ? .failed : .running
      }
    }
    return board
  }

  @Test(arguments: [
    ("board.txt", Canvas(width: 100), 20), ("board-ascii.txt", Canvas(width: 60, ascii: true), 20),
    ("board-small.txt", Canvas(width: 80), 4),
  ])
  func pictureIsTheGoldenOne(file: String, canvas: Canvas, height: Int) throws {
    let lines = Self.sample().picture(
      canvas, height: height, started: Self.start, now: Self.start + .seconds(10))
    try expectGolden(lines.joined(separator: "\n") + "\n", file)
  }

  @Test func aThousandTasksFitAndWhatRunsIsShown() {
    var board = RunBoard(title: "wide", tasks: (0..<1000).map { "t\($0)" })
    for number in 0..<500 { board.update("t\(number)") { $0.standing = .success } }
    board.update("t777") { $0.standing = .running }
    board.update("t3") { $0.standing = .failed }
    for height in [3, 10, 24, 50] {
      let lines = board.picture(
        Canvas(width: 80), height: height, started: Self.start, now: Self.start + .seconds(10))
      #expect(lines.count == height)
      #expect(lines.allSatisfy { columns($0) <= 80 })
      #expect(lines[0].hasPrefix("✗ t3 ") || lines[0].hasPrefix("▸ t777"))
      #expect(lines.last?.hasPrefix("wide  500 of 1,000 tasks  1 running  1 failed") == true)
    }
    let lines = board.picture(
      Canvas(width: 80), height: 4, started: Self.start, now: Self.start + .seconds(10))
    #expect(lines[2] == "and 499 waiting, 499 success")
  }

  /// Counts kept while updating equal those of a count of everything, in any order of updates.
  @Test(arguments: 0..<50) func countsAreThoseOfACount(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var board = RunBoard(title: "r", tasks: ["a", "b"])
    var naive: [String: Standing] = ["a": .waiting, "b": .waiting]
    for _ in 0..<200 {
      let id = ["a", "b", "c", "a[0]", "a[1]", "d[7]"].randomElement(using: &random) ?? "a"
      let standing = Standing.allCases.randomElement(using: &random) ?? .waiting
      let before = naive[id] ?? (id.hasSuffix("]") ? nil : .waiting)
      let changed = board.update(id) { $0.standing = standing }
      #expect(changed == (before != standing))
      naive[id] = standing
      if id == "d[7]", naive["d"] == nil { naive["d"] = .waiting }
    }
    for standing in Standing.allCases {
      #expect(
        board.count(standing) == naive.count { !$0.key.hasSuffix("]") && $0.value == standing })
      for line in board.lines {
        #expect(
          line.itemCounts[standing, default: 0]
            == naive.count { $0.key.hasPrefix("\(line.id)[") && $0.value == standing })
      }
    }
    for (id, standing) in naive { #expect(board.entry(id)?.standing == standing) }
  }

  @Test func aPlainLineSaysTheItemAlone() {
    let now = Self.start + .seconds(10)
    #expect(Self.sample().plainLine("score[2]", now: now) == "✗ score[2]        failed")
    #expect(
      Self.sample().plainLine("score", now: now)
        == "▸ score           3 of 5 items, 2 running, 1 failed  4.0 s")
  }
}
