import Foundation
import Schedules
import TestSupport
import Testing
import Warehouse

@testable import Inputs

private let catalogueText = """
  version: 1
  sources:
    - name: inbox
      files: inbox/*.csv
      zone: UTC
      freshness: {warn: 2d, stop: 5d}
      columns: {id: text, who: text, at: timestamp, paid: decimal}
      map: {event_id: id, kind: "'purchase'", customer: who, occurred_at: at, amount: paid}
  """

private struct Inbox {
  let folder: InputsFolder
  let source: SourceDefinition

  init() throws {
    folder = try InputsFolder()
    try FileManager.default.createDirectory(
      at: folder.url.appendingPathComponent("inbox"), withIntermediateDirectories: true)
    source = try folder.source(catalogueText)
  }

  func put(_ name: String, _ ids: ClosedRange<Int>, paid: Int = 1) throws {
    let rows = ids.map {
      "\($0),c\($0 % 3),2024-01-\(String(format: "%02d", $0 % 28 + 1)) 10:00,\(paid)\n"
    }
    _ = try folder.write("inbox/" + name, "id,who,at,paid\n" + rows.joined())
  }
}

private func sum(_ pool: ConnectionPool) async throws -> String {
  let row = try await pool.first(
    "SELECT count(*) || ' ' || coalesce(sum(amount), 0)::bigint AS sum FROM facts.events")
  return try row?.get("sum") ?? ""
}

@Suite("Inputs: folders of files")
struct InputsFoldersTests {
  @Test func newFilesAreLoadedInOrderAndOnlyOnce() async throws {
    let inbox = try Inbox()
    try await withFreshDatabase { pool in
      let loader = Loader(pool: pool)
      #expect(try await loader.loadAll(inbox.source).map(\.state) == [.skipped])
      try inbox.put("2024-02.csv", 11...20)
      try inbox.put("2024-01.csv", 1...10)
      try inbox.put(".hidden.csv", 90...95)
      try inbox.put("2024-03.csv.part", 96...99)
      let first = try await loader.loadAll(inbox.source)
      #expect(first.map { $0.file?.suffix(11) } == ["2024-01.csv", "2024-02.csv"])
      #expect(try await sum(pool) == "20 20")

      // The same bytes under another name are known; a new file is not.
      try inbox.put("copy-of-01.csv", 1...10)
      try inbox.put("2024-04.csv", 21...22)
      let second = try await loader.loadAll(inbox.source)
      #expect(second.map(\.rowsRead) == [2])
      #expect(second.last?.filesUnchanged == 3)
      let third = try await loader.loadAll(inbox.source)
      #expect(third.map(\.state) == [.skipped])
      #expect(third.first?.filesUnchanged == 4)
      #expect(try await sum(pool) == "22 22")
    }
  }

  @Test func aFileThatGrowsOrChangesIsTold() async throws {
    let inbox = try Inbox()
    try await withFreshDatabase { pool in
      let loader = Loader(pool: pool)
      try inbox.put("day.csv", 1...10)
      _ = try await loader.loadAll(inbox.source)
      try inbox.put("day.csv", 1...14)
      let grown = try await loader.loadAll(inbox.source)
      #expect(grown.map(\.rowsAccepted) == [4])
      #expect(grown.map(\.rowsDuplicate) == [10])
      #expect(grown.first?.notes?.first?.hasPrefix("the file grew from ") == true)
      try inbox.put("day.csv", 1...14, paid: 2)
      let changed = try await loader.loadAll(inbox.source)
      #expect(changed.map(\.rowsCorrected) == [14])
      #expect(changed.first?.notes?.first?.hasPrefix("the file changed since load ") == true)
      #expect(try await sum(pool) == "14 28")
    }
  }

  /// What the file system says of a file stands for its content. A file that changed keeps neither its
  /// inode nor the time of its entry, whatever its size and its own time say.
  @Test func aKnownFileIsNotReadAgainAndAChangedOneIs() async throws {
    let inbox = try Inbox()
    try await withFreshDatabase { pool in
      let path = inbox.folder.url.appendingPathComponent("inbox/day.csv").path
      try inbox.put("day.csv", 1...10)
      // An hour later the file is no longer so new that a change might leave its times alone.
      let loader = Loader(
        pool: pool, clock: ManualClock(SystemClock().now() + .seconds(3600)))
      _ = try await loader.loadAll(inbox.source)
      #expect(try await loader.loadAll(inbox.source).map(\.state) == [.skipped])
      let stamp = try #require(FileStamp(of: path))
      let stored = try await pool.first("SELECT stamp, digest FROM landing.file_stamp")
      #expect(try stored?.get("stamp", as: String.self) == stamp.text)
      #expect(try stored?.get("digest", as: String.self) == FileBytes.digest(of: path))

      // It is the stamp that is asked: with another's digest beside it, the file is not known.
      try await pool.execute("UPDATE landing.file_stamp SET digest = 'of another'")
      #expect(try await loader.loadAll(inbox.source).map(\.rowsDuplicate) == [10])
      try await pool.execute("DELETE FROM landing.file_stamp")
      #expect(try await loader.loadAll(inbox.source).map(\.state) == [.skipped])

      // Other rows, of the same size and with the same time.
      let time = try FileManager.default.attributesOfItem(atPath: path)[.modificationDate]
      try inbox.put("day.csv", 1...10, paid: 2)
      try FileManager.default.setAttributes([.modificationDate: time as Any], ofItemAtPath: path)
      #expect(try await loader.loadAll(inbox.source).map(\.rowsCorrected) == [10])
    }
  }

  @Test func aFileThatFailsKeepsThoseBeforeIt() async throws {
    let inbox = try Inbox()
    try await withFreshDatabase { pool in
      let loader = Loader(pool: pool)
      try inbox.put("1.csv", 1...10)
      _ = try inbox.folder.write("inbox/2.csv", "id,who,paid\n1,2,3\n")
      try inbox.put("3.csv", 21...30)
      let error = await #expect(throws: InputError.self) {
        _ = try await loader.loadAll(inbox.source)
      }
      #expect(error?.code == "inputs.column_missing")
      #expect(
        error?.hint?.hasSuffix("the file before it stay loaded; the next load begins with this one")
          == true)
      #expect(try await sum(pool) == "10 10")
      try inbox.put("2.csv", 11...20)
      #expect(try await loader.loadAll(inbox.source).count == 2)
      #expect(try await sum(pool) == "30 30")
    }
  }

  @Test func aFolderThatIsNotThereIsNoEmptyOne() async throws {
    let folder = try InputsFolder()
    let source = try folder.source(catalogueText)
    try await withFreshDatabase { pool in
      let error = await #expect(throws: InputError.self) {
        _ = try await Loader(pool: pool).loadAll(source)
      }
      #expect(error?.code == "inputs.missing_folder")
    }
  }

  @Test func timesThatLoseTheirOffsetStopTheLoad() async throws {
    let inbox = try Inbox()
    try await withFreshDatabase { pool in
      let loader = Loader(pool: pool)
      _ = try inbox.folder.write("inbox/1.csv", "id,who,at,paid\n1,a,2024-01-01 10:00+02,1\n")
      _ = try await loader.loadAll(inbox.source)
      _ = try inbox.folder.write("inbox/2.csv", "id,who,at,paid\n2,a,2024-01-01 10:00,1\n")
      let error = await #expect(throws: InputError.self) {
        _ = try await loader.loadAll(inbox.source)
      }
      #expect(error?.code == "inputs.column_zone_changed")
      #expect(try await sum(pool) == "1 1")
      _ = try await loader.loadAll(inbox.source, acceptingChanges: true)
      #expect(try await sum(pool) == "2 2")
    }
  }

  @Test func aKeyThatIsNowhereAnyLongerStopsTheLoad() async throws {
    let folder = try InputsFolder()
    let source = try folder.source(
      """
      version: 1
      sources:
        - name: clicks
          file: data.csv
          format: ndjson
          zone: UTC
          columns: {id: text, who: text, at: timestamp, page: text, rare: text}
          map: {event_id: id, kind: "'click'", customer: who, occurred_at: at, item: page}
      """)
    func write(_ key: String, _ from: Int) throws {
      let rows = (from..<from + 30).map { id in
        let rare = id == 3 ? #", "rare": "x""# : ""
        return
          #"{"id": \#(id), "who": "a", "at": "2024-01-01T10:00:00", "\#(key)": "home"\#(rare)}"#
          + "\n"
      }
      _ = try folder.write("data.csv", rows.joined())
    }
    try await withFreshDatabase { pool in
      let loader = Loader(pool: pool)
      try write("page", 0)
      _ = try await loader.load(source)
      try write("url", 100)
      let error = await #expect(throws: InputError.self) { _ = try await loader.load(source) }
      #expect(error?.code == "inputs.column_missing")
      #expect(error?.message.contains("'page'") == true)
      #expect(error?.all.count == 1)
      #expect(try await sum(pool) == "30 0")
      #expect(try await loader.load(source, acceptingChanges: true).rowsAccepted == 30)
    }
  }

  @Test func aColumnOfAnotherKindStopsTheLoad() async throws {
    let inbox = try Inbox()
    try await withFreshDatabase { pool in
      let rows = (1...40).map { "\($0),a,2024-01-01,\($0 % 3 == 0 ? "7" : "seven")\n" }
      _ = try inbox.folder.write("inbox/1.csv", "id,who,at,paid\n" + rows.joined())
      let error = await #expect(throws: InputError.self) {
        _ = try await Loader(pool: pool).loadAll(inbox.source)
      }
      #expect(error?.code == "inputs.column_type_changed")
      #expect(error?.message.contains("'paid' to hold decimal(4), found 27 of 40 rows") == true)
      #expect(try await sum(pool) == "0 0")
    }
  }

  @Test func lagIsCountedFromTheLatestRow() async throws {
    let inbox = try Inbox()
    try await withFreshDatabase { pool in
      let ledger = LoadLedger(pool: pool)
      let noon = try #require(Instant(rfc3339: "2024-01-05T12:00:00Z"))
      let empty = try await ledger.freshness(of: [inbox.source], at: noon)
      #expect(empty.map(\.state) == [.stop])
      _ = try inbox.folder.write("inbox/1.csv", "id,who,at,paid\n1,a,2024-01-04 10:00,1\n")
      _ = try await Loader(pool: pool).loadAll(inbox.source)
      let hours = [(0, "fresh"), (21, "fresh"), (22, "warn"), (93, "warn"), (94, "stop")]
      for (more, state) in hours {
        let found = try await ledger.freshness(
          of: [inbox.source], at: noon + .seconds(Int64(more) * 3600))
        #expect(found.map(\.state.rawValue) == [state], "after \(26 + more) hours")
        #expect(found.first?.lagSeconds == Int64(26 + more) * 3600)
      }
      let late = try await ledger.freshness(of: [inbox.source], at: noon + .seconds(94 * 3600))
      #expect(
        Freshness.error(of: late)?.message
          == "source 'inbox': expected rows of the last 5d, found the latest one of "
          + "2024-01-04T10:00:00Z, 5d ago")
    }
  }
}
