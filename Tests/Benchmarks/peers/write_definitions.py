"""Writes the definitions that the nightly suite shares with its peers.

Usage: write_definitions.py FOLDER, where FOLDER is Tests/Benchmarks.

One list of features and one of rules become project/features.yaml and project/segments.yaml for
Strata, and SQL files of peers for PostgreSQL, so that all compute the same: night_naive.sql; and
bounds_best.sql, which full_best.sql and night_best.sql begin with, and publish_best.sql, which a
night and a first publication end with. The written files are committed; run this again after a
change.
"""

import sys

KINDS = {
    "purchase": 1, "refund": 2, "cart_add": 3, "cart_abandon": 4, "product_view": 6, "session": 8,
    "email_sent": 11, "email_open": 12, "email_click": 13, "support_contact": 18, "login": 20,
}  # fmt: skip

# name -> (kind, value, days, skip): events of the last `days` local days before the last `skip`.
WINDOWS = {}
for name, kind, days in [
    ("orders", "purchase", (7, 30, 45, 60, 90, 180)),
    ("sessions", "session", (7, 30, 90, 180)),
    ("logins", "login", (30, 90)),
    ("product_views", "product_view", (14, 30, 90)),
    ("cart_adds", "cart_add", (7, 30)),
    ("cart_abandons", "cart_abandon", (7, 30)),
    ("emails_sent", "email_sent", (90,)),
    ("email_opens", "email_open", (30, 90)),
    ("email_clicks", "email_click", (90,)),
    ("support_contacts", "support_contact", (30, 90)),
    ("refunds", "refund", (90,)),
]:
    for count in days:
        WINDOWS[f"{name}_{count}d"] = (kind, "count", count, 0)
WINDOWS["orders_lifetime"] = ("purchase", "count", None, 0)
WINDOWS["orders_prev_90d"] = ("purchase", "count", 90, 90)
WINDOWS["sessions_prev_30d"] = ("session", "count", 30, 30)
WINDOWS["logins_prev_30d"] = ("login", "count", 30, 30)
WINDOWS["revenue_30d"] = ("purchase", "amount", 30, 0)
WINDOWS["revenue_90d"] = ("purchase", "amount", 90, 0)
# ltv_net = purchases less refunds.
LIFETIME = "ltv_net"
RATIOS = {
    "aov_90d": ("revenue_90d", "orders_90d", 1, "money"),
    "email_open_rate_90d": ("email_opens_90d", "emails_sent_90d", 2, "ratio"),
}
RECENCIES = {
    "days_since_order": "purchase", "days_since_session": "session", "days_since_login": "login",
}  # fmt: skip


def rules():
    """(name, clauses); a clause is a comparison, ("any", …) or ("not", comparison)."""
    found = []
    for orders, days in [(n, d) for n in (1, 2, 3, 4) for d in (7, 14, 30, 45, 60)]:
        window = 30 if days <= 30 else 90
        found.append((f"buyers_{orders}_{days}", [f"orders_{window}d >= {orders}", f"days_since_order <= {days}"]))
    for revenue, ltv in [(r, v) for r in (100, 200, 300, 450) for v in (300, 500, 800, 1200, 2000)]:
        found.append((f"value_{revenue}_{ltv}", [f"revenue_90d > {revenue}", f"ltv_net > {ltv}", ("not", "refunds_90d > 0")]))
    for sessions, views in [(s, v) for s in (2, 3, 4, 6) for v in (2, 3, 4, 6, 8)]:
        found.append(
            (f"lookers_{sessions}_{views}", [("any", f"sessions_30d >= {sessions}", f"product_views_30d > {views}"), "orders_90d = 0"])
        )
    for rate, days in [(p, d) for p in (25, 50, 60, 75) for d in (7, 14, 30, 60, 90)]:
        found.append((f"readers_{rate}_{days}", [f"email_open_rate_90d > {rate}%", f"days_since_session > {days}"]))
    for before, silent in [(b, s) for b in (1, 2, 3, 4) for s in (20, 30, 45)]:
        found.append((f"fading_{before}_{silent}", ["logins_30d = 0", f"logins_90d >= {before}", f"days_since_order > {silent}"]))
    for aov in (30, 60, 90, 120):
        found.append((f"baskets_{aov}", [f"aov_90d >= {aov}", ("any", "cart_abandons_7d >= 1", "support_contacts_30d >= 1", "cart_adds_7d >= 2")]))
    for more in (1, 2, 3, 4):
        found.append((f"slowing_{more}", [f"orders_prev_90d > {more}", f"orders_90d < {more}", "sessions_90d >= 1"]))
    return found


def yaml_features():
    lines = ["# 38 features; written by peers/write_definitions.py.", "version: 1", "features:"]
    for name, (kind, value, days, skip) in WINDOWS.items():
        what = f"count: {kind}" if value == "count" else f"sum: {kind}.{value}"
        window = "lifetime" if days is None else f"{days} days"
        previous = ", previous: 1" if skip else ""
        lines.append(f"  - {{name: {name}, {what}, window: {window}{previous}}}")
    lines.append(f"  - {{name: {LIFETIME}, sum: purchase.amount, minus: refund.amount, window: lifetime}}")
    for name, (over, under, least, kind) in RATIOS.items():
        lines.append(f"  - {{name: {name}, ratio: {over}, to: {under}, min_denominator: {least}, kind: {kind}}}")
    for name, kind in RECENCIES.items():
        lines.append(f"  - {{name: {name}, recency: {kind}}}")
    count = len(WINDOWS) + 1 + len(RATIOS) + len(RECENCIES)
    assert count == 38, count
    return lines


def yaml_rules():
    def text(clause):
        if isinstance(clause, str):
            return f'"{clause}"'
        if clause[0] == "not":
            return f"{{not: {text(clause[1])}}}"
        return "{any: [" + ", ".join(text(part) for part in clause[1:]) + "]}"

    lines = ["# 100 rules; written by peers/write_definitions.py.", "version: 1", "segments:"]
    for number, (name, clauses) in enumerate(rules(), 1):
        rule = ", ".join(text(clause) for clause in clauses)
        lines.append(f"  - {{name: s{number:03}_{name}, title: {name.replace('_', ' ')}, rule: {{all: [{rule}]}}}}")
    assert len(rules()) == 100, len(rules())
    return lines


def condition(clause):
    if isinstance(clause, str):
        name, operator, value = clause.split()
        if value.endswith("%"):
            value = str(int(value[:-1]) / 100)
        return f"{name} {operator} {value}"
    if clause[0] == "not":
        return f"NOT ({condition(clause[1])})"
    return "(" + " OR ".join(condition(part) for part in clause[1:]) + ")"


def where(clauses):
    return " AND ".join(condition(clause) for clause in clauses)


def derived():
    """Ratios over columns that are there; both SQL peers write them alike."""
    return [
        f"CASE WHEN {under} >= {least} THEN {over}::float8 / {under}::float8 END AS {name}"
        for name, (over, under, least, _) in RATIOS.items()
    ]


def naive():
    """One query per feature as an analyst writes it, joined up; an INSERT per rule; DELETE + INSERT."""
    out = [
        "-- The night as an analyst writes it: one query per feature into a table, joined up; an INSERT",
        "-- per rule; the publication deletes everything and inserts it again.",
        "-- Variables: as_of, a local midnight of the session's zone. Written by write_definitions.py.",
        "SET client_min_messages = warning;",
        "CREATE SCHEMA IF NOT EXISTS naive;",
        "CREATE TABLE IF NOT EXISTS naive.membership (segment smallint, customer_id bigint,",
        "  PRIMARY KEY (segment, customer_id));",
    ]
    names = []

    def feature(name, value, conditions):
        names.append(name)
        out.append(f"DROP TABLE IF EXISTS naive.{name};")
        out.append(f"CREATE TABLE naive.{name} AS SELECT customer_id, {value} AS value")
        out.append(f"FROM facts.events WHERE {' AND '.join(conditions)} GROUP BY customer_id;")

    for name, (kind, value, days, skip) in WINDOWS.items():
        end = ":'as_of'::timestamptz" + (f" - interval '{skip} days'" if skip else "")
        conditions = [f"kind_id = {KINDS[kind]}", f"occurred_at < {end}"]
        if days is not None:
            conditions.append(f"occurred_at >= :'as_of'::timestamptz - interval '{days + skip} days'")
        feature(name, "count(*)" if value == "count" else "sum(amount)", conditions)
    feature(
        LIFETIME, "sum(CASE WHEN kind_id = 1 THEN amount ELSE -amount END)",
        ["kind_id IN (1, 2)", "occurred_at < :'as_of'::timestamptz"],
    )  # fmt: skip
    for name, kind in RECENCIES.items():
        feature(
            name, "(:'as_of'::date - 1) - max(occurred_at)::date",
            [f"kind_id = {KINDS[kind]}", "occurred_at < :'as_of'::timestamptz"],
        )  # fmt: skip
    values = [
        f"{name}.value AS {name}" if name in RECENCIES else f"coalesce({name}.value, 0) AS {name}"
        for name in names
    ]
    out.append("DROP TABLE IF EXISTS naive.features;")
    out.append("CREATE TABLE naive.features AS SELECT *, " + ",\n  ".join(derived()) + " FROM (")
    out.append("SELECT customer_id, " + ",\n  ".join(values))
    out.append("FROM facts.customers")
    out += [f"LEFT JOIN naive.{name} USING (customer_id)" for name in names]
    out.append("WHERE first_seen_at < :'as_of'::timestamptz OR first_seen_at IS NULL) AS wide;")
    out.append("DROP TABLE IF EXISTS naive.night;")
    out.append("CREATE TABLE naive.night (segment smallint, customer_id bigint);")
    for number, (_, clauses) in enumerate(rules(), 1):
        out.append(f"INSERT INTO naive.night SELECT {number}, customer_id FROM naive.features")
        out.append(f"WHERE {where(clauses)};")
    out += [
        "BEGIN;",
        "DELETE FROM naive.membership;",
        "INSERT INTO naive.membership SELECT segment, customer_id FROM naive.night;",
        "COMMIT;",
    ]
    return out


def rule_array():
    parts = [f"CASE WHEN {where(clauses)} THEN {number} END" for number, (_, clauses) in enumerate(rules(), 1)]
    return "unnest(array_remove(ARRAY[\n  " + ",\n  ".join(parts) + "\n]::smallint[], NULL)) AS segment"


def with_derived(source):
    since = [f"(:'as_of'::date - 1) - {name}_on AS {name}" for name in RECENCIES]
    return f"(SELECT *, {', '.join(derived() + since)} FROM {source}) AS f"


def amount(kind, condition=""):
    return f"coalesce(sum(amount) FILTER (WHERE kind_id = {KINDS[kind]}{condition}), 0)"


def value_of(kind, value, condition):
    if value == "count":
        return f"count(*) FILTER (WHERE kind_id = {KINDS[kind]}{condition})"
    return amount(kind, condition)


def days_of_bounds():
    return sorted({b for _, _, d, s in WINDOWS.values() if d is not None for b in (s, d + s)} | {0})


def bounds():
    parts = []
    for day in days_of_bounds():
        parts.append(f"  (:'as_of'::timestamptz - interval '{day} days')::text AS b{day}")
        parts.append(f"  (:'as_of'::timestamptz - interval '{day + 1} days')::text AS a{day}")
    return [
        "-- The bounds of windows as literals: b0 is as_of, b7 seven days before, a7 eight; for",
        "-- full_best.sql and night_best.sql. Variables: as_of. Written by write_definitions.py.",
        "SET client_min_messages = warning;",
        "SELECT",
        ",\n".join(parts),
        "\\gset",
    ]


def full_best():
    """One pass per kind of source with FILTER and literal bounds."""
    out = [
        "-- Every feature from nothing in the best SQL form: one scan per kind of event with FILTER and",
        "-- literal bounds. Comes after bounds_best.sql. Written by write_definitions.py.",
        "CREATE SCHEMA IF NOT EXISTS best;",
        "DROP TABLE IF EXISTS best.state;",
        "CREATE UNLOGGED TABLE best.state AS WITH",
    ]
    parts = []
    columns = ["c.customer_id"]
    kinds = {}
    for name, (kind, value, count, skip) in WINDOWS.items():
        kinds.setdefault(kind, []).append((name, value, count, skip))
    for kind in kinds:
        lines = []
        everything = any(count is None for _, _, count, _ in kinds[kind]) or kind in RECENCIES.values() or kind == "refund"
        for name, value, count, skip in kinds[kind]:
            tests = []
            if count is not None:
                tests.append(f"occurred_at >= timestamptz :'b{count + skip}'")
            if skip:
                tests.append(f"occurred_at < timestamptz :'b{skip}'")
            what = "count(*)" if value == "count" else "sum(amount)"
            lines.append(f"{what} FILTER (WHERE {' AND '.join(tests)}) AS {name}" if tests else f"{what} AS {name}")
            columns.append(f"coalesce({kind}.{name}, 0) AS {name}")
        for name, of in RECENCIES.items():
            if of == kind:
                lines.append(f"max(occurred_at)::date AS {name}_on")
                columns.append(f"{kind}.{name}_on")
        if kind in ("purchase", "refund"):
            lines.append("sum(amount) AS lifetime_amount")
        longest = max(count + skip for _, _, count, skip in kinds[kind] if count is not None)
        lower = "" if everything else f" AND occurred_at >= timestamptz :'b{longest}'"
        body = ",\n    ".join(lines)
        parts.append(
            f"{kind} AS (\n  SELECT customer_id,\n    {body}\n  FROM facts.events"
            f"\n  WHERE kind_id = {KINDS[kind]} AND occurred_at < timestamptz :'b0'{lower}\n  GROUP BY customer_id)"
        )
    columns.append(f"coalesce(purchase.lifetime_amount, 0) - coalesce(refund.lifetime_amount, 0) AS {LIFETIME}")
    out.append(",\n".join(parts))
    out.append("SELECT " + ",\n  ".join(columns))
    out.append("FROM facts.customers AS c")
    out += [f"LEFT JOIN {kind} USING (customer_id)" for kind in kinds]
    out.append("WHERE c.first_seen_at < timestamptz :'b0' OR c.first_seen_at IS NULL;")
    out.append("ANALYZE best.state;")
    return out


def publish_best():
    return [
        "-- The memberships of best.state: all rules in one unnest, and a full-join delta with history.",
        "-- Variables: as_of. Written by write_definitions.py.",
        "DROP TABLE IF EXISTS best.night;",
        "CREATE UNLOGGED TABLE best.night AS SELECT customer_id, " + rule_array(),
        "FROM " + with_derived("best.state") + ";",
        "ANALYZE best.night;",
        "CREATE TABLE IF NOT EXISTS best.membership (customer_id bigint, segment smallint,",
        "  since timestamptz NOT NULL, PRIMARY KEY (customer_id, segment));",
        "CREATE TABLE IF NOT EXISTS best.history (customer_id bigint, segment smallint,",
        "  valid_from timestamptz NOT NULL, valid_to timestamptz);",
        "CREATE INDEX IF NOT EXISTS history_open ON best.history (customer_id, segment)",
        "  WHERE valid_to IS NULL;",
        "CREATE TABLE IF NOT EXISTS best.daily_size (as_of timestamptz, segment smallint,",
        "  members bigint);",
        "BEGIN;",
        "CREATE TEMP TABLE delta ON COMMIT DROP AS",
        "SELECT coalesce(n.customer_id, m.customer_id) AS customer_id,",
        "  coalesce(n.segment, m.segment) AS segment, n.customer_id IS NOT NULL AS enters",
        "FROM best.night AS n FULL JOIN best.membership AS m",
        "  ON n.customer_id = m.customer_id AND n.segment = m.segment",
        "WHERE n.customer_id IS NULL OR m.customer_id IS NULL;",
        "ANALYZE delta;",
        "DELETE FROM best.membership AS m USING delta AS d",
        "WHERE NOT d.enters AND m.customer_id = d.customer_id AND m.segment = d.segment;",
        "UPDATE best.history AS h SET valid_to = :'as_of'::timestamptz FROM delta AS d",
        "WHERE NOT d.enters AND h.valid_to IS NULL AND h.customer_id = d.customer_id",
        "  AND h.segment = d.segment;",
        "INSERT INTO best.membership SELECT customer_id, segment, :'as_of'::timestamptz",
        "FROM delta WHERE enters;",
        "INSERT INTO best.history SELECT customer_id, segment, :'as_of'::timestamptz",
        "FROM delta WHERE enters;",
        "INSERT INTO best.daily_size SELECT :'as_of'::timestamptz, segment, count(*)",
        "FROM best.night GROUP BY segment;",
        "COMMIT;",
    ]


def night_best():
    """Adds the day that enters each window and subtracts the one that leaves it."""
    out = [
        "-- The night in the best SQL form: add the new day and subtract the expired ones with literal",
        "-- bounds, from best.state of the day before. Comes after bounds_best.sql and before",
        "-- publish_best.sql. Written by write_definitions.py.",
    ]
    scans = []
    for day in days_of_bounds():
        used = sorted(
            {KINDS[k] for k, _, d, s in WINDOWS.values() if s == day or (d is not None and d + s == day)}
            | ({1, 2} if day == 0 else set())
        )
        scans.append(
            f"  SELECT customer_id, kind_id, amount, occurred_at, {day} AS lag FROM facts.events\n"
            f"  WHERE occurred_at >= timestamptz :'a{day}' AND occurred_at < timestamptz :'b{day}'\n"
            f"    AND kind_id IN ({', '.join(map(str, used))})"
        )
    deltas, columns = [], ["customer_id"]
    for name, (kind, value, count, skip) in WINDOWS.items():
        change = value_of(kind, value, f" AND lag = {skip}")
        if count is not None:
            change += " - " + value_of(kind, value, f" AND lag = {count + skip}")
        deltas.append(f"{change} AS {name}")
        columns.append(f"coalesce(s.{name}, 0) + coalesce(d.{name}, 0) AS {name}")
    deltas.append(f"{amount('purchase', ' AND lag = 0')} - {amount('refund', ' AND lag = 0')} AS {LIFETIME}")
    columns.append(f"coalesce(s.{LIFETIME}, 0) + coalesce(d.{LIFETIME}, 0) AS {LIFETIME}")
    for name, kind in RECENCIES.items():
        deltas.append(f"max(occurred_at) FILTER (WHERE kind_id = {KINDS[kind]} AND lag = 0)::date AS {name}_on")
        columns.append(f"coalesce(d.{name}_on, s.{name}_on) AS {name}_on")
    out.append("CREATE UNLOGGED TABLE best.state_next AS WITH touched AS (")
    out.append("\n  UNION ALL\n".join(scans))
    out.append("), delta AS (SELECT customer_id,\n  " + ",\n  ".join(deltas))
    out.append("FROM touched GROUP BY customer_id)")
    out.append("SELECT " + ",\n  ".join(columns))
    out.append("FROM best.state AS s FULL JOIN delta AS d USING (customer_id);")
    out.append("DROP TABLE best.state;")
    out.append("ALTER TABLE best.state_next RENAME TO state;")
    return out


def write(path, lines):
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def main():
    folder = sys.argv[1]
    write(f"{folder}/project/features.yaml", yaml_features())
    write(f"{folder}/project/segments.yaml", yaml_rules())
    write(f"{folder}/peers/night_naive.sql", naive())
    write(f"{folder}/peers/full_best.sql", full_best())
    write(f"{folder}/peers/bounds_best.sql", bounds())
    write(f"{folder}/peers/night_best.sql", night_best())
    write(f"{folder}/peers/publish_best.sql", publish_best())


if __name__ == "__main__":
    main()
