import Orchestrator
import Pipeline
import Schedules
import Warehouse

/// What must hold after every experiment, whatever was done to it.
///
/// 1. **Nothing is lost, nothing stuck**: every run that was asked for is there once and succeeded;
///    so did every task and item of its plan; nothing is left running, claimable or counted.
/// 2. **No success was turned into failure**: each run ended once; each task has one successful
///    attempt, and none after it.
/// 3. **Attempts hold one after the other**: those of one task never overlap by the server's clock,
///    their tokens rise, their number is the task's count of tries and within its allowance (looks of
///    sensors are no tries; what a draining worker gives back raises the allowance, as does a claim
///    whose answer was lost).
/// 4. **Every effect happened exactly once**: one row per task, with the value that a naive walk over
///    the plan gives; and the successful attempt has committed a fenced transaction of its own.
/// 5. **The fence fences**: no transaction committed under a token after a later token of the same
///    task had been given out. Three witnesses: a fenced transaction sees no later attempt in its
///    last statement (`newer`); the tokens of a task rise with the order of its transactions
///    (`sequence`, drawn behind the fence); and after an attempt has begun, no transaction of an
///    earlier one is added to those that it saw (`earlier`).
/// 6. **Nobody works without a claim**: every attempt that began is on record, and began once.
struct ChaosChecks {
  let pool: ConnectionPool
  let runs: [RunFeeder.FedRun]

  func totals() async throws -> (attempts: Int, tasks: Int) {
    let row = try await pool.first(
      """
      SELECT (SELECT count(*) FROM runs.attempt) AS attempts,
        (SELECT count(*) FROM chaos.effect) AS tasks
      """)
    return (
      Int(try row?.get("attempts", as: Int64.self) ?? 0),
      Int(try row?.get("tasks", as: Int64.self) ?? 0)
    )
  }

  func violations() async throws -> [Violation] {
    var violations: [Violation] = []
    for (name, query) in Self.queries {
      let rows = try await pool.query(query)
      guard !rows.isEmpty else { continue }
      violations.append(
        Violation(name: name, evidence: try rows.map { try $0.get("line", as: String.self) }))
    }
    return violations + (try await planViolations())
  }

  /// Compares what is recorded with the plans.
  private func planViolations() async throws -> [Violation] {
    var missing: [String] = []
    var wrong: [String] = []
    let store = RunStore(pool)
    var recorded: [String: [String: [Int64]]] = [:]
    for row in try await pool.query("SELECT run_id, task_id, value FROM chaos.effect") {
      recorded["\(try row.get("run_id", as: Int64.self))", default: [:]][
        try row.get("task_id"), default: []
      ].append(try row.get("value"))
    }
    for fed in runs {
      guard let run = try await store.run(of: fed.plan.name, interval: fed.interval) else {
        missing.append("\(fed.plan.name) \(fed.interval)")
        continue
      }
      let found = recorded.removeValue(forKey: "\(run.runID)") ?? [:]
      let expected = fed.plan.effects()
      for id in Set(found.keys).union(expected.keys).sorted() {
        let wanted = expected[id].map { [$0] } ?? []
        guard found[id, default: []] != wanted else { continue }
        wrong.append(
          "run \(run.runID) (\(run.dag)) task \(id): expected effects \(wanted), found "
            + "\(found[id, default: []])")
      }
      let tasks = try await store.tasks(of: run.runID)
      for (id, value) in expected {
        guard let task = tasks.first(where: { $0.task == id }) else {
          missing.append("run \(run.runID) (\(run.dag)) task \(id)")
          continue
        }
        // A list is the product of a spread; its effect is what the list was made of.
        if case .array? = task.output { continue }
        guard task.output != .integer(value) else { continue }
        wrong.append(
          "run \(run.runID) task \(id): expected product \(value), found "
            + "\(task.output?.canonicalText ?? "none")")
      }
    }
    wrong += recorded.keys.sorted().map { "effects of run \($0), which nobody asked for" }
    return [
      Violation(name: "runs or tasks are lost", evidence: missing),
      Violation(name: "effects are not exactly once, or not right", evidence: wrong),
    ].filter { !$0.evidence.isEmpty }
  }

  /// Each gives a line of evidence per violation.
  private static let queries: [(String, SQL)] = [
    (
      "runs did not end in success",
      """
      SELECT format('run %s (%s): %s, %s', run_id, dag, state, message) AS line
      FROM runs.run WHERE state <> 'success' ORDER BY run_id
      """
    ),
    (
      "runs ended more than once, or not in success",
      """
      SELECT format('run %s: %s', run_id, string_agg(detail::text, ', ' ORDER BY happened_at)) AS line
      FROM runs.event WHERE kind = 'finished'
      GROUP BY run_id HAVING count(*) <> 1 OR bool_or(detail->>'state' <> 'success')
      """
    ),
    (
      "tasks did not end in success",
      """
      SELECT format('run %s task %s: %s after %s of %s tries, worker %s, %s', run_id, task_id, state,
        tries, allowed_tries, worker_id, message) AS line
      FROM runs.task WHERE state <> 'success' ORDER BY run_id, position
      """
    ),
    (
      "counters of runs differ from a recount",
      """
      SELECT format('run %s: unfinished %s, active %s, failed %s, cancelled %s; recounted %s, %s, %s, %s',
        run_id, run.unfinished, run.active, run.failed, run.cancelled, counted.unfinished,
        counted.active, counted.failed, counted.cancelled) AS line
      FROM runs.run
      JOIN (
        SELECT run_id,
          count(*) FILTER (WHERE map_index IS NULL AND finished_at IS NULL) AS unfinished,
          count(*) FILTER (WHERE is_held OR state IN ('queued', 'running', 'retrying', 'deferred')
            AND items_total IS NULL) AS active,
          count(*) FILTER (WHERE map_index IS NULL AND state IN ('failed', 'upstream_failed'))
            AS failed,
          count(*) FILTER (WHERE map_index IS NULL AND state = 'cancelled') AS cancelled
        FROM runs.task GROUP BY run_id
      ) AS counted USING (run_id)
      WHERE (run.unfinished, run.active, run.failed, run.cancelled)
        IS DISTINCT FROM
        (counted.unfinished, counted.active, counted.failed, counted.cancelled)
      """
    ),
    (
      "tallies of tasks differ from a recount",
      """
      SELECT format('run %s task %s: %s succeeded, %s not ended of %s upstreams', task.run_id,
        task.task_id, up_succeeded, up_unfinished, upstreams.count) AS line
      FROM runs.task JOIN runs.run USING (run_id)
        JOIN runs.dag_snapshot ON hash = run.snapshot_hash
        CROSS JOIN LATERAL (
          SELECT (SELECT count(DISTINCT name) FROM (
            SELECT jsonb_array_elements_text(definition->'tasks'->task.position->'reads')
            UNION ALL
            SELECT jsonb_array_elements_text(definition->'tasks'->task.position->'after')
          ) AS edges (name)) AS count
        ) AS upstreams
      WHERE map_index IS NULL AND (up_succeeded <> upstreams.count OR up_unfinished <> 0
        OR up_failed <> 0 OR up_upstream_failed <> 0 OR up_skipped <> 0)
      """
    ),
    (
      "mapped tasks differ from their items",
      """
      SELECT format('run %s task %s: %s items, %s succeeded; found %s', task.run_id, task.task_id,
        items_total, items_succeeded, items.count) AS line
      FROM runs.task CROSS JOIN LATERAL (
        SELECT count(*) FROM runs.task AS item
        WHERE item.run_id = task.run_id AND item.map_index IS NOT NULL
          AND item.position = task.position
      ) AS items
      WHERE task.items_total IS NOT NULL
        AND (items_total <> items.count OR items_succeeded <> items.count)
      """
    ),
    (
      "attempts are left open",
      """
      SELECT format('run %s task %s attempt %s (token %s) by worker %s: %s', run_id, task_id, try,
        fencing_token, worker_id, state) AS line
      FROM runs.attempt WHERE state = 'running' OR finished_at IS NULL
      """
    ),
    (
      "tries differ from the attempts on record, or go beyond the allowance",
      """
      SELECT format('run %s task %s: %s tries, %s allowed, attempts %s, token %s of %s', task.run_id,
        task.task_id, tries, allowed_tries, made.count, task.fencing_token, made.latest) AS line
      FROM runs.task LEFT JOIN (
        SELECT run_id, task_id, count(*) FILTER (WHERE state <> 'deferred') AS count,
          count(*) FILTER (WHERE state = 'cancelled'
            OR message = 'the connection broke while it was started') AS released,
          max(fencing_token) AS latest
        FROM runs.attempt GROUP BY run_id, task_id
      ) AS made USING (run_id, task_id)
      WHERE items_total IS NULL AND ((tries, task.fencing_token) IS DISTINCT FROM
        (made.count, made.latest) OR tries > allowed_tries OR allowed_tries <> 21 + made.released)
      """
    ),
    (
      "tasks have not exactly one successful attempt, their last",
      """
      SELECT format('run %s task %s: %s', run_id, task_id,
        string_agg(format('%s %s', fencing_token, state), ', ' ORDER BY fencing_token)) AS line
      FROM runs.attempt GROUP BY run_id, task_id
      HAVING count(*) FILTER (WHERE state = 'success') <> 1
        OR max(fencing_token) FILTER (WHERE state = 'success') <> max(fencing_token)
      """
    ),
    (
      "attempts at one task overlap",
      """
      SELECT format('run %s task %s: token %s ended %s, token %s began %s', run_id, task_id,
        fencing_token, finished_at, next_token, next_start) AS line
      FROM (
        SELECT run_id, task_id, fencing_token, created_at, finished_at,
          lead(fencing_token) OVER task AS next_token, lead(created_at) OVER task AS next_start
        FROM runs.attempt
        WINDOW task AS (PARTITION BY run_id, task_id ORDER BY fencing_token)
      ) AS attempt
      WHERE next_start < finished_at OR next_start < created_at
      """
    ),
    (
      "a transaction committed under a token after a later one was given out",
      """
      SELECT format('run %s task %s token %s: %s later attempts', run_id, task_id, token, newer)
        AS line
      FROM chaos.passage WHERE newer <> 0
      """
    ),
    (
      "tokens do not rise with the order of commits",
      """
      SELECT format('run %s task %s: token %s passed behind token %s', run_id, task_id, token, before)
        AS line
      FROM (
        SELECT run_id, task_id, token, lag(token) OVER (
          PARTITION BY run_id, task_id ORDER BY sequence) AS before
        FROM chaos.passage
      ) AS passage
      WHERE before >= token
      """
    ),
    (
      "a transaction of an earlier attempt committed after a later one had begun",
      """
      SELECT format('run %s task %s: token %s saw %s earlier transactions, now there are %s', run_id,
        task_id, token, earlier, now.count) AS line
      FROM chaos.start CROSS JOIN LATERAL (
        SELECT count(*) FROM chaos.passage
        WHERE passage.run_id = start.run_id AND passage.task_id = start.task_id
          AND passage.token < start.token
      ) AS now
      WHERE now.count <> earlier
      """
    ),
    (
      "effects were written by no transaction, or by several",
      """
      SELECT format('run %s task %s: effect of token %s, written by %s', run_id, task_id,
        effect.token, passed.tokens) AS line
      FROM chaos.effect LEFT JOIN (
        SELECT run_id, task_id, array_agg(token ORDER BY sequence) AS tokens
        FROM chaos.passage WHERE wrote GROUP BY run_id, task_id
      ) AS passed USING (run_id, task_id)
      WHERE passed.tokens IS DISTINCT FROM ARRAY[effect.token]
      """
    ),
    (
      "successful attempts have committed nothing",
      """
      SELECT format('run %s task %s token %s', run_id, task_id, fencing_token) AS line
      FROM runs.attempt
      WHERE state = 'success' AND NOT EXISTS (
        SELECT FROM chaos.passage
        WHERE passage.run_id = attempt.run_id AND passage.task_id = attempt.task_id
          AND passage.token = attempt.fencing_token)
      """
    ),
    (
      "attempts began that nobody claimed",
      """
      SELECT format('run %s task %s token %s', run_id, task_id, token) AS line
      FROM chaos.start
      WHERE NOT EXISTS (
        SELECT FROM runs.attempt
        WHERE attempt.run_id = start.run_id AND attempt.task_id = start.task_id
          AND attempt.fencing_token = start.token AND attempt.try = start.attempt)
      """
    ),
    (
      "attempts began more than once",
      """
      SELECT format('run %s task %s token %s: %s times', run_id, task_id, token, count(*)) AS line
      FROM chaos.start GROUP BY run_id, task_id, token HAVING count(*) > 1
      """
    ),
    (
      "attempts failed as permanent that were current",
      """
      SELECT format('run %s task %s token %s: %s %s', run_id, task_id, fencing_token, error_code,
        message) AS line
      FROM runs.attempt
      WHERE error_code IN ('orchestrator.lease_lost', 'orchestrator.sensor_timed_out',
        'orchestrator.no_product', 'orchestrator.unknown_kind', 'orchestrator.bad_config')
      """
    ),
    (
      "workers are left after they were drained",
      """
      SELECT format('worker %s (%s, process %s): %s', worker_id, role, process_id, state) AS line
      FROM runs.worker WHERE state IN ('live', 'draining') AND lease_until > clock_timestamp()
      """
    ),
  ]
}
