"""``python -m benchmarks run | check | growth | slow-link | profile | report``; the Makefile calls it."""

import argparse
import json
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

from benchmarks.compare import Field, compare
from benchmarks.databases import make_postgres
from benchmarks.footprint import measure_memory, measure_starts
from benchmarks.goals import CONNECTIONS, MANY_CONNECTIONS, goals
from benchmarks.growth import measure_table_sizes, measure_user_sizes
from benchmarks.machine import describe_machine, describe_versions
from benchmarks.messages import count_messages
from benchmarks.profiling import measure_profile
from benchmarks.report import write_report
from benchmarks.services import TASKAPP
from benchmarks.settings import RESULTS, WORK, Settings, read_settings
from benchmarks.slow_link import measure_slow_link
from taskapp.db.embedded import EmbeddedPostgres


def main() -> int:
    """Measure, and return the status to end with."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measures taskapp; see `make`.")
    parser.add_argument("what", choices=["run", "check", "growth", "slow-link", "profile", "report"])
    what = parser.parse_args().what
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # So that all that runs is stopped.
    if what == "check":
        return check(read_settings(rounds=2, seconds=2))
    if what == "report":
        write_report(json.loads(RESULTS.read_text()))
        return 0
    settings = read_settings(rounds=3, seconds=4)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    with workplace() as postgres:
        if what == "run" or "machine" not in results:  # What is measured again was compared elsewhere, or earlier.
            results["machine"] = describe_machine()
            results["versions"] = describe_versions(postgres.url)
        if what == "run":
            results |= run(postgres, settings)
        if what in {"run", "growth"}:
            results["growth"] = run_growth(postgres, read_settings(rounds=3, seconds=3))
        if what == "slow-link":
            results["slow_link"] = measure_slow_link(postgres, Field(postgres, settings.users), settings)
        if what == "profile":
            results["profile"] = measure_profile(Field(postgres, read_settings(rounds=1, seconds=1).users))
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    write_report(results)
    return 0


@contextmanager
def workplace() -> Iterator[EmbeddedPostgres]:
    """Start PostgreSQL in a folder that is gone at the end."""
    if WORK.exists():
        sys.exit(f"benchmarks: {WORK} is there already: another run is under way, or was killed. Remove it then.")
    WORK.mkdir()
    try:
        with make_postgres() as postgres:
            yield postgres
    finally:
        shutil.rmtree(WORK)


def run(postgres: EmbeddedPostgres, settings: Settings) -> dict[str, Any]:
    """Measure all but growth."""
    field = Field(postgres, settings.users)
    return {
        "settings": asdict(settings),
        **compare(postgres, field, settings),
        "messages": count_messages(postgres, field),
        "slow_link": measure_slow_link(postgres, field, settings),
        "memory": measure_memory(field, settings),
        "start": measure_starts(),
        "profile": measure_profile(field),
    }


def run_growth(postgres: EmbeddedPostgres, settings: Settings) -> dict[str, Any]:
    """Measure growth alone."""
    return {
        "settings": asdict(settings),
        "tables": measure_table_sizes(postgres, settings),
        "users": measure_user_sizes(postgres, settings),
    }


def check(settings: Settings) -> int:
    """Measure the goals briefly, and say what falls short; 1 if anything does."""
    with workplace() as postgres:
        field = Field(postgres, settings.users)
        compared = compare(postgres, field, replace(settings, connections=(CONNECTIONS,)))
        crowded = compare_crowded(postgres, field, settings)
        results = {
            "load": compared["load"] + crowded,
            "messages": count_messages(postgres, field),
            "slow_link": measure_slow_link(postgres, field, settings, (TASKAPP,)),
        }
    return say_what_falls_short(results)


def compare_crowded(postgres: EmbeddedPostgres, field: Field, settings: Settings) -> list[dict[str, Any]]:
    """Load taskapp alone with many connections, once."""
    crowded = replace(settings, connections=(MANY_CONNECTIONS,), rounds=1)
    return compare(postgres, field, crowded, (TASKAPP,))["load"]


def say_what_falls_short(results: Mapping[str, Any]) -> int:
    """Print every goal that is not reached; return 1 if there is one."""
    found = list(goals(results))
    short = [goal for goal in found if not goal.reached]
    for goal in short:
        print(f"falls short: {goal.text}; found {goal.found}")
    print(f"{len(found) - len(short)} of {len(found)} goals reached")
    return 1 if short else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("benchmarks: interrupted; nothing is left running")
