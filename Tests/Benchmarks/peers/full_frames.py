"""One full build of the bench's features and rules in DuckDB and polars, from memory.

Usage: full_frames.py EVENTS CUSTOMERS DAY, where EVENTS is a CSV of customer_id, kind_id, local day
(days since 1970-01-01) and amount times 10^4 or nothing, CUSTOMERS one of customer_id, and DAY the
last local day. Windows are comparisons of small integers, which is easier than what a project's
table of instants asks for. Prints JSON: seconds of the features and of the rules after them, the
best of three, and the members of each rule.
"""

import json
import sys
import time

import duckdb
import polars

from write_definitions import KINDS, LIFETIME, RATIOS, RECENCIES, WINDOWS, rules, where


def best(body):
    times = []
    for _ in range(3):
        start = time.perf_counter()
        result = body()
        times.append(time.perf_counter() - start)
    return min(times), result


def by_kind():
    kinds = {}
    for name, (kind, value, count, skip) in WINDOWS.items():
        kinds.setdefault(kind, []).append((name, value, count, skip))
    return kinds



def duck(events, customers, day):
    db = duckdb.connect()
    db.execute(
        f"CREATE TABLE events AS SELECT * FROM read_csv('{events}', header = false, columns = "
        "{'customer_id': 'BIGINT', 'kind_id': 'SMALLINT', 'day': 'INTEGER', 'amount': 'BIGINT'})"
    )
    db.execute(
        f"CREATE TABLE customers AS SELECT * FROM read_csv('{customers}', header = false, "
        "columns = {'customer_id': 'BIGINT'})"
    )
    parts, columns = [], ["c.customer_id"]
    for kind, features in by_kind().items():
        lines = []
        everything = any(count is None for _, _, count, _ in features) or kind in RECENCIES.values() or kind == "refund"
        for name, value, count, skip in features:
            tests = [f"day > {day - count - skip}"] if count is not None else []
            if skip:
                tests.append(f"day <= {day - skip}")
            what = "count(*)" if value == "count" else "sum(amount)"
            lines.append(f"{what} FILTER (WHERE {' AND '.join(tests)}) AS {name}" if tests else f"{what} AS {name}")
            scaled = f"coalesce({kind}.{name}, 0)"
            columns.append(f"{scaled} / 10000.0 AS {name}" if value == "amount" else f"{scaled} AS {name}")
        for name, of in RECENCIES.items():
            if of == kind:
                lines.append(f"max(day) AS {name}_on")
                columns.append(f"{day} - {kind}.{name}_on AS {name}")
        if kind in ("purchase", "refund"):
            lines.append("sum(amount) AS lifetime_amount")
        longest = max(count + skip for _, _, count, skip in features if count is not None)
        lower = "" if everything else f" AND day > {day - longest}"
        parts.append(
            f"{kind} AS (SELECT customer_id, {', '.join(lines)} FROM events "
            f"WHERE kind_id = {KINDS[kind]} AND day <= {day}{lower} GROUP BY customer_id)"
        )
    columns.append(
        f"(coalesce(purchase.lifetime_amount, 0) - coalesce(refund.lifetime_amount, 0)) / 10000.0 AS {LIFETIME}"
    )
    joins = " ".join(f"LEFT JOIN {kind} USING (customer_id)" for kind in by_kind())
    ratios = ", ".join(
        f"CASE WHEN {under} >= {least} THEN {over} / {under} END AS {name}"
        for name, (over, under, least, _) in RATIOS.items()
    )
    build = (
        f"CREATE OR REPLACE TABLE features AS WITH {', '.join(parts)} SELECT *, {ratios} FROM "
        f"(SELECT {', '.join(columns)} FROM customers AS c {joins})"
    )
    features, _ = best(lambda: db.execute(build))
    counts = ", ".join(f"count(*) FILTER (WHERE {where(clauses)})" for _, clauses in rules())
    members, row = best(lambda: db.execute(f"SELECT {counts} FROM features").fetchone())
    return {"features": features, "rules": members, "members": list(row)}


def frames(events, customers, day):
    table = polars.read_csv(
        events, has_header=False, new_columns=["customer_id", "kind_id", "day", "amount"],
        schema_overrides=[polars.Int64, polars.Int16, polars.Int32, polars.Int64],
    )  # fmt: skip
    everyone = polars.read_csv(customers, has_header=False, new_columns=["customer_id"])
    col = polars.col

    def build():
        wide = everyone.lazy()
        for kind, features in by_kind().items():
            rows = table.lazy().filter((col("kind_id") == KINDS[kind]) & (col("day") <= day))
            what = []
            for name, value, count, skip in features:
                inside = polars.lit(True) if count is None else col("day") > day - count - skip
                if skip:
                    inside = inside & (col("day") <= day - skip)
                if value == "count":
                    what.append((polars.len() if count is None else inside.sum()).alias(name))
                else:
                    what.append(col("amount").filter(inside).sum().alias(name))
            for name, of in RECENCIES.items():
                if of == kind:
                    what.append((day - col("day").max()).alias(name))
            if kind in ("purchase", "refund"):
                what.append(col("amount").sum().alias(f"{kind}_lifetime"))
            wide = wide.join(rows.group_by("customer_id").agg(what), on="customer_id", how="left")
        zero = [name for name in WINDOWS] + ["purchase_lifetime", "refund_lifetime"]
        wide = wide.with_columns([col(name).fill_null(0) for name in zero])
        wide = wide.with_columns(
            [(col(name) / 10000.0).alias(name) for name, (_, value, _, _) in WINDOWS.items() if value == "amount"]
            + [((col("purchase_lifetime") - col("refund_lifetime")) / 10000.0).alias(LIFETIME)]
        )
        return wide.with_columns(
            [
                polars.when(col(under) >= least).then(col(over) / col(under)).alias(name)
                for name, (over, under, least, _) in RATIOS.items()
            ]
        ).collect()

    features, wide = best(build)

    def count():
        tests = [polars.sql_expr(where(clauses)).sum().alias(f"r{n}") for n, (_, clauses) in enumerate(rules())]
        return wide.select(tests).row(0)

    members, row = best(count)
    return {"features": features, "rules": members, "members": list(row)}


def main():
    events, customers, day = sys.argv[1], sys.argv[2], int(sys.argv[3])
    found = {"duckdb": duck(events, customers, day), "polars": frames(events, customers, day)}
    print(json.dumps(found))


main()
