import Testing

@testable import Segments

@Suite("What a publication does to the catalogue")
struct CatalogueUpdateTests {
  private func plan(
    _ new: [SegmentDefinition], live: [SegmentDefinition] = []
  ) -> PublicationPlan {
    let before = live.isEmpty ? nil : evaluation(1, customers: [1], live.map { ($0, []) })
    return PublicationPlan(
      publishing: evaluation(2, customers: [1], new.map { ($0, []) }), live: before, base: before)
  }

  @Test("New segments get ids, versions, ranks by priority then name, and views")
  func new() {
    let update = CatalogueUpdate(
      for: plan([
        definition("late"), definition("B", priority: 2), definition("a", priority: 2),
        definition("first", priority: 1),
      ]), stored: [], versions: [])
    #expect(update.segments.map(\.segment_id) == [1, 2, 3, 4])
    #expect(update.segments.map(\.rank) == [3, 1, 2, 0])
    #expect(update.versions.map(\.version_id) == [1, 2, 3, 4])
    #expect(
      update.views.map {
        if case .create(let view, _, _) = $0 { view } else { "?" }
      } == ["late", "b", "a", "first"])
  }

  @Test("What stays keeps its id; a changed rule adds a version, an old rule finds its own again")
  func versions() {
    let stored = [
      CatalogueUpdate.Stored(id: 7, name: "a", title: "a", description: "", view: "a"),
      CatalogueUpdate.Stored(id: 9, name: "b", title: "b", description: "", view: "b"),
    ]
    let versions = [
      CatalogueUpdate.StoredVersion(id: 1, segment: 7, hash: "v1"),
      CatalogueUpdate.StoredVersion(id: 2, segment: 9, hash: "v1"),
      CatalogueUpdate.StoredVersion(id: 3, segment: 9, hash: "v0"),
    ]
    let update = CatalogueUpdate(
      for: plan(
        [definition("a", version: "v2"), definition("b", version: "v0", title: "B!")],
        live: [definition("a"), definition("b")]), stored: stored, versions: versions)
    #expect(update.ids["a"]?.segment == 7 && update.ids["a"]?.version == 4)
    #expect(update.ids["b"]?.segment == 9 && update.ids["b"]?.version == 3)
    #expect(update.versions.map(\.hash) == ["v2"])
    #expect(update.views == [.describe(view: "b", comment: "B!: its members now.")])
  }

  @Test("A segment that leaves loses its view; one that takes its place gets another name")
  func leaving() {
    let stored = [
      CatalogueUpdate.Stored(
        id: 1, name: "High Value", title: "", description: "", view: "high_value")
    ]
    let update = CatalogueUpdate(
      for: plan([definition("high_value")], live: [definition("High Value")]), stored: stored,
      versions: [CatalogueUpdate.StoredVersion(id: 1, segment: 1, hash: "v1")])
    #expect(
      update.views == [
        .create(view: "high_value_2", segment: 2, comment: "high_value: its members now."),
        .drop(view: "high_value"),
      ])
    #expect(update.segments.map(\.is_live) == [true, false])
    #expect(update.segments.map(\.audience_view) == ["high_value_2", nil])
  }

  @Test("View names stay within 63 bytes, also with a number")
  func longNames() {
    let name = String(repeating: "é", count: 60)
    #expect(AudienceView.name(for: name, id: 12, taken: []).utf8.count == 62)
    let taken = AudienceView.name(
      for: name, id: 12, taken: [AudienceView.name(for: name, id: 1, taken: [])])
    #expect(taken.utf8.count <= 63 && taken.hasSuffix("_12"))
  }
}
