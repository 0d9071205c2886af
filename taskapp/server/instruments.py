"""What is counted for Prometheus. docs/observe.md says what each metric means.

Imported only where metrics are on, and by gunicorn's workers only once ``metrics.share`` has named the folder they
share: prometheus-client looks at its import whether it counts for one process or for several.
"""

import os
from pathlib import Path
from typing import Any

from flask import Flask, Response
from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import Engine, event

from taskapp.db.execute import statement_executed
from taskapp.server.request_stats import RequestStats, observe

# Requests take 1 to 20 ms, so most buckets are there; the last ones are for the deadline of the database.
REQUEST_BUCKETS = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
STATEMENT_BUCKETS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class _Collector(MultiProcessCollector):
    """Adds up what all processes of the folder counted, those that ended included."""

    def collect(self) -> list[Metric]:
        """Read the files, but for those that a process was killed over before it gave them their size.

        Such a file would fail every scrape to come: https://github.com/prometheus/client_python/issues/1199
        """
        files = [str(file) for file in Path(self._path).glob("*.db") if _size(file)]
        return list(self.merge(files))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # The gauges of a process that ended just now.
        return 0


class Instruments:
    """The metrics of an application, in this process or, below gunicorn, in all of its workers."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        shared = "PROMETHEUS_MULTIPROC_DIR" in os.environ
        own: dict[str, Any] = {"registry": None if shared else self._registry}
        live: dict[str, Any] = {**own, "multiprocess_mode": "livesum"}
        if shared:
            _Collector(self._registry)
        self._requests = Histogram(
            "http_request_duration_seconds",
            "Time from the arrival of a request in the application until its answer is ready to be sent.",
            ["method", "route", "status"],
            buckets=REQUEST_BUCKETS,
            **own,
        )
        self._statements = Histogram(
            "database_statement_duration_seconds",
            "Time that a request waited for a statement, and for a connection to run it on.",
            ["outcome"],
            buckets=STATEMENT_BUCKETS,
            **own,
        )
        self._most = Gauge("database_pool_connections_max", "Connections that there may be.", **live)
        self._open = Gauge("database_pool_connections_open", "Connections that there are.", **live)
        self._in_use = Gauge("database_pool_connections_in_use", "Connections that run a statement now.", **live)

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format, version 0.0.4."""
        return generate_latest(self._registry)

    def watch(self, app: Flask, engine: Engine, size: int) -> None:
        """Count what an application does.

        Args:
            app: the application.
            engine: its engine, whose pool is watched.
            size: how many connections that pool may have.
        """
        observe(app, self._count_request)
        statement_executed.connect(self._count_statement, sender=engine)
        self._most.set(size)
        event.listen(engine, "connect", lambda *_: self._open.inc())
        event.listen(engine, "close", lambda *_: self._open.dec())
        event.listen(engine, "checkout", self._take)
        event.listen(engine, "checkin", self._give_back)

    def _count_request(self, stats: RequestStats, _response: Response) -> None:
        self._requests.labels(stats.method, stats.route, str(stats.status)).observe(stats.seconds)

    def _count_statement(self, _engine: Engine, *, seconds: float, outcome: str) -> None:
        self._statements.labels(outcome).observe(seconds)

    def _take(self, _connection: Any, record: Any, _proxy: Any) -> None:
        record.record_info["counted"] = True
        self._in_use.inc()

    def _give_back(self, _connection: Any, record: Any) -> None:
        # A connection that could not be made is given back too, without ever having been taken.
        if record.record_info.pop("counted", False):
            self._in_use.dec()
