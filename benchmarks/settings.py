"""How long and how often: from the environment, with what `make bench` takes where it says nothing."""

import os
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
RESULTS = FOLDER / "results.json"
# Databases and logs, while it runs. On the disk of the checkout, as those of `make run` are.
WORK = ROOT / ".bench"
PEERS_PYTHON = ROOT / ".venv-bench" / "bin" / "python"

OPERATIONS = ("get", "list", "create", "update", "complete", "delete")
# As people name them.
TITLES = {
    "get": "GET one",
    "list": "list of 50",
    "create": "POST",
    "update": "PUT",
    "complete": "complete",
    "delete": "DELETE",
    "first page": "first page",
    "deep page": "deep page",
}


@dataclass(frozen=True)
class Settings:
    """How much is measured.

    Attributes:
        rounds: how often each measurement of the comparison is repeated; the median counts.
        seconds: how long one takes, in whole seconds.
        connections: numbers of connections to load with.
        users: users with 100 tasks each.
        table_sizes: tasks in all, where the cost of growth is measured.
        user_sizes: tasks of one user, likewise.
        requests: how many requests a worker's memory is watched for.
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
