"""A chain of 50 no-op tasks on Prefect, in one process on its ephemeral server.

Usage: measure.py HOME [ROUNDS]

HOME is a folder that may be emptied. Prints one JSON object:

    prefect             version
    first_seconds       the first run, which starts the ephemeral server
    chain_50_seconds    per round after it, the call of the flow
    load                the machine's load average over a minute, at the start and at the end
"""

import json
import os
import shutil
import sys
import time

HOME = sys.argv[1]
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
shutil.rmtree(HOME, ignore_errors=True)
# Read when prefect is imported.
os.environ.update(
    PREFECT_HOME=HOME,
    PREFECT_SERVER_ALLOW_EPHEMERAL_MODE="true",
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    PREFECT_LOGGING_LEVEL="WARNING",
    NO_PROXY="127.0.0.1",
    no_proxy="127.0.0.1",
)

import prefect  # noqa: E402


@prefect.task
def nothing(before):
    return None


@prefect.flow
def chain_50():
    product = None
    for _ in range(50):
        product = nothing(product)


def timed():
    begin = time.perf_counter()
    chain_50()
    return time.perf_counter() - begin


load = [os.getloadavg()[0]]
first = timed()
rounds = [timed() for _ in range(ROUNDS)]
load.append(os.getloadavg()[0])
print(
    json.dumps(
        {
            "prefect": prefect.__version__,
            "first_seconds": first,
            "chain_50_seconds": rounds,
            "load": load,
        }
    )
)
