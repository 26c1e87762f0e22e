"""No-op DAGs on Apache Airflow: LocalExecutor, metadata in a PostgreSQL database, defaults else.

Usage: measure.py CONNINFO HOME [ROUNDS]

CONNINFO names an empty database (host, port, dbname, user as key=value pairs or a URL); HOME is a
folder that may be emptied. Starts all daemons that a deployment has (API server, scheduler, DAG
processor, triggerer), and stops them at the end. Prints one JSON object:

    airflow             version
    cli_seconds         `airflow version`, median of 5
    idle_pss_bytes      all daemons and their children, DAGs parsed, nothing to run
    chain_50_seconds    per round, from the run's row (queued_at) to its end (end_date)
    wide_200_seconds    the same
    backfill_seconds    per round of 30 intervals x 5 tasks, from the backfill's row (created_at) to
                        the end of its last run
    load                the machine's load average over a minute, at the start and at the end

The times are those that Airflow records, so the start of the command line is not in them. Runs in
the virtual environment that has apache-airflow and psycopg2.
"""

import glob
import json
import os
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import psycopg2
import psycopg2.extensions

DAGS = ("chain_50", "wide_200", "daily_5")
DAEMONS = ("api-server", "scheduler", "dag-processor", "triggerer")
PATIENCE_SECONDS = 600
IDLE_SECONDS = 20


def main():
    conninfo, home = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 2
    load = [os.getloadavg()[0]]
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(
        os.path.join(os.path.dirname(os.path.abspath(__file__)), "dags"), os.path.join(home, "dags"))
    port = free_port()
    environment = settings(conninfo, home, port)
    airflow(environment, "db", "migrate")
    database = psycopg2.connect(conninfo)
    database.autocommit = True
    daemons = []
    try:
        for name in DAEMONS:
            arguments = ["--host", "127.0.0.1", "--port", str(port)] if name == "api-server" else []
            daemons.append(start(environment, home, name, arguments))
        wait_until("the API server answers", daemons, lambda: is_healthy(port))
        wait_until("all DAGs are parsed", daemons, lambda: are_parsed(database))
        time.sleep(IDLE_SECONDS)
        result = {
            "airflow": airflow(environment, "version").strip().splitlines()[-1],
            "idle_pss_bytes": sum(pss(process) for process in family([d.pid for d in daemons])),
            "cli_seconds": statistics.median(
                timed(environment, "version") for _ in range(5)),
            "chain_50_seconds": [],
            "wide_200_seconds": [],
            "backfill_seconds": [],
        }
        for number in range(rounds):
            for dag in ("chain_50", "wide_200"):
                result[f"{dag}_seconds"].append(run(environment, database, daemons, dag, number))
            result["backfill_seconds"].append(backfill(environment, database, daemons, number))
        load.append(os.getloadavg()[0])
        result["load"] = load
        print(json.dumps(result))
    finally:
        database.close()
        stop(daemons)


# Setting up


def settings(conninfo, home, port):
    parts = psycopg2.extensions.parse_dsn(conninfo)
    user = parts.get("user", "")
    password = f":{urllib.parse.quote(parts['password'], '')}" if "password" in parts else ""
    query = {name: parts[name] for name in ("host", "port") if name in parts}
    address = (
        f"{urllib.parse.quote(user, '')}{password}@/{parts['dbname']}?"
        + urllib.parse.urlencode(query)
    )
    return {
        **os.environ,
        "AIRFLOW_HOME": home,
        "AIRFLOW__CORE__DAGS_FOLDER": os.path.join(home, "dags"),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        # By default the scheduler sleeps 1 s whenever a look found nothing to do.
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{address}",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"postgresql+asyncpg://{address}",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def program():
    return os.path.join(os.path.dirname(sys.executable), "airflow")


def airflow(environment, *arguments):
    done = subprocess.run(
        [program(), *arguments], env=environment, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(f"airflow {' '.join(arguments)}: exit code {done.returncode}\n"
                 + (done.stderr + done.stdout)[-2000:])
    return done.stdout


def timed(environment, *arguments):
    begin = time.perf_counter()
    airflow(environment, *arguments)
    return time.perf_counter() - begin


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(environment, home, name, arguments):
    with open(os.path.join(home, f"{name}.out"), "wb") as output:
        # A session of its own: its children are stopped with it.
        return subprocess.Popen(
            [program(), name, *arguments], env=environment, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, start_new_session=True)


def stop(daemons):
    for sign in (signal.SIGTERM, signal.SIGKILL):
        for daemon in daemons:
            try:
                os.killpg(daemon.pid, sign)
            except ProcessLookupError:
                continue
        end = time.monotonic() + 20
        for daemon in daemons:
            try:
                daemon.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                continue


# Looking


def wait_until(what, daemons, is_so):
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        for daemon in daemons:
            if daemon.poll() is not None:
                sys.exit(f"a daemon ended with exit code {daemon.returncode}: {daemon.args[1]}")
        if time.monotonic() > end:
            sys.exit(f"waited {PATIENCE_SECONDS} s until {what}")
        time.sleep(0.25)


def is_healthy(port):
    # Without proxies: the server is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/api/v2/monitor/health", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def rows(database, sql, *values):
    with database.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def are_parsed(database):
    found = rows(database, "SELECT dag_id FROM dag WHERE NOT is_stale AND NOT is_paused")
    stored = rows(database, "SELECT DISTINCT dag_id FROM serialized_dag")
    return {row[0] for row in found} & {row[0] for row in stored} >= set(DAGS)


def family(roots):
    """The processes and all their descendants."""
    parents = {}
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path) as file:
                text = file.read()
        except (FileNotFoundError, ProcessLookupError):
            continue
        # The name, in parentheses, may hold spaces.
        parents[int(text.split(" ", 1)[0])] = int(text.rsplit(")", 1)[1].split()[1])
    found = set(roots)
    while True:
        more = {process for process, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def pss(process):
    try:
        with open(f"/proc/{process}/smaps_rollup") as file:
            lines = [line for line in file if line.startswith("Pss:")]
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines)


# Measuring


def run(environment, database, daemons, dag, number):
    name = f"bench_{number}"
    airflow(environment, "dags", "trigger", dag, "--run-id", name)

    def look():
        return rows(
            database,
            "SELECT state, extract(epoch FROM end_date - queued_at)::float8 FROM dag_run"
            " WHERE dag_id = %s AND run_id = %s", dag, name)[0]

    wait_until(f"{dag} ends", daemons, lambda: look()[0] in ("success", "failed"))
    state, seconds = look()
    if state != "success":
        sys.exit(f"expected that {dag} succeeds, found {state}")
    return seconds


def backfill(environment, database, daemons, number):
    first, last = [("2024-01-01", "2024-01-30"), ("2024-03-01", "2024-03-30")][number % 2]
    again = "completed" if number > 1 else "none"
    airflow(
        environment, "backfill", "create", "--dag-id", "daily_5", "--from-date", first,
        "--to-date", last, "--reprocess-behavior", again)
    [(identity,)] = rows(database, "SELECT max(id) FROM backfill")

    def look():
        return rows(
            database,
            "SELECT r.state, extract(epoch FROM r.end_date - b.created_at)::float8"
            " FROM dag_run r JOIN backfill b ON b.id = r.backfill_id WHERE b.id = %s", identity)

    def is_over():
        return all(state in ("success", "failed") for state, _ in look())

    wait_until("the backfill ends", daemons, is_over)
    runs = look()
    if len(runs) != 30 or any(state != "success" for state, _ in runs):
        sys.exit(f"expected that 30 runs succeed, found {len(runs)}: {runs}")
    return max(seconds for _, seconds in runs)


main()
