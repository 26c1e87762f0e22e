"""What croniter and cronsim answer: one case a line on standard input, one answer a line back.

A case is `expression TAB zone TAB second TAB next|previous`; an answer is `croniter TAB cronsim`,
each a second since 1970, `none` where the peer finds no firing, or `refused` where it does not
read the expression. The first line out names the versions.
"""

import importlib.metadata
import sys
from datetime import datetime
from zoneinfo import ZoneInfo

from croniter import CroniterBadDateError, CroniterError, croniter
from cronsim import CronSim, CronSimError


def ask_croniter(expression, start, forward):
    try:
        job = croniter(expression, start, ret_type=datetime, second_at_beginning=True)
    except CroniterError:
        return "refused"
    try:
        return str(int((job.get_next() if forward else job.get_prev()).timestamp()))
    except CroniterBadDateError:
        return "none"


def ask_cronsim(expression, start, forward):
    try:
        job = CronSim(expression, start, reverse=not forward)
    except CronSimError:
        return "refused"
    try:
        return str(int(next(job).timestamp()))
    except StopIteration:
        return "none"


def faulty(ask, *case):
    # A peer's own failure (croniter asserts at some clock changes) is an answer, too.
    try:
        return ask(*case)
    except Exception as error:
        return "failed:" + type(error).__name__


versions = [f"{name} {importlib.metadata.version(name)}" for name in ("croniter", "cronsim")]
print("# " + ", ".join(versions))
for line in sys.stdin:
    expression, zone, second, direction = line.rstrip("\n").split("\t")
    start = datetime.fromtimestamp(int(second), ZoneInfo(zone))
    forward = direction == "next"
    print(faulty(ask_croniter, expression, start, forward), end="\t")
    print(faulty(ask_cronsim, expression, start, forward))
