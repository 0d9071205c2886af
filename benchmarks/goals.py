"""The performance goals of taskapp, as ratios within one run."""

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.settings import OPERATIONS, TITLES

CONNECTIONS = 32
MANY_CONNECTIONS = 128
# Requests per second, as a multiple of a peer's.
RATES: Mapping[str, Mapping[str, float]] = {
    "fastapi": {"get": 2, "list": 3, "create": 2.5, "update": 2.5, "complete": 2.5},
    "drf": dict.fromkeys(OPERATIONS, 1.8),
    "baseline": dict.fromkeys(OPERATIONS, 0.6),
}
TAIL = 4  # p99 as a multiple of p50.
SLOW_LINK_P95 = 50  # Milliseconds, at 20 ms each way.
GROWTH = 1.3  # p95 with the largest table, as a multiple of p95 with the smallest.
MEMORY = 1.05  # After many requests, as a multiple of the memory when warm. The margin is for the allocator.


@dataclass(frozen=True)
class Goal:
    """A goal and the measured value.

    Attributes:
        text: the goal.
        found: the measured value.
        reached: whether the value reaches the goal.
    """

    text: str
    found: str
    reached: bool


def median(measurements: list[dict[str, Any]], value: str, **which: Any) -> float:
    """Return the median of a value over all matching measurements, or 0 if none match."""
    found = [m[value] for m in measurements if all(m.get(name) == wanted for name, wanted in which.items())]
    return statistics.median(found) if found else 0.0


def ratio(load: list[dict[str, Any]], peer: str, operation: str, connections: int = CONNECTIONS) -> float:
    """Return taskapp's requests per second as a multiple of a peer's: the median of the ratios within each round."""
    own, other = (
        {m["round"]: m["rate"] for m in load if (m["service"], m["operation"], m["connections"]) == which}
        for which in (("taskapp", operation, connections), (peer, operation, connections))
    )
    found = [own[number] / rate for number, rate in other.items() if rate and number in own]
    return statistics.median(found) if found else 0.0


def goals(results: Mapping[str, Any]) -> Iterator[Goal]:
    """Compare the results with the goals. Goals without results are omitted."""
    if load := results.get("load"):
        yield from _of_load(load)
    for operation, count in results.get("messages", {}).get("taskapp", {}).items():
        yield Goal(f"{TITLES[operation]}: 1 message to the database", f"{count:g}", count == 1)
    if slow := results.get("slow_link"):
        yield from _of_slow_link(slow)
    if growth := results.get("growth"):
        yield from _of_growth(growth["tables"]["measurements"])
    if memory := results.get("memory"):
        grown = memory["end"] / memory["warm"]
        text = f"memory of a worker after {memory['requests']:,} requests ≤ {MEMORY:g} × when warm"
        yield Goal(text, f"{grown:.2f} ×", grown <= MEMORY)


def _of_load(load: list[dict[str, Any]]) -> Iterator[Goal]:
    for peer, wanted in RATES.items():
        for operation, least in wanted.items():
            found = ratio(load, peer, operation)
            yield Goal(
                f"{TITLES[operation]}: requests per second ≥ {least:g} × {peer}", f"{found:.2f} ×", found >= least
            )
    for operation in OPERATIONS:
        which = {"service": "taskapp", "operation": operation, "connections": CONNECTIONS}
        found = median(load, "p99", **which) / (median(load, "p50", **which) or 1)
        yield Goal(f"{TITLES[operation]}: p99 ≤ {TAIL} × p50", f"{found:.2f} ×", found <= TAIL)
    for operation in OPERATIONS:
        counted = [
            m["errors"]
            for m in load
            if (m["service"], m["operation"], m["connections"]) == ("taskapp", operation, MANY_CONNECTIONS)
        ]
        if counted:
            text = f"{TITLES[operation]}: no errors at {MANY_CONNECTIONS} connections"
            yield Goal(text, str(sum(counted)), not sum(counted))


def _of_slow_link(slow: list[dict[str, Any]]) -> Iterator[Goal]:
    fewest = min(m["threads"] for m in slow if m["service"] == "taskapp")
    for operation in OPERATIONS:
        found = median(slow, "p95", service="taskapp", operation=operation, threads=fewest)
        text = f"{TITLES[operation]}: p95 with a slow link ≤ {SLOW_LINK_P95} ms"
        yield Goal(text, f"{found:.1f} ms", found <= SLOW_LINK_P95)


def _of_growth(measurements: list[dict[str, Any]]) -> Iterator[Goal]:
    sizes = sorted({m["tasks"] for m in measurements})
    for operation in OPERATIONS:
        small, large = (median(measurements, "p95", operation=operation, tasks=size) for size in (sizes[0], sizes[-1]))
        found = large / (small or 1)
        text = f"{TITLES[operation]}: p95 with {sizes[-1]:,} tasks ≤ {GROWTH:g} × p95 with {sizes[0]:,}"
        yield Goal(text, f"{found:.2f} ×", found <= GROWTH)
