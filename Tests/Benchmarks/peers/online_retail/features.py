"""The 60 features of features.yaml from the raw UCI Online Retail file, with polars.

Usage: features.py FILE FOLDER INSTANT...

FILE is online_retail.csv(.gz); each INSTANT is RFC 3339. Writes FOLDER/0.csv, 1.csv … (one row per
customer seen before the instant, sorted; an empty field is null; money is times 10^4) and prints
one JSON object: the seconds of reading, and of computing and writing all instants.
Nothing of Strata is used: what counts as a purchase, windows of local days and all else is written
here once more.
"""

import json
import sys
import time
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import polars as pl

ZONE = "Europe/London"
COUNTRY = "country"


def read(path):
    """Accepted lines: with a customer, a price and a quantity of the right sign."""
    raw = pl.read_csv(
        path,
        schema_overrides={
            "InvoiceNo": pl.String,
            "StockCode": pl.String,
            "CustomerID": pl.String,
            "UnitPrice": pl.Float64,
            "Quantity": pl.Int64,
        },
    )
    cancelled = pl.col("InvoiceNo").str.starts_with("C")
    quantity = pl.col("Quantity")
    local = pl.col("InvoiceDate").str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us")
    return (
        raw.filter(
            pl.col("CustomerID").is_not_null()
            & (pl.col("UnitPrice") >= 0)
            & (quantity.abs() <= 100_000)
            & pl.when(cancelled).then(quantity < 0).otherwise(quantity > 0)
        )
        .select(
            customer=pl.col("CustomerID").str.strip_suffix(".0"),
            at=local.dt.replace_time_zone(ZONE, ambiguous="earliest").dt.convert_time_zone("UTC"),
            day=local.dt.date(),
            bought=~cancelled,
            item=pl.col("StockCode"),
            pieces=quantity.abs(),
            amount=quantity.abs() * (pl.col("UnitPrice") * 10_000).round().cast(pl.Int64),
            country=pl.col("Country"),
        )
        .sort("customer", "at", "amount")
    )


def months_before(day, months):
    """The same day so many months earlier, or the last of that month."""
    count = day.year * 12 + day.month - 1 - months
    year, month = divmod(count, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return date(year, month + 1, min(day.day, (following - timedelta(days=1)).day))


class Windows:
    """Masks of events for windows that end at an instant."""

    def __init__(self, instant):
        self.instant = instant
        self.today = (instant - timedelta(microseconds=1)).astimezone(ZoneInfo(ZONE)).date()

    def between(self, first, length, back):
        first -= timedelta(days=length * back)
        last = first + timedelta(days=length - 1)
        return (pl.col("day") >= first) & (pl.col("day") <= last)

    def days(self, length, back=0):
        return self.between(self.today - timedelta(days=length - 1), length, back)

    def months(self, count, back=0):
        first = months_before(self.today, count) + timedelta(days=1)
        return self.between(first, (self.today - first).days + 1, back)

    def hours(self, length, back=0):
        end = self.instant - timedelta(hours=length * back)
        return (pl.col("at") >= end - timedelta(hours=length)) & (pl.col("at") < end)


BOUGHT = pl.col("bought")
AMOUNT = pl.col("amount")
PIECES = pl.col("pieces")


def aggregates(w):
    """What is one aggregate of a customer's events each."""
    all_time = pl.lit(True)

    def count(mask, what=BOUGHT):
        return (mask & what).sum().cast(pl.Int64)

    def total(mask, value=AMOUNT, what=BOUGHT):
        return value.filter(mask & what).sum()

    def mean(mask, value, unit):
        return value.filter(mask & BOUGHT).sum() / unit / count(mask)

    def since(what, side):
        days = pl.col("day").filter(what)
        day = days.max() if side == "last" else days.min()
        return (pl.lit(w.today) - day).dt.total_days()

    day30, day90, prev90 = w.days(30), w.days(90), w.days(90, 1)
    slopes = [total(w.days(30, back)) / 10_000 for back in range(4)]
    before_90 = count(day90)
    return {
        "lines_7d": count(w.days(7)),
        "lines_30d": count(day30),
        "lines_90d": count(day90),
        "lines_all": count(all_time),
        "lines_prev_30d": count(w.days(30, 1)),
        "lines_1m": count(w.months(1)),
        "lines_prev_1m": count(w.months(1, 1)),
        "lines_back_2w": count(w.days(14, 2)),
        "refunds_30d": count(day30, ~BOUGHT),
        "refunds_90d": count(day90, ~BOUGHT),
        "refunds_all": count(all_time, ~BOUGHT),
        "net_lines_90d": count(day90) - count(day90, ~BOUGHT),
        "revenue_7d": total(w.days(7)),
        "revenue_30d": total(day30),
        "revenue_90d": total(day90),
        "revenue_all": total(all_time),
        "revenue_prev_90d": total(prev90),
        "ltv_net": total(all_time) - total(all_time, AMOUNT, ~BOUGHT),
        "pieces_30d": total(day30, PIECES),
        "pieces_all": PIECES.sum(),
        "big_lines_90d": count(day90 & (AMOUNT > 500_000)),
        "bulk_lines": count((PIECES >= 100) & (AMOUNT > 200_000)),
        "uk_revenue_90d": total(day90 & (pl.col(COUNTRY) == "United Kingdom")),
        "far_lines": count(~pl.col(COUNTRY).is_in(["United Kingdom", "France"])),
        "days_since_purchase": since(BOUGHT, "last"),
        "days_since_refund": since(~BOUGHT, "last"),
        "days_since_first": since(BOUGHT, "first"),
        "days_since_big": since(BOUGHT & (AMOUNT >= 1_000_000), "last"),
        "avg_line_90d": pl.when(before_90 > 0).then(mean(day90, AMOUNT, 10_000)),
        "avg_pieces": pl.when(count(all_time) > 0).then(mean(all_time, PIECES, 1)),
        "refund_rate_90d": pl.when(before_90 >= 3).then(count(day90, ~BOUGHT) / before_90),
        "lines_trend": count(day30) - count(w.days(30, 1)),
        "revenue_trend": total(w.months(1)) - total(w.months(1, 1)),
        "lines_growth": pl.when(count(w.days(45, 1)) >= 5).then(
            count(w.days(45)) / count(w.days(45, 1))
        ),
        # Least squares over the four windows, the oldest at x = 0: sum of (x - 1.5) y over 5.
        "revenue_slope": sum((1.5 - back) * y for back, y in enumerate(slopes)) / 5,
        "min_line_90d": AMOUNT.filter(day90 & BOUGHT).min(),
        "max_line_90d": AMOUNT.filter(day90 & BOUGHT).max(),
        "max_line_prev_90d": AMOUNT.filter(prev90 & BOUGHT).max(),
        "max_line_all": AMOUNT.filter(BOUGHT).max(),
        # Events are sorted by time and amount.
        "first_line": AMOUNT.filter(BOUGHT).first(),
        "last_line_180d": AMOUNT.filter(w.days(180) & BOUGHT).last(),
        "items_90d": pl.col("item").filter(day90 & BOUGHT).n_unique().cast(pl.Int64),
        "items_all": pl.col("item").n_unique().cast(pl.Int64),
        "active_90d": pl.col("day").filter(day90 & BOUGHT).n_unique().cast(pl.Int64),
        "active_all": pl.col("day").n_unique().cast(pl.Int64),
        "lines_72h": count(w.hours(72)),
        "lines_prev_72h": count(w.hours(72, 1)),
        "revenue_240h": total(w.hours(240)) - total(w.hours(240), AMOUNT, ~BOUGHT),
        "items_500h": pl.col("item").filter(w.hours(500) & BOUGHT).n_unique().cast(pl.Int64),
    }


def next_time(events, keys):
    """The strictly later purchase of the same keys, for each time of one."""
    times = events.filter(BOUGHT).select(*keys, "at").unique().sort(*keys, "at")
    return times.with_columns(then=pl.col("at").shift(-1).over(keys))


def sequences(events, w):
    """Features that look from one event to others, by customer."""
    favourite = (
        events.filter(w.days(180) & BOUGHT)
        .group_by("customer", "item")
        .len()
        .group_by("customer")
        .agg(most_of_one_180d=pl.col("len").max().cast(pl.Int64))
    )
    again = (
        events.filter(w.days(180) & BOUGHT)
        .join(next_time(events, ["customer", "item"]), on=["customer", "item", "at"])
        .filter(pl.col("then") - pl.col("at") < timedelta(days=30))
        .group_by("customer")
        .agg(bought_again=pl.len().cast(pl.Int64))
    )
    gap = timedelta(days=20)
    left = (
        events.filter(w.days(90) & BOUGHT & (AMOUNT > 1_000_000))
        .join(next_time(events, ["customer"]), on=["customer", "at"])
        .filter(
            (pl.col("then").is_null() | (pl.col("then") - pl.col("at") >= gap))
            & (pl.col("at") + gap <= w.instant)
        )
        .group_by("customer")
        .agg(left_after_big=pl.len().cast(pl.Int64))
    )
    return [favourite, again, left]


def rank(name, bins, best):
    """1 to bins by the share of customers that are not better; null stays null."""
    value = pl.col(name) if best == "high" else -pl.col(name)
    not_better = value.rank("max").cast(pl.Int64)
    n = pl.col(name).count().cast(pl.Int64)
    return (not_better * bins + n - 1) // n


def share(name, full):
    return (pl.col(name) / full).clip(0, 1).fill_null(0)


def derived():
    lines, revenue = pl.col("lines_90d"), pl.col("revenue_90d")
    before = pl.col("revenue_prev_90d")
    parts = 3 * share("active_90d", 10) + share("items_90d", 50)
    return {
        "line_value_90d": pl.when(lines >= 1).then(revenue / 10_000 / lines),
        "refund_share": pl.when(pl.col("lines_all") >= 5).then(
            pl.col("refunds_all") / pl.col("lines_all")
        ),
        "growth": pl.when(before >= 10_000).then(revenue / before),
        "frequency_band": pl.when(lines >= 100)
        .then(pl.lit("high"))
        .when(lines >= 20)
        .then(pl.lit("middle"))
        .when(lines >= 1)
        .then(pl.lit("low"))
        .otherwise(pl.lit("none")),
        "monetary_rank": rank("ltv_net", 10, "high"),
        "rfm": rank("days_since_purchase", 5, "low") * 100
        + rank("lines_all", 5, "high") * 10
        + rank("ltv_net", 5, "high"),
        "engagement": (parts + 0.5 * share("days_since_purchase", 60)) / 4.5 * 100,
        "net_mix": pl.col("ltv_net")
        - 2 * pl.max_horizontal("revenue_30d", "revenue_240h")
        + pl.col("revenue_trend").abs(),
    }


def features(all_events, instant):
    w = Windows(instant)
    events = all_events.filter(pl.col("at") < instant)
    table = events.group_by("customer").agg(**aggregates(w))
    for part in sequences(events, w):
        table = table.join(part, on="customer", how="left")
    table = table.with_columns(
        pl.col("most_of_one_180d", "bought_again", "left_after_big").fill_null(0)
    )
    return table.with_columns(**derived()).sort("customer")


def midnight(instant):
    local = (instant - timedelta(microseconds=1)).astimezone(ZoneInfo(ZONE)).date()
    begin = datetime(local.year, local.month, local.day, tzinfo=ZoneInfo(ZONE))
    following = begin.date() + timedelta(days=1)
    end = datetime(following.year, following.month, following.day, tzinfo=ZoneInfo(ZONE))
    return instant if end.astimezone(timezone.utc) == instant else begin.astimezone(timezone.utc)


def main():
    path, folder, *instants = sys.argv[1:]
    start = time.perf_counter()
    events = read(path)
    read_seconds = time.perf_counter() - start
    for place, text in enumerate(instants):
        instant = datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)
        table = features(events, instant)
        fixed = midnight(instant)
        if fixed != instant:
            # What depends on other customers is that of the last local midnight.
            ranks = features(events, fixed).select("customer", "monetary_rank", "rfm")
            table = table.drop("monetary_rank", "rfm").join(ranks, on="customer", how="left")
        table.sort("customer").write_csv(f"{folder}/{place}.csv")
    seconds = time.perf_counter() - start - read_seconds
    print(
        json.dumps(
            {
                "peer": f"polars {pl.__version__}",
                "events": events.height,
                "read_seconds": round(read_seconds, 4),
                "seconds": round(seconds, 4),
            }
        )
    )


main()
