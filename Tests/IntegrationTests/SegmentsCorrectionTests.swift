import Columns
import Schedules
import Segments
import TestSupport
import Testing
import Warehouse

/// Random publications: days in any order and again, changing catalogues and customers.
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
      for step in 0..<16 {
        // Forward for the most part, then anywhere.
        let day = step < 6 ? step / 2 * 2 + 1 : Int.random(in: 1...9, using: &random)
        let (evaluation, sets) = draw(day, &random)
        let result = try await project.publish(evaluation)
        if result.outcome != .unchanged {
          published.append(
            Published(asOf: evaluation.asOf, at: result.publishedAt, sets: sets))
        }
        let live = published.max { ($0.asOf, $0.at) < ($1.asOf, $1.at) }
        try await checkNow(project, live?.sets ?? [:])
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
      try await checkTransitions(project, asOf, before, now)
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

  /// Each who moved between neighbours has one transition there.
  private func checkTransitions(
    _ project: SegmentsProject, _ asOf: Instant, _ before: Sets, _ now: Sets
  ) async throws {
    let found = try await project.pool.query(
      """
      SELECT segment || ' ' || transition || ' ' || customer_id FROM segments.transitions
      WHERE as_of = \(asOf)
      """
    ).map { try $0.get(0, as: String.self) }
    var expected: [String] = []
    for name in Set(now.keys).union(before.keys) {
      let (old, new) = (before[name] ?? [], now[name] ?? [])
      expected += new.subtracting(old).map { "\(name) entered \($0)" }
      expected += old.subtracting(new).map { "\(name) left \($0)" }
    }
    #expect(found.sorted() == expected.sorted())
  }

  @Test("Days in any order end in what the days in their order do", arguments: 0..<4)
  func anyOrder(seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    let days = (1...9).map { draw($0, &random).0 }
    let shuffled = days.shuffled(using: &random) + [days[3], days[7]]
    func belief(_ evaluations: [SegmentEvaluation]) async throws -> [String] {
      try await withFreshDatabase { pool in
        let project = try await SegmentsProject(pool, customers: 40)
        // Some have events on some days: they explain what they change.
        _ = try await pool.query(
          "SELECT facts.ensure_months(ARRAY[DATE '1969-12-01', DATE '1970-01-01'])")
        try await pool.execute(
          """
          INSERT INTO facts.events (
            customer_id, occurred_at, ingested_at, load_id, kind_id, source_id, event_id)
          SELECT c, timestamptz '1970-01-01Z' + d * interval '1 day' + interval '3 hours',
            timestamptz '1970-01-01Z', 1, 1, 1, c || '-' || d
          FROM generate_series(1, 40) c, generate_series(0, 9) d WHERE (c * 7 + d * 3) % 5 = 0
          """)
        for evaluation in evaluations {
          try await project.publish(evaluation, activity: .recorded)
        }
        return try await pool.query(
          """
          SELECT concat_ws('|', 'h', customer_id, segment, valid_from, valid_to, entered_cause,
            left_cause, rule_version) FROM segments.history
          UNION ALL SELECT concat_ws('|', 't', as_of, customer_id, segment, transition, cause,
            rule_version) FROM segments.transitions
          UNION ALL SELECT concat_ws('|', 'z', as_of, segment, members, entered, "left")
            FROM segments.daily_size WHERE members + entered + "left" > 0
          UNION ALL SELECT concat_ws('|', 'm', customer_id, segment, since, cause)
            FROM segments.membership
          ORDER BY 1
          """
        ).map { try $0.get(0, as: String.self) }
      }
    }
    let inOrder = try await belief(days)
    let inAnyOrder = try await belief(shuffled)
    let difference = inAnyOrder.difference(from: inOrder)
    #expect(difference.isEmpty, "\(difference.prefix(6))")
    #expect(inOrder.count > 200)
  }

  @Test("A past day changes nothing that is live, and keeps what was believed")
  func earlier() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 3)
      let a = SegmentsProject.definition("a")
      func evaluation(_ day: Int, _ members: Set<Int64>) -> SegmentEvaluation {
        SegmentsProject.evaluation(SegmentsProject.day(day), customers: [1, 2, 3], [(a, members)])
      }
      try await project.publish(evaluation(2, [1, 2]))
      let last = try await project.publish(evaluation(4, [1, 3]))
      let past = try await project.publish(evaluation(3, [2, 3]), runID: 7)
      #expect(past.outcome == .published && past.rowsChanged == 2)
      #expect(past.segments.map(\.entered) == [1] && past.segments.map(\.left) == [1])
      #expect(try await project.reader.liveAsOf() == SegmentsProject.day(4))
      #expect(try await project.members(of: "a", at: SegmentsProject.day(3)) == [2, 3])
      let believed = try await project.members(
        of: "a", at: SegmentsProject.day(3), knownAt: last.publishedAt)
      #expect(believed == [1, 2])
      let members = try await project.reader.members(of: "a")
      #expect(members.map(\.customerKey) == ["C1", "C3"])
      #expect(members.map(\.since) == [SegmentsProject.day(4), SegmentsProject.day(3)])
      // The two records that were replaced are still there, with the time until they were believed.
      let replaced = try await project.count(
        "SELECT count(*) FROM segments.recorded_history WHERE recorded_to IS NOT NULL")
      #expect(replaced == 2)
      let again = try await project.publish(evaluation(3, [2, 3]))
      #expect(again.outcome == .unchanged && again.publicationID == past.publicationID)
      #expect(again.segments.map(\.entered) == [1] && again.segments.map(\.left) == [1])
      // Who was killed after the commit and comes again is told what it did.
      let first = try await project.publish(evaluation(1, [1]), runID: 8)
      let id = try await project.count(
        "SELECT (summary ->> 'evaluation')::bigint FROM segments.publication_record WHERE run_id = 8"
      )
      let told = try await project.publisher.publish(evaluationID: id, runID: 8)
      #expect(told == first && told.outcome == .published)
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
