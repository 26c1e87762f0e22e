"""Many rules over customers in memory, in DuckDB and polars: the ids of the members of each.

Usage: rules_frames.py CUSTOMERS RULES LAYOUT, where CUSTOMERS is a CSV without a header, RULES a JSON
array of conditions in SQL and LAYOUT one of [name, type] of the columns. Each library does it in every
way that it has, best of three each, and the fastest way counts. Prints JSON: seconds, how, and the
members of each rule.
"""

import json
import sys
import time

import duckdb
import polars


def best(ways):
    fastest = None
    for name, body in ways.items():
        for _ in range(3):
            start = time.perf_counter()
            members = body()
            seconds = time.perf_counter() - start
            counts = [len(ids) for ids in members] if not isinstance(members, dict) else members["counts"]
            if fastest is None or seconds < fastest["seconds"]:
                fastest = {"seconds": seconds, "how": name, "members": counts}
            del members
    return fastest


def frames(customers, rules, layout):
    types = {"bigint": polars.Int64, "double precision": polars.Float64, "text": polars.Categorical}
    table = polars.read_csv(
        customers, has_header=False, new_columns=[name for name, _ in layout],
        schema_overrides=[types[kind] for _, kind in layout],
    )  # fmt: skip
    tests = [polars.sql_expr(rule).alias(f"r{n}") for n, rule in enumerate(rules)]
    ids = table["id"]

    def masks():
        found = table.select(tests)
        return [ids.filter(found[f"r{n}"]) for n in range(len(tests))]

    def selects():
        found = table.lazy().select(
            [polars.col("id").filter(test).implode().alias(f"r{n}") for n, test in enumerate(tests)]
        ).collect()
        return [found[f"r{n}"][0] for n in range(len(tests))]

    def queries():
        found = polars.collect_all([table.lazy().filter(test).select("id") for test in tests])
        return [frame["id"] for frame in found]

    return best({"masks, then filters": masks, "one select": selects, "a query each": queries})


def duck(customers, rules, layout):
    db = duckdb.connect()
    columns = ", ".join(f"'{name}': '{kind.upper()}'" for name, kind in layout).replace("DOUBLE PRECISION", "DOUBLE")
    source = f"read_csv('{customers}', header = false, columns = {{{columns.replace('TEXT', 'VARCHAR')}}})"
    named = []
    for name, kind in layout:
        if kind == "text":
            # As the others have it: codes into a dictionary.
            db.execute(f"CREATE TYPE {name}_value AS ENUM (SELECT DISTINCT {name} FROM {source} ORDER BY 1)")
            named.append(f"{name}::{name}_value AS {name}")
        else:
            named.append(name)
    db.execute(f"CREATE TABLE people AS SELECT {', '.join(named)} FROM {source}")

    def queries():
        create = "CREATE OR REPLACE TEMP TABLE found_{} AS SELECT id FROM people WHERE {}"
        done = [db.execute(create.format(n, rule)).fetchone() for n, rule in enumerate(rules)]
        return {"counts": [count for (count,) in done]}

    def lists():
        aggregates = ", ".join(f"list(id) FILTER (WHERE {rule})" for rule in rules)
        db.execute(f"CREATE OR REPLACE TEMP TABLE found AS SELECT {aggregates} FROM people")
        sizes = db.execute("SELECT " + ", ".join(f"coalesce(len(#{n + 1}), 0)" for n in range(len(rules))) + " FROM found")
        return {"counts": list(sizes.fetchone())}

    def rows():
        cases = ", ".join(f"CASE WHEN {rule} THEN {n} END" for n, rule in enumerate(rules))
        db.execute(
            "CREATE OR REPLACE TEMP TABLE found AS SELECT id, unnest(list_filter("
            f"[{cases}], lambda x: x IS NOT NULL)) AS rule FROM people"
        )
        counts = dict(db.execute("SELECT rule, count(*) FROM found GROUP BY rule").fetchall())
        return {"counts": [counts.get(n, 0) for n in range(len(rules))]}

    return best({"a query each": queries, "lists": lists, "rows": rows})


def main():
    customers = sys.argv[1]
    with open(sys.argv[2]) as file:
        rules = json.load(file)
    with open(sys.argv[3]) as file:
        layout = json.load(file)
    found = {"polars": frames(customers, rules, layout), "duckdb": duck(customers, rules, layout)}
    print(json.dumps(found))


main()
