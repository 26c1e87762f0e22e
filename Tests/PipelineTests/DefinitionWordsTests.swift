import Testing

@testable import Pipeline

@Suite("Definitions in words")
struct DefinitionWordsTests {
  @Test("what is unusual about each task")
  func tasks() throws {
    let notes = Dictionary(
      everything.tasks.map { ($0.id, $0.notes) }, uniquingKeysWith: { $1 })
    #expect(
      notes["wait_file"] == ["sensor every 30 s, keeps its slot, 2 h at most, then skipped"])
    #expect(notes["load.features"] == ["pool db x2"])
    #expect(notes["create"] == ["setup"])
    #expect(notes["drop"] == ["teardown of create"])
    #expect(notes["ranges"] == [])
    #expect(notes["score"] == ["each of ranges, at most 100", "8 items at once"])
    #expect(notes["grid"] == ["each of ranges x 3 items, at most 1024"])
    #expect(notes["choose"] == ["decides what is skipped"])
    #expect(
      notes["merge"] == [
        "priority 10 with downstream", "1 at once over all runs", "depends on past",
        "waits for downstream", "own process of at most 512 MiB", "on failure, retry: notify ops",
      ])
    #expect(nightly.tasks.first { $0.id == "drift" }?.notes == ["time limit 5 min"])
    #expect(nightly.tasks.first { $0.id == "train_churn" }?.notes == ["may fail"])
    #expect(
      SensorPolicy(every: .milliseconds(1500), budget: .days(1)).words
        == "sensor every 1500 ms, gives its slot back, 1 d at most")
  }

  @Test("what holds for the runs of a DAG")
  func dags() throws {
    #expect(
      try everything.snapshot().notes == [
        "starts 2024-03-01", "deadline 6 h after the interval's end",
        "at once: 2 runs, 4 of a run's tasks, 8 tasks in all",
        "on deadline, failure, success: POST https://ops.example/strata",
      ])
    #expect(try nightly.snapshot().notes == ["at once: 16 runs, 16 of a run's tasks"])
    #expect(Deadline.afterStart(.minutes(90)).words == "90 min after the start")
  }
}
