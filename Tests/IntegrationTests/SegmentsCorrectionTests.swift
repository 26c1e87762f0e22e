import Columns
import Schedules
import Segments
import TestSupport
import Testing
import Warehouse

/// Random publications: days forward, the same day again, changing catalogues and customers.
@Suite("Corrections of what was published")
struct SegmentsCorrectionTests {
  typealias Sets = [String: Set<Int64>]

  /// What the naive model remembers of a publication.
  struct Published {
    let asOf: Instant
    let at: Instant
    let sets: Sets
  }

  @Test("Any belief at any time, against sets kept in memory", arguments: 0..<6)
  func anyBelief(seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 40)
      var published: [Published] = []
      var day = 1
      for _ in 0..<14 {
        if !published.isEmpty, Int.random(in: 0..<5, using: &random) > 1 { day += 1 }
        let (evaluation, sets) = draw(day, &random)
        let result = try await project.publish(evaluation)
        if result.outcome != .unchanged {
          published.append(
            Published(asOf: evaluation.asOf, at: result.publishedAt, sets: sets))
        }
        try await checkNow(project, sets)
      }
      #expect(try await project.overlaps() == 0)
      #expect(try await project.count("SELECT count(*) FROM segments.delta") == 0)
      try await checkBeliefs(project, published)
      try await checkSizes(project, published)
    }
  }

  /// Random segments over random customers; the rules change now and then.
  private func draw(
    _ day: Int, _ random: inout SplitMix64
  ) -> (SegmentEvaluation, Sets) {
    let customers = (1...40).filter { _ in Int.random(in: 0..<8, using: &random) > 0 }
    var sets: [(SegmentDefinition, Set<Int64>)] = []
    for name in ["alpha", "Beta Gamma", "gr\"oß'"] where Int.random(in: 0..<5, using: &random) > 0 {
      let members = customers.filter { _ in Bool.random(using: &random) }.map(Int64.init)
      let version = Int.random(in: 0..<4, using: &random) == 0 ? "v2" : "v1"
      sets.append((SegmentsProject.definition(name, version: version), Set(members)))
    }
    return (
      SegmentsProject.evaluation(
        SegmentsProject.day(day), customers: customers.map(Int64.init), sets),
      Dictionary(uniqueKeysWithValues: sets.map { ($0.0.name, $0.1) })
    )
  }

  /// Membership, audience views and the catalogue show the live sets.
  private func checkNow(_ project: SegmentsProject, _ sets: Sets) async throws {
    let live = try await project.pool.query(
      "SELECT segment, audience_view FROM segments.catalog WHERE is_live")
    #expect(Set(try live.map { try $0.get("segment", as: String.self) }) == Set(sets.keys))
    for row in live {
      let view: String = try row.get("audience_view")
      let ids = try await project.pool.query(SQL(unsafeText: "SELECT customer_id FROM \(view)"))
      let members = try sets[row.get("segment")]
      #expect(Set(try ids.map { try $0.get(0, as: Int64.self) }) == members)
    }
    let views = try await project.count(
      "SELECT count(*) FROM pg_views WHERE schemaname = 'audience'")
    #expect(views == sets.count)
    let memberships = try await project.count("SELECT count(*) FROM segments.membership")
    #expect(memberships == sets.values.reduce(0) { $0 + $1.count })
  }

  /// `members_at(segment, as_of, known_at)` for every day and every moment of knowledge.
  private func checkBeliefs(_ project: SegmentsProject, _ published: [Published]) async throws {
    let names = Set(published.flatMap(\.sets.keys))
    for known in published.indices {
      let past = published[...known]
      for asOf in Set(published.map(\.asOf)) {
        // The newest publication of the last day at or before the one asked for.
        let last = past.filter { $0.asOf <= asOf }.max {
          ($0.asOf, $0.at) < ($1.asOf, $1.at)
        }
        for name in names {
          let members = try await project.members(
            of: name, at: asOf, knownAt: published[known].at)
          #expect(members == last?.sets[name] ?? [], "\(name) at \(asOf) known at \(known)")
        }
      }
    }
    let unknown = try await project.members(
      of: names.first ?? "", at: SegmentsProject.day(100),
      knownAt: Instant(microseconds: published[0].at.microseconds - 1))
    #expect(unknown.isEmpty)
  }

  /// Sizes and movements are those between the last publications of neighbouring days.
  private func checkSizes(_ project: SegmentsProject, _ published: [Published]) async throws {
    var before: Sets = [:]
    for asOf in Set(published.map(\.asOf)).sorted() {
      guard let now = published.last(where: { $0.asOf == asOf })?.sets else { continue }
      let sizes = try await project.reader.sizes(from: asOf, to: asOf)
      for name in Set(now.keys).union(before.keys) {
        let size = sizes.first { $0.segment == name }
        let (old, new) = (before[name] ?? [], now[name] ?? [])
        #expect(size?.members == Int64(new.count))
        #expect(size?.entered == Int64(new.subtracting(old).count))
        #expect(size?.left == Int64(old.subtracting(new).count))
      }
      before = now
    }
  }

  @Test("A correction keeps since and cause of a stay that goes on")
  func reopening() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 3)
      let a = SegmentsProject.definition("a")
      func evaluation(_ day: Int, _ members: Set<Int64>) -> SegmentEvaluation {
        SegmentsProject.evaluation(SegmentsProject.day(day), customers: [1, 2, 3], [(a, members)])
      }
      try await project.publish(evaluation(1, [1, 2]), runID: 1)
      try await project.publish(evaluation(2, [2, 3]), runID: 2)
      let corrected = try await project.publish(evaluation(2, [1, 2]), runID: 3)
      #expect(corrected.outcome == .corrected && corrected.rowsChanged == 2)
      #expect(corrected.segments.map(\.entered) == [0] && corrected.segments.map(\.left) == [0])
      let members = try await project.reader.members(of: "a")
      #expect(members.map(\.customerKey) == ["C1", "C2"])
      #expect(members.map(\.since) == [SegmentsProject.day(1), SegmentsProject.day(1)])
      #expect(members.map(\.cause) == ["rule", "rule"])
      #expect(try await project.count("SELECT count(*) FROM segments.history") == 2)
      // What was believed before stays on record.
      #expect(try await project.count("SELECT count(*) FROM segments.ended_spell") == 2)
    }
  }

  @Test("An earlier as-of than the live one is refused for good")
  func earlier() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 1)
      let a = SegmentsProject.definition("a")
      func evaluation(_ day: Int) -> SegmentEvaluation {
        SegmentsProject.evaluation(SegmentsProject.day(day), customers: [1], [(a, [1])])
      }
      try await project.publish(evaluation(2))
      let contents = try await project.contents()
      await #expect {
        try await project.publish(evaluation(1))
      } throws: { error in
        let fault = error as? SegmentError
        return fault?.code == "segments.earlier_as_of" && fault?.isPermanent == true
      }
      #expect(try await project.contents() == contents)
    }
  }

  @Test("Memberships changed by hand are found out, and nothing is published")
  func tampered() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 2)
      let a = SegmentsProject.definition("a")
      func evaluation(_ day: Int, _ members: Set<Int64>) -> SegmentEvaluation {
        SegmentsProject.evaluation(SegmentsProject.day(day), customers: [1, 2], [(a, members)])
      }
      try await project.publish(evaluation(1, [1, 2]))
      try await pool.execute("DELETE FROM segments.open_spell WHERE customer_id = 1")
      let contents = try await project.contents()
      await #expect {
        try await project.publish(evaluation(2, []))
      } throws: {
        ($0 as? SegmentError)?.code == "segments.out_of_step"
      }
      #expect(try await project.contents() == contents)
    }
  }
}
