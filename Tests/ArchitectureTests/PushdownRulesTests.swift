import Testing

/// The rules by themselves: each refuses what it is for, and lets the nearest allowed form pass.
@Suite("What Citus pushes down: the rules")
struct PushdownRulesTests {
  struct Sample: CustomTestStringConvertible {
    let rule: Refusal.Rule
    let sql: String
    var testDescription: String { "\(rule.rawValue): \(sql)" }

    init(_ rule: Refusal.Rule, _ sql: String) {
      self.rule = rule
      self.sql = sql
    }
  }

  static let refused: [Sample] = [
    Sample(.createTableAs, "CREATE TABLE facts.copy AS SELECT * FROM facts.events"),
    Sample(.createTableAs, "CREATE TEMP TABLE t AS (SELECT customer_id FROM facts.events)"),
    Sample(
      .createTableAs, "CREATE TABLE t AS WITH e AS (SELECT * FROM facts.events) SELECT * FROM e"),
    Sample(.selectInto, "SELECT * INTO t FROM facts.events"),
    Sample(.renameSwap, "ALTER TABLE facts.customer_day RENAME TO customer_day_old"),
    Sample(.uniqueWithoutKey, "CREATE UNIQUE INDEX i ON facts.events (event_id)"),
    Sample(
      .uniqueWithoutKey, "CREATE UNIQUE INDEX i ON ONLY facts.events USING btree (lower(item))"),
    Sample(.uniqueWithoutKey, "ALTER TABLE facts.customer_day ADD PRIMARY KEY (day)"),
    Sample(.uniqueWithoutKey, "ALTER TABLE facts.events ADD COLUMN n bigint UNIQUE"),
    Sample(
      .uniqueWithoutKey,
      "ALTER TABLE facts.events ADD CONSTRAINT c EXCLUDE USING gist (item WITH =)"),
    Sample(
      .uniqueWithoutKey, "CREATE TABLE facts.touched (customer_id bigint, id bigint PRIMARY KEY)"),
    Sample(
      .uniqueWithoutKey, "CREATE TABLE facts.touched (customer_id bigint, id bigint, UNIQUE (id))"),
    Sample(
      .trigger,
      "CREATE TRIGGER t AFTER INSERT ON facts.events FOR EACH STATEMENT EXECUTE FUNCTION f()"),
    Sample(.rule, "CREATE RULE r AS ON INSERT TO facts.events DO NOTHING"),
    Sample(
      .sqlFunction,
      """
      CREATE FUNCTION f(c bigint) RETURNS bigint LANGUAGE sql AS $$
        SELECT count(*) FROM facts.events AS e WHERE e.customer_id = c $$
      """),
    Sample(
      .globalWindow,
      """
      CREATE FUNCTION f(c bigint) RETURNS void LANGUAGE plpgsql AS $body$
      BEGIN
        IF c > 0 THEN
          PERFORM ntile(5) OVER (ORDER BY amount) FROM facts.events;
        END IF;
      END $body$
      """),
    Sample(
      .joinNotOnKey,
      "SELECT 1 FROM facts.events e JOIN facts.customers c ON c.customer_key = e.item"),
    Sample(.joinNotOnKey, "SELECT 1 FROM facts.events e, facts.customers c"),
    Sample(.joinNotOnKey, "SELECT 1 FROM facts.events e JOIN facts.customer_day d USING (day)"),
    Sample(
      .joinNotOnKey,
      "SELECT 1 FROM facts.events e JOIN facts.customers c ON c.customer_id = e.customer_id OR e.item = ''"
    ),
    Sample(
      .joinNotOnKey,
      """
      SELECT 1 FROM facts.events a JOIN facts.events b USING (customer_id)
      JOIN facts.events c ON c.item = a.item
      """),
    Sample(
      .joinNotOnKey,
      "SELECT 1 FROM (SELECT max(customer_id) AS customer_id, day FROM facts.customer_day "
        + "GROUP BY customer_id, day) x JOIN facts.events e ON e.item = x.day"),
    Sample(
      .joinNotOnKey,
      "DELETE FROM facts.events e USING facts.touched t WHERE t.load_id = e.load_id"),
    Sample(
      .localJoin,
      "SELECT 1 FROM facts.customers c JOIN landing.identity i ON i.customer_id = c.customer_id"),
    Sample(
      .localJoin,
      "UPDATE facts.events e SET item = '' FROM landing.load l WHERE l.load_id = e.load_id"),
    Sample(
      .outerJoinSide,
      "SELECT 1 FROM facts.event_kind k LEFT JOIN facts.events e ON e.kind_id = k.kind_id"),
    Sample(
      .outerJoinSide,
      "SELECT 1 FROM pg_temp.strata_staged s LEFT JOIN facts.customers c ON c.customer_key = s.item"
    ),
    Sample(
      .outerJoinSide,
      "SELECT 1 FROM facts.events e RIGHT JOIN facts.event_kind k ON e.kind_id = k.kind_id"),
    Sample(
      .outerJoinSide,
      "SELECT 1 FROM facts.events e FULL JOIN facts.event_kind k ON e.kind_id = k.kind_id"),
    Sample(
      .correlated,
      "SELECT 1 FROM facts.events e WHERE EXISTS (SELECT FROM facts.events f WHERE f.item = e.item)"
    ),
    Sample(
      .correlated,
      """
      SELECT 1 FROM facts.customers c
      WHERE (SELECT count(*) FROM facts.events f WHERE f.occurred_at < c.first_seen_at) > 3
      """),
    Sample(
      .correlated,
      "SELECT 1 FROM facts.events e WHERE EXISTS (SELECT FROM landing.load l WHERE l.load_id = e.load_id)"
    ),
    Sample(
      .correlated,
      """
      SELECT 1 FROM facts.event_kind k
      WHERE EXISTS (SELECT FROM facts.events e WHERE e.kind_id = k.kind_id)
      """),
    Sample(
      .correlated,
      """
      UPDATE pg_temp.strata_staged s SET reason = 'known'
      WHERE EXISTS (SELECT FROM facts.customers c WHERE c.customer_key = s.customer_key)
      """),
    Sample(
      .pulled, "SELECT 1 FROM facts.event_kind WHERE kind_id IN (SELECT kind_id FROM facts.events)"),
    Sample(.pulled, "SELECT 1 FROM facts.events WHERE item IN (SELECT item FROM facts.events)"),
    Sample(.pulled, "SELECT ARRAY(SELECT customer_id FROM facts.events)"),
    Sample(
      .pulled,
      "UPDATE landing.identity i SET customer_key = '' FROM facts.customers c WHERE c.customer_id = i.customer_id"
    ),
    Sample(.globalWindow, "SELECT ntile(5) OVER (ORDER BY amount) FROM facts.events"),
    Sample(
      .globalWindow, "SELECT row_number() OVER w FROM facts.events WINDOW w AS (PARTITION BY item)"),
    Sample(
      .globalWindow,
      "SELECT 1 FROM (SELECT rank() OVER (PARTITION BY day ORDER BY customer_id) FROM facts.customer_day) r"
    ),
    Sample(.groupingSets, "SELECT kind_id, count(*) FROM facts.events GROUP BY ROLLUP (kind_id)"),
    Sample(
      .groupingSets, "SELECT count(*) FROM facts.events GROUP BY GROUPING SETS ((kind_id), (item))"),
    Sample(.tableSample, "SELECT count(*) FROM facts.events TABLESAMPLE system (1)"),
    Sample(
      .recursive,
      "WITH RECURSIVE r AS (SELECT customer_id FROM facts.events UNION ALL SELECT 1 FROM r) SELECT 1 FROM r"
    ),
    Sample(.forUpdate, "SELECT customer_id FROM facts.customers FOR UPDATE"),
    Sample(
      .forUpdate, "SELECT customer_id FROM facts.customers ORDER BY 1 LIMIT 3 FOR NO KEY UPDATE"),
    Sample(.subqueryLimit, "SELECT 1 FROM (SELECT customer_id FROM facts.events LIMIT 10) x"),
    Sample(
      .subqueryGroup,
      "SELECT max(n) FROM (SELECT item, count(*) AS n FROM facts.events GROUP BY item) x"),
    Sample(.subqueryDistinct, "SELECT count(*) FROM (SELECT DISTINCT item FROM facts.events) x"),
    Sample(
      .subqueryDistinct,
      "SELECT 1 FROM (SELECT DISTINCT ON (item) customer_id FROM facts.events ORDER BY item) x"),
    Sample(
      .setOperation,
      "SELECT count(*) FROM (SELECT item FROM facts.events UNION SELECT cause FROM facts.touched) x"
    ),
    Sample(.insertWithoutKey, "INSERT INTO facts.events (item) VALUES ('')"),
    Sample(
      .insertNotColocated,
      "INSERT INTO facts.touched (customer_id, load_id) SELECT load_id, customer_id FROM facts.events"
    ),
    Sample(
      .insertNotColocated,
      "INSERT INTO facts.touched (customer_id, load_id) SELECT max(customer_id), 1 FROM facts.events GROUP BY item"
    ),
    Sample(
      .insertNotColocated,
      "INSERT INTO facts.touched (customer_id) SELECT customer_id FROM facts.events LIMIT 5"),
    Sample(
      .subqueryInValues,
      "INSERT INTO facts.customers (customer_id) VALUES ((SELECT max(customer_id) FROM landing.identity))"
    ),
    Sample(
      .conflictWithoutKey,
      "INSERT INTO facts.customers (customer_id, customer_key) VALUES (1, '') ON CONFLICT (customer_key) DO NOTHING"
    ),
    Sample(.changedKey, "UPDATE facts.events SET item = '', customer_id = 3 WHERE load_id = 1"),
    Sample(
      .changedKey,
      "INSERT INTO facts.customers (customer_id) VALUES (1) ON CONFLICT (customer_id) DO UPDATE SET customer_id = 2"
    ),
    Sample(.volatileChange, "UPDATE facts.events SET ingested_at = clock_timestamp()"),
    Sample(
      .mergeSource,
      "MERGE INTO facts.customers c USING pg_temp.s ON c.customer_id = s.customer_id WHEN MATCHED THEN DELETE"
    ),
    Sample(.rowAddress, "SELECT ctid FROM facts.events"),
    Sample(
      .rowAddress,
      """
      WITH b AS MATERIALIZED (SELECT e.ctid AS place FROM facts.events e)
      UPDATE facts.events e SET item = '' FROM b WHERE e.ctid = b.place
      """),
    Sample(
      .localJoin,
      """
      WITH c AS MATERIALIZED (SELECT customer_id FROM facts.customers)
      SELECT 1 FROM landing.identity i JOIN c USING (customer_id)
      """),
    // Inside other statements, and through views and CTEs.
    Sample(
      .globalWindow, "COPY (SELECT ntile(5) OVER (ORDER BY amount) FROM facts.events) TO STDOUT"),
    Sample(.joinNotOnKey, "EXPLAIN SELECT 1 FROM facts.events e, facts.customers c"),
    Sample(
      .joinNotOnKey,
      "CREATE VIEW facts.v AS SELECT * FROM facts.events; SELECT 1 FROM facts.v, facts.customers c"),
    Sample(
      .joinNotOnKey,
      "WITH e AS (SELECT customer_id, item FROM facts.events) "
        + "SELECT 1 FROM e JOIN facts.customers c ON c.customer_key = e.item"),
    Sample(
      .joinNotOnKey, "SELECT 1 /* facts */ FROM \"facts\".\"events\" e, FACTS.Customers c -- none"),
    Sample(.unread, "AND load_id = 3 FROM facts.events"),
  ]

  @Test("is refused", arguments: refused)
  func refuses(sample: Sample) {
    let found = PushdownRules.refusals(of: sample.sql)
    #expect(found.contains { $0.rule == sample.rule }, "found \(found)")
  }

  static let allowed: [String] = [
    "CREATE TEMP TABLE t AS SELECT * FROM landing.load",
    "CREATE TABLE facts.part (LIKE facts.events INCLUDING DEFAULTS)",
    "ALTER TABLE facts.events RENAME COLUMN item TO thing",
    "CREATE UNIQUE INDEX i ON facts.events (event_id, customer_id)",
    "CREATE UNIQUE INDEX i ON landing.event_key (event_id)",
    "ALTER TABLE facts.customer_day ADD CONSTRAINT k PRIMARY KEY (day, customer_id)",
    "ALTER TABLE facts.customer_day ADD COLUMN n bigint",
    "CREATE TABLE facts.customers (customer_id bigint PRIMARY KEY)",
    "CREATE TRIGGER t AFTER INSERT ON landing.load FOR EACH STATEMENT EXECUTE FUNCTION f()",
    "CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM facts.events $$",
    """
    CREATE FUNCTION f(c bigint) RETURNS bigint LANGUAGE plpgsql AS $$ DECLARE n bigint; BEGIN
      SELECT count(*) INTO n FROM facts.events AS e WHERE e.customer_id = c; RETURN n; END $$
    """,
    "SELECT 1 FROM facts.events e JOIN facts.customers c ON c.customer_id = e.customer_id",
    "SELECT 1 FROM facts.events e JOIN facts.customers USING (customer_id) LEFT JOIN facts.event_kind k USING (kind_id)",
    "SELECT 1 FROM facts.events e, facts.customers c WHERE (e.item = '' OR e.item IS NULL) AND c.customer_id = e.customer_id",
    "SELECT 1 FROM facts.events e, facts.customers c WHERE e.customer_id = $1 AND c.customer_id = $1",
    "SELECT e.customer_id FROM pg_temp.strata_moved m JOIN facts.events e ON e.customer_id = m.from_id",
    "DELETE FROM segments.open_spell o USING segments.delta d WHERE o.customer_id = d.customer_id",
    "SELECT 1 FROM facts.customers c WHERE EXISTS (SELECT FROM facts.events e WHERE e.customer_id = c.customer_id)",
    "SELECT 1 FROM facts.events e WHERE EXISTS (SELECT FROM features.folded_load f WHERE f.load_id = e.load_id)",
    "SELECT 1 FROM facts.events e WHERE customer_id IN (SELECT customer_id FROM facts.touched)",
    "SELECT 1 FROM facts.events WHERE occurred_at > (SELECT max(last_at) FROM facts.touched)",
    "SELECT 1 FROM facts.events WHERE load_id = ANY (ARRAY(SELECT load_id FROM landing.load))",
    "SELECT row_number() OVER (PARTITION BY customer_id ORDER BY occurred_at) FROM facts.events",
    "SELECT sum(1) OVER w FROM facts.events WINDOW w AS (PARTITION BY item, customer_id)",
    "SELECT ntile(5) OVER (ORDER BY amount) FROM facts.events WHERE customer_id = $1",
    "SELECT kind_id, count(*) FROM facts.events GROUP BY kind_id ORDER BY 2 DESC LIMIT 10",
    "SELECT customer_id FROM facts.customers WHERE customer_id = $1 FOR UPDATE",
    "SELECT version FROM features.tiles FOR UPDATE",
    "SELECT max(n) FROM (SELECT customer_id, count(*) AS n FROM facts.events GROUP BY customer_id) x",
    "SELECT max(n) FROM (SELECT count(*) AS n, e.customer_id FROM facts.events e GROUP BY 2, item) x",
    "SELECT count(*) FROM (SELECT customer_id FROM facts.events UNION SELECT customer_id FROM facts.touched) x",
    "SELECT count(*) FROM facts.events WHERE item IS DISTINCT FROM 'a' AND amount BETWEEN 1 AND 2",
    "INSERT INTO facts.events (customer_id, item) SELECT i.customer_id, s.item FROM pg_temp.strata_staged s JOIN landing.identity i USING (customer_key)",
    """
    INSERT INTO facts.customer_day AS t (customer_id, day) SELECT e.customer_id, current_date
    FROM facts.events AS e GROUP BY 2, 1 ORDER BY 2, 1
    ON CONFLICT (customer_id, day) DO UPDATE SET day = excluded.day
    """,
    "INSERT INTO pg_temp.strata_described SELECT DISTINCT customer_id FROM facts.profile_statement",
    """
    WITH gone AS (DELETE FROM segments.open_spell o USING segments.delta d
      WHERE o.customer_id = d.customer_id RETURNING o.customer_id, o.segment_id)
    INSERT INTO segments.ended_spell (customer_id, segment_id)
    SELECT g.customer_id, g.segment_id FROM gone g JOIN unnest($1::int[]) AS v(segment_id) USING (segment_id)
    """,
    """
    WITH c AS MATERIALIZED (
      SELECT customer_id, first_seen_at FROM facts.customers
      WHERE customer_id = ANY (ARRAY(SELECT from_id FROM pg_temp.strata_moved)))
    SELECT 1 FROM landing.identity i LEFT JOIN c USING (customer_id)
    """,
    "UPDATE facts.events SET item = '', ingested_at = now() WHERE load_id = 1",
    "UPDATE landing.source SET watermark = clock_timestamp()",
    "MERGE INTO facts.customers c USING facts.touched t ON c.customer_id = t.customer_id WHEN MATCHED THEN DELETE",
    "COPY facts.events (customer_id, item) FROM STDIN",
    "TRUNCATE segments.delta",
    "SELECT 'CREATE TABLE x AS SELECT * FROM facts.events', $$ facts.events, facts.customers $$",
    "AND t.customer_id = $1 AND t.day = ANY (ARRAY(SELECT generate_series(min(day), $2) FROM facts.customer_day))",
    "SELECT customer_id FROM facts.customers __hole__ ORDER BY customer_id",
  ]

  @Test("is allowed", arguments: allowed)
  func allows(sql: String) {
    #expect(PushdownRules.refusals(of: sql) == [])
  }

  @Test("tokens: strings, comments, quotes, bodies, casts")
  func tokens() {
    let tokens = SQLLexer.tokens(
      #"SELECT E'a\'b', 'it''s', "Na""me", $1::int /* a /* b */ c */ -- d"# + "\n+ $x$ ; $x$")
    #expect(
      tokens.map(\.text) == [
        "select", "a'b", ",", "it's", ",", "Na\"me", ",", "$1", "::", "int", "+", " ; ",
      ])
    #expect(SQLLexer.statements("SELECT ';'; DO $$ a; b $$;").count == 2)
  }

  @Test("literals of Swift: values, names, fragments, raw and long ones, none in comments")
  func literals() {
    let source = ##"""
      // "no"
      let a: SQL = "SELECT \(value) FROM \(identifier: "facts", "events") \(fragment: only)"
      let b = """
        COPY (\(fragment: f("x", 1)))
        TO STDOUT
        """ /* "no" */ + #"a\(b)"#
      let c = "\(identifier: name).\(identifiers: list) = \(unsafeText: "t(") \"q\""
      """##
    let found = SwiftLiterals.of(source).map { text in
      text.split { $0.isWhitespace }.joined(separator: " ")
    }
    #expect(
      found == [
        "SELECT $1 FROM \"facts\".\"events\" __hole__", "COPY ( __hole__ ) TO STDOUT", #"a\(b)"#,
        "__hole__.__hole__ = __hole__ \"q\"",
      ])
  }
}
