"""The plots, from the numbers alone: ``python -m benchmarks.plots``, in the environment that has matplotlib."""

import json
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

from benchmarks.goals import median_of
from benchmarks.settings import FOLDER, OPERATIONS, RESULTS, TITLES

COLORS = {"taskapp": "#0b6e4f", "fastapi": "#d1495b", "drf": "#edae49", "floor": "#8d99ae"}
LABELS = {"taskapp": "taskapp", "fastapi": "FastAPI + SQLModel", "drf": "Django REST framework", "floor": "the floor"}


def main() -> None:
    """Draw what was measured."""
    results = json.loads(RESULTS.read_text())
    if load := results.get("load"):
        draw_latency(load)
    if growth := results.get("growth"):
        draw_growth(growth["tables"]["measurements"])


def draw_latency(load: list[dict[str, Any]]) -> None:
    """Draw the p50 and the p99 of every service and operation by the number of connections."""
    figure, axes = plt.subplots(2, 3, figsize=(12, 7), sharex=True, sharey=True, layout="constrained")
    connections = sorted({m["connections"] for m in load})
    for operation, ax in zip(OPERATIONS, axes.flat, strict=True):
        for service, color in COLORS.items():
            which = {"service": service, "operation": operation}
            p50, p99 = (
                [median_of(load, value, **which, connections=number) for number in connections]
                for value in ("p50", "p99")
            )
            if not any(p50):
                continue
            ax.plot(connections, p50, color=color, marker="o", markersize=4, label=LABELS[service])
            ax.plot(connections, p99, color=color, linestyle=":", marker=".", markersize=4)
        ax.set(title=TITLES[operation], xscale="log", yscale="log")
        ax.set_xticks(connections, [str(number) for number in connections])
        ax.minorticks_off()
        ax.grid(alpha=0.3)
    for ax in axes[-1]:
        ax.set_xlabel("connections")
    for ax in axes[:, 0]:
        ax.set_ylabel("milliseconds")
    figure.suptitle("Time of a request: p50 (line) and p99 (dots)")
    figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(COLORS))
    _save(figure, "latency.png")


def draw_growth(measurements: list[dict[str, Any]]) -> None:
    """Draw the p95 of every operation by the number of tasks in all."""
    figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
    sizes = sorted({m["tasks"] for m in measurements})
    for operation in OPERATIONS:
        p95 = [median_of(measurements, "p95", operation=operation, tasks=size) for size in sizes]
        ax.plot(sizes, p95, marker="o", markersize=4, label=TITLES[operation])
    ax.set(xscale="log", xlabel="tasks in all", ylabel="p95, milliseconds")
    ax.set_xticks(sizes, [f"{size:,}" for size in sizes])
    ax.minorticks_off()
    ax.set_ylim(bottom=0)
    ax.grid(alpha=0.3)
    ax.legend(ncols=3)
    ax.set_title("taskapp: the operations of one user in a growing table")
    _save(figure, "growth.png")


def _save(figure: Any, name: str) -> None:
    # Without the version of matplotlib, so that the same numbers make the same file.
    figure.savefig(FOLDER / name, dpi=110, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    main()
