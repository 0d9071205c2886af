"""Durations and repetitions, from the environment or the defaults of `make bench`."""

import os
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
RESULTS = FOLDER / "results.json"
# The bytes of rows.
SIZES = FOLDER / "capacity.json"
# Databases and logs of a run. On the disk of the checkout, as for `make run`.
WORK = ROOT / ".bench"
PEERS_PYTHON = ROOT / ".venv-bench" / "bin" / "python"

OPERATIONS = ("get", "list", "create", "update", "complete", "delete")
# Display names.
TITLES = {
    "get": "GET one",
    "list": "list of 50",
    "create": "POST",
    "update": "PUT",
    "complete": "complete",
    "delete": "DELETE",
    "first page": "first page",
    "few fields": "first page, 3 fields and id",
    "deep page": "deep page",
}


@dataclass(frozen=True)
class Settings:
    """The extent of the measurements.

    Attributes:
        rounds: the number of rounds of the comparison; the median counts.
        seconds: the duration of a measurement in whole seconds.
        connections: the numbers of connections.
        users: the number of users with 100 tasks each.
        table_sizes: the total numbers of tasks of the growth measurements.
        user_sizes: the numbers of tasks of one user.
        requests: the number of requests of the memory measurement.
    """

    rounds: int
    seconds: int
    connections: tuple[int, ...] = (1, 32, 128)
    users: int = 1000
    table_sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000, 10_000_000)
    user_sizes: tuple[int, ...] = (10, 1000, 100_000)
    requests: int = 100_000


def _numbers(name: str, default: tuple[int, ...]) -> tuple[int, ...]:
    value = os.environ.get(name)
    return tuple(int(float(number)) for number in value.split(",")) if value else default


def read_settings(rounds: int, seconds: int) -> Settings:
    """Read BENCH_ROUNDS, BENCH_SECONDS, BENCH_CONNECTIONS, BENCH_TABLE_SIZES and BENCH_REQUESTS."""
    return Settings(
        rounds=int(os.environ.get("BENCH_ROUNDS") or rounds),
        seconds=int(os.environ.get("BENCH_SECONDS") or seconds),
        connections=_numbers("BENCH_CONNECTIONS", Settings.connections),
        table_sizes=_numbers("BENCH_TABLE_SIZES", Settings.table_sizes),
        requests=int(float(os.environ.get("BENCH_REQUESTS") or Settings.requests)),
    )
