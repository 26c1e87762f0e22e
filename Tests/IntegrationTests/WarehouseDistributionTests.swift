import SQLCatalog
import TestSupport
import Testing
import Warehouse

/// Sharding by Citus, against a stand-in for it.
///
/// **No Citus runs here**: it cannot be installed beside the tests. The stand-in has the names, the
/// arguments and the catalogue columns that the documentation and sources of Citus 12 and 13 give
/// (create_distributed_table, create_reference_table, create_distributed_function,
/// column_to_column_name, pg_dist_partition, pg_dist_shard, pg_dist_node, pg_dist_object), and refuses
/// what those say is refused: other unique keys, triggers, a cascading foreign key from a reference
/// table to a local one. What the command asks for, in which order, and that it may be repeated is
/// proved here; that Citus then does it was seen by hand (Citus 13.0.5 on PostgreSQL 15), not here.
@Suite("Distribution, against a stand-in for Citus")
struct WarehouseDistributionTests {
  static let standIn = """
    CREATE TABLE pg_dist_partition (
      logicalrelid regclass PRIMARY KEY, partmethod "char" NOT NULL, partkey text,
      colocationid integer NOT NULL DEFAULT 0, repmodel "char" NOT NULL DEFAULT 's');
    CREATE TABLE pg_dist_shard (
      logicalrelid regclass NOT NULL, shardid bigint PRIMARY KEY, shardstorage "char" NOT NULL,
      shardminvalue text, shardmaxvalue text);
    CREATE TABLE pg_dist_node (nodeid integer PRIMARY KEY, groupid integer NOT NULL);
    CREATE TABLE pg_dist_object (classid oid NOT NULL, objid oid NOT NULL, objsubid integer);
    CREATE TABLE calls (call_id serial, name text, colocate_with text, shard_count integer);
    CREATE SEQUENCE stand_in_group;
    CREATE SEQUENCE stand_in_shard START 102008;

    CREATE FUNCTION column_to_column_name(table_name regclass, column_var_text text) RETURNS text
    LANGUAGE sql AS 'SELECT column_var_text';

    CREATE FUNCTION create_distributed_table(
      table_name regclass, distribution_column text, distribution_type text DEFAULT 'hash',
      colocate_with text DEFAULT 'default', shard_count integer DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql AS $$
    DECLARE
      place smallint;
      grp integer;
      low bigint;
      shards integer := coalesce(shard_count, 32);
    BEGIN
      IF EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = table_name) THEN
        RAISE EXCEPTION 'table "%" is already distributed', table_name;
      END IF;
      SELECT attnum INTO place FROM pg_attribute
      WHERE attrelid = table_name AND attname = distribution_column AND NOT attisdropped;
      IF place IS NULL THEN
        RAISE EXCEPTION 'column "%" of relation "%" does not exist', distribution_column, table_name;
      END IF;
      IF EXISTS (
        SELECT FROM pg_index WHERE indrelid = table_name AND indisunique AND place <> ALL (indkey))
      THEN
        RAISE EXCEPTION 'cannot create constraint on "%"', table_name
          USING DETAIL = 'Distributed relations cannot have UNIQUE, EXCLUDE, or PRIMARY KEY '
            'constraints that do not include the partition column';
      END IF;
      IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = table_name AND NOT tgisinternal) THEN
        RAISE EXCEPTION 'cannot distribute relation "%" because it has triggers', table_name;
      END IF;
      IF colocate_with IN ('none', 'default') THEN
        grp := nextval('stand_in_group');
      ELSIF shard_count IS NOT NULL THEN
        RAISE EXCEPTION 'Cannot use colocate_with with a table and shard_count at the same time';
      ELSE
        SELECT colocationid INTO STRICT grp FROM pg_dist_partition
        WHERE logicalrelid = colocate_with::regclass AND partmethod = 'h';
      END IF;
      INSERT INTO pg_dist_partition VALUES (table_name, 'h', distribution_column, grp, 's');
      FOR shard IN 0 .. shards - 1 LOOP
        low := (-2147483648)::bigint + shard * (4294967296 / shards);
        INSERT INTO pg_dist_shard VALUES (table_name, nextval('stand_in_shard'), 't', low::text,
          (CASE WHEN shard = shards - 1 THEN 2147483647
            ELSE low + 4294967296 / shards - 1 END)::text);
      END LOOP;
      INSERT INTO calls (name, colocate_with, shard_count)
      VALUES (table_name::text, colocate_with, shard_count);
    END $$;

    CREATE FUNCTION create_reference_table(table_name regclass) RETURNS void
    LANGUAGE plpgsql AS $$
    BEGIN
      IF EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = table_name) THEN
        RAISE EXCEPTION 'table "%" is already distributed', table_name;
      END IF;
      IF EXISTS (
        SELECT FROM pg_constraint AS k
        LEFT JOIN pg_dist_partition AS p ON p.logicalrelid = k.confrelid
        WHERE k.contype = 'f' AND k.conrelid = table_name AND k.confrelid <> k.conrelid
          AND p.logicalrelid IS NULL AND (k.confdeltype NOT IN ('a', 'r')))
      THEN
        RAISE EXCEPTION 'foreign keys from reference tables to local tables can only be defined with '
          'NO ACTION or RESTRICT behaviors';
      END IF;
      INSERT INTO pg_dist_partition VALUES (table_name, 'n', NULL, 99, 't');
      INSERT INTO calls (name) VALUES (table_name::text);
    END $$;

    CREATE FUNCTION create_distributed_function(
      function_name regprocedure, distribution_arg_name text DEFAULT NULL,
      colocate_with text DEFAULT 'default') RETURNS void
    LANGUAGE sql AS $$
      INSERT INTO pg_dist_object VALUES ('pg_proc'::regclass, function_name, 0);
      INSERT INTO calls (name) VALUES (function_name::text);
    $$;
    """

  static func install(_ pool: ConnectionPool, version: String = "13.0-1") async throws {
    try await pool.withConnection { connection in
      try await connection.script(standIn)
      try await connection.script(
        """
        INSERT INTO pg_dist_node VALUES (1, 0), (2, 1), (3, 2);
        SET allow_system_table_mods = on;
        INSERT INTO pg_extension
          (oid, extname, extowner, extnamespace, extrelocatable, extversion)
        SELECT 99999, 'citus', r.oid, 'pg_catalog'::regnamespace, false, '\(version)'
        FROM pg_roles AS r WHERE r.rolname = current_user;
        RESET allow_system_table_mods;
        """)
    }
  }

  @Test("places every table once; again it changes nothing; after a crash it does the rest")
  func distributes() async throws {
    try await withFreshDatabase { pool in
      try await Self.install(pool)
      let distributor = Distributor(pool)
      let plan = try await distributor.plan(shards: 8)
      #expect(try await pool.query("SELECT FROM calls").isEmpty, "a plan changes nothing")
      var reported: [String] = []
      try await distributor.apply(shards: 8) { reported.append($0.name) }
      #expect(reported == plan.pending.map(\.name))
      let calls = try await pool.query("SELECT name, colocate_with FROM calls ORDER BY call_id")
      #expect(try calls.map { try $0.get("name", as: String.self) } == reported)
      #expect(reported.count > 15)

      // One group, of eight shards, and every table as the list says.
      let groups = try await pool.query(
        "SELECT DISTINCT colocationid FROM pg_dist_partition WHERE partmethod = 'h'")
      #expect(groups.count == 1)
      let shards = try await pool.query(
        "SELECT logicalrelid, count(*) FROM pg_dist_shard GROUP BY 1 HAVING count(*) <> 8")
      #expect(shards.count == TablePlacement.all.count { $0.kind == .distributed } - 1)

      let again = try await distributor.apply(shards: 16)
      #expect(again.pending == [])
      #expect(again.problems == [])

      try await pool.withConnection {
        try await $0.script(
          """
          DELETE FROM pg_dist_partition
          WHERE logicalrelid IN ('facts.events'::regclass, 'segments.segment'::regclass);
          DELETE FROM pg_dist_object WHERE objid = 'facts.reconcile(jsonb[])'::regprocedure;
          """)
      }
      let rest = try await distributor.apply()
      #expect(
        rest.pending.map(\.name) == [
          "segments.segment", "facts.events", "facts.reconcile(jsonb[])",
        ])
      #expect(try await distributor.plan().pending == [])
    }
  }

  @Test("a database that is not ready: code, hint, nothing done")
  func notReady() async throws {
    try await withFreshDatabase { pool in
      func code() async throws -> String? {
        do {
          try await Distributor(pool).apply()
          return nil
        } catch let error as WarehouseError {
          #expect(Distributor.errorCodes.contains(error.code))
          #expect(error.hint != nil)
          return error.code
        }
      }
      #expect(try await code() == "warehouse.no_citus")
      let plan = try await Distributor(pool).plan()
      #expect(
        plan.pending.count == plan.steps.count, "without Citus the plan is that of a new cluster")

      try await Self.install(pool, version: "11.3-1")
      #expect(try await code() == "warehouse.old_citus")
      try await pool.withConnection {
        try await $0.script(
          """
          SET allow_system_table_mods = on;
          UPDATE pg_extension SET extversion = '12.1-1' WHERE extname = 'citus';
          DELETE FROM pg_dist_node WHERE groupid = 0;
          """)
      }
      #expect(try await code() == "warehouse.no_coordinator")
      try await pool.execute("INSERT INTO pg_dist_node VALUES (1, 0)")
      _ = try await pool.query("SELECT create_distributed_table('facts.events', 'load_id')")
      #expect(try await code() == "warehouse.placement_conflict")
      #expect(try await pool.query("SELECT FROM calls").count == 1)
    }
  }

  @Test("every table of the schema has a placement that it can have")
  func placements() async throws {
    try await withFreshDatabase { pool in
      let rows = try await pool.query(
        """
        SELECT n.nspname::text AS schema, c.relname::text AS name,
          EXISTS (
            SELECT FROM pg_attribute AS a
            WHERE a.attrelid = c.oid AND a.attname = 'customer_id' AND a.attnotnull
              AND a.atttypid = 'bigint'::regtype) AS keyed,
          EXISTS (
            SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisunique
              AND NOT EXISTS (
                SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid
                  AND a.attname = 'customer_id' AND a.attnum = ANY (i.indkey))) AS other_key,
          EXISTS (
            SELECT FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
            AS triggered,
          EXISTS (
            SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attidentity <> ''
              AND a.atttypid <> 'bigint'::regtype) AS narrow_identity
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND n.nspname NOT IN ('pg_catalog', 'information_schema')
          AND n.nspname NOT LIKE 'pg\\_%'
        """)
      var found = Set<String>()
      for row in rows {
        let schema: String = try row.get("schema")
        let name: String = try row.get("name")
        let table = schema + "." + name
        found.insert(table)
        guard let kind = TablePlacement.kind(schema: schema, name: name) else {
          Issue.record("\(table) has no placement: add it to TablePlacement.all")
          continue
        }
        if kind != .local {
          #expect(try !row.get("narrow_identity", as: Bool.self), "\(table): identity not bigint")
          #expect(try !row.get("triggered", as: Bool.self), "\(table) has a trigger")
        }
        if kind == .distributed {
          #expect(try row.get("keyed", as: Bool.self), "\(table) lacks customer_id")
          #expect(
            try !row.get("other_key", as: Bool.self), "\(table): a unique key without customer_id")
        }
      }
      #expect(Set(TablePlacement.all.map(\.table)).subtracting(found) == [], "listed, not there")
      #expect(Set(TablePlacement.all.map(\.table)).count == TablePlacement.all.count)
    }
  }

  @Test("foreign keys are those that Citus allows, and their targets are placed first")
  func foreignKeys() async throws {
    try await withFreshDatabase { pool in
      let rows = try await pool.query(
        """
        SELECT n.nspname::text AS schema, c.relname::text AS name, m.nspname::text AS to_schema,
          d.relname::text AS to_name, k.confdeltype::text AS action
        FROM pg_constraint AS k
        JOIN pg_class AS c ON c.oid = k.conrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
        JOIN pg_class AS d ON d.oid = k.confrelid JOIN pg_namespace AS m ON m.oid = d.relnamespace
        WHERE k.contype = 'f'
        """)
      #expect(rows.count > 5)
      let order = TablePlacement.all.map(\.table)
      for row in rows {
        let schema: String = try row.get("schema")
        let name: String = try row.get("name")
        let toSchema: String = try row.get("to_schema")
        let toName: String = try row.get("to_name")
        let key = "\(schema).\(name) -> \(toSchema).\(toName)"
        switch (
          TablePlacement.kind(schema: schema, name: name),
          TablePlacement.kind(schema: toSchema, name: toName)
        ) {
        case (.local, _): break
        case (.reference, .reference), (.distributed, .reference):
          let from = try #require(order.firstIndex(of: "\(schema).\(name)"))
          let to = try #require(order.firstIndex(of: "\(toSchema).\(toName)"))
          #expect(to < from, "\(key): the target is placed later")
        case (.reference, .local):
          #expect(["a", "r"].contains(try row.get("action", as: String.self)), "\(key)")
        default: Issue.record("\(key): not possible in Citus")
        }
      }
    }
  }

  @Test("every static query of the distribution prepares beside the catalogue")
  func prepares() async throws {
    try await withFreshDatabase { pool in
      try await Self.install(pool)
      let files = try SQLCatalog.files(in: "queries/distribution")
      #expect(files.count == 7)
      for file in files {
        let text = try SQLCatalog.text("queries/distribution/\(file)")
        let binds: [any Bindable] = text.contains("$1::text[]") ? [["facts"]] : []
        #expect(text.hasPrefix("-- "), "\(file) has no header")
        _ = try await pool.query(SQL(unsafeText: text, binds))
      }
    }
  }

  @Test("the hash is the server's, and ranges cut the server's rows as they say")
  func ranges() async throws {
    try await withFreshDatabase { pool in
      var random = SplitMix64(seed: 3)
      let ids =
        [0, 1, -1, .min, .max, Int64(Int32.max), Int64(Int32.min)]
        + (0..<2000).map { place in
          place % 2 == 0 ? Int64(bitPattern: random.next()) : Int64(place)
        }
      try await pool.execute(
        """
        INSERT INTO facts.customers (customer_id, customer_key)
        SELECT i, i::text FROM (SELECT DISTINCT unnest(\(ids)) AS i) AS ids
        """)
      for row in try await pool.query(
        "SELECT customer_id, hashint8(customer_id) FROM facts.customers")
      {
        let id: Int64 = try row.get(0)
        #expect(try CustomerRange.hash(of: id) == row.get(1, as: Int32.self), "\(id)")
      }
      func check(_ ranges: [CustomerRange]) async throws {
        var total = 0
        for range in ranges {
          let found = try await pool.query(
            """
            SELECT c.customer_id FROM facts.customers AS c
            WHERE c.first_seen_at IS NULL AND \(fragment: range.condition(on: "c.customer_id"))
            """
          ).map { try $0.get(0, as: Int64.self) }
          #expect(Set(found) == Set(ids.filter(range.contains)))
          total += found.count
        }
        #expect(total == Set(ids).count, "each customer in exactly one range")
      }
      let spans = try await pool.withConnection { try await CustomerRange.read(count: 5, on: $0) }
      #expect(spans.count == 5)
      try await check(spans)

      try await Self.install(pool)
      let undistributed = try await pool.withConnection {
        try await CustomerRange.read(count: 5, on: $0)
      }
      #expect(undistributed == spans)
      try await Distributor(pool).apply(shards: 12)
      let buckets = try await pool.withConnection { try await CustomerRange.read(count: 5, on: $0) }
      #expect(buckets.count == 5)
      #expect(
        buckets.allSatisfy {
          if case .hashes = $0.extent { true } else { false }
        })
      try await check(buckets)
    }
  }
}
