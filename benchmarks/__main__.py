"""``python -m benchmarks run | check | growth | slow-link | profile | report | sizes | capacity``, for the Makefile."""

import argparse
import json
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

from benchmarks.capacity_report import write_capacity
from benchmarks.compare import Testbed, compare
from benchmarks.databases import make_postgres
from benchmarks.footprint import measure_memory, measure_starts
from benchmarks.goals import CONNECTIONS, MANY_CONNECTIONS, goals
from benchmarks.growth import measure_table_sizes, measure_user_sizes
from benchmarks.machine import describe_machine, describe_versions
from benchmarks.messages import count_messages
from benchmarks.profiling import measure_profile
from benchmarks.report import write_report
from benchmarks.services import TASKAPP
from benchmarks.settings import RESULTS, SIZES, WORK, Settings, read_settings
from benchmarks.sizes import measure_sizes
from benchmarks.slow_link import measure_slow_link
from taskapp.db.embedded import EmbeddedPostgres

COMMANDS = ("run", "check", "growth", "slow-link", "profile", "report", "sizes", "capacity")


def main() -> int:
    """Run a command and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Benchmarks of taskapp; see `make help`.")
    parser.add_argument("command", choices=COMMANDS)
    command = parser.parse_args().command
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # Unwind, so that all servers are stopped.
    if command == "check":
        return check(read_settings(rounds=2, seconds=2))
    if command == "report":
        write_report(json.loads(RESULTS.read_text()))
    if command == "sizes":
        with temporary_postgres() as postgres:
            SIZES.write_text(json.dumps(measure_sizes(postgres), indent=1) + "\n")
    if command in {"report", "sizes", "capacity"}:
        write_capacity()
        return 0
    settings = read_settings(rounds=3, seconds=4)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    with temporary_postgres() as postgres:
        if command == "run" or "machine" not in results:  # A partial run keeps the description of the full run.
            results["machine"] = describe_machine()
            results["versions"] = describe_versions(postgres.url)
        if command == "run":
            results |= run(postgres, settings)
        if command in {"run", "growth"}:
            results["growth"] = run_growth(postgres, read_settings(rounds=3, seconds=3))
        if command == "slow-link":
            results["slow_link"] = measure_slow_link(postgres, Testbed(postgres, settings.users), settings)
        if command == "profile":
            results["profile"] = measure_profile(Testbed(postgres, read_settings(rounds=1, seconds=1).users))
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    write_report(results)
    write_capacity()
    return 0


@contextmanager
def temporary_postgres() -> Iterator[EmbeddedPostgres]:
    """Start PostgreSQL in a folder that is removed on exit."""
    if WORK.exists():
        sys.exit(
            f"benchmarks: {WORK} exists. Another run is in progress or was killed. If it was killed, remove the folder."
        )
    WORK.mkdir()
    try:
        with make_postgres() as postgres:
            yield postgres
    finally:
        shutil.rmtree(WORK)


def run(postgres: EmbeddedPostgres, settings: Settings) -> dict[str, Any]:
    """Run all measurements except growth."""
    testbed = Testbed(postgres, settings.users)
    return {
        "settings": asdict(settings),
        **compare(postgres, testbed, settings),
        "messages": count_messages(postgres, testbed),
        "slow_link": measure_slow_link(postgres, testbed, settings),
        "memory": measure_memory(testbed, settings),
        "start": measure_starts(),
        "profile": measure_profile(testbed),
    }


def run_growth(postgres: EmbeddedPostgres, settings: Settings) -> dict[str, Any]:
    """Run the growth measurements."""
    return {
        "settings": asdict(settings),
        "tables": measure_table_sizes(postgres, settings),
        "users": measure_user_sizes(postgres, settings),
    }


def check(settings: Settings) -> int:
    """Measure the goals briefly and print the missed ones. Return 1 if there are any."""
    with temporary_postgres() as postgres:
        testbed = Testbed(postgres, settings.users)
        compared = compare(postgres, testbed, replace(settings, connections=(CONNECTIONS,)))
        many = compare_many_connections(postgres, testbed, settings)
        results = {
            "load": compared["load"] + many,
            "messages": count_messages(postgres, testbed),
            "slow_link": measure_slow_link(postgres, testbed, settings, (TASKAPP,)),
        }
    return print_missed_goals(results)


def compare_many_connections(postgres: EmbeddedPostgres, testbed: Testbed, settings: Settings) -> list[dict[str, Any]]:
    """Load only taskapp, once, with many connections."""
    many = replace(settings, connections=(MANY_CONNECTIONS,), rounds=1)
    return compare(postgres, testbed, many, (TASKAPP,))["load"]


def print_missed_goals(results: Mapping[str, Any]) -> int:
    """Print every missed goal. Return 1 if there are any."""
    found = list(goals(results))
    short = [goal for goal in found if not goal.reached]
    for goal in short:
        print(f"missed: {goal.text}; measured {goal.found}")
    print(f"{len(found) - len(short)} of {len(found)} goals reached")
    return 1 if short else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("benchmarks: interrupted; all servers are stopped")
