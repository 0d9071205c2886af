"""The metrics for Prometheus, which docs/observe.md describes.

This module is only imported if METRICS_TOKEN is set, and by gunicorn's workers only after ``metrics.share`` has set the
shared folder. prometheus-client decides at import time whether it counts for one process or for several.
"""

import os
from pathlib import Path
from typing import Any

from flask import Flask, Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import Engine, event

from taskapp.auth.rejections import token_rejected
from taskapp.db.execute import statement_executed
from taskapp.server.request_stats import RequestStats, observe

# In seconds. Most buckets are between 1 and 20 ms, as most requests are. The last ones show waits up to the deadline.
REQUEST_BUCKETS = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
STATEMENT_BUCKETS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class _Collector(MultiProcessCollector):
    """Aggregates the metrics of all processes that used the folder, including those that have exited."""

    def collect(self) -> list[Metric]:
        """Read the files, except empty ones, which remain if a process is killed while it creates them.

        An empty file would make every scrape fail: https://github.com/prometheus/client_python/issues/1199
        """
        files = [str(file) for file in Path(self._path).glob("*.db") if _size(file)]
        return list(self.merge(files))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # The gauges of a process that has just exited.
        return 0


class Instruments:
    """The metrics of an application: of this process or, under gunicorn, of all workers."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        shared = "PROMETHEUS_MULTIPROC_DIR" in os.environ
        own: dict[str, Any] = {"registry": None if shared else self._registry}
        live: dict[str, Any] = {**own, "multiprocess_mode": "livesum"}
        if shared:
            _Collector(self._registry)
        self._requests = Histogram(
            "http_request_duration_seconds",
            "Time from the arrival of a request in the application until its response is ready to send.",
            ["method", "route", "status"],
            buckets=REQUEST_BUCKETS,
            **own,
        )
        self._statements = Histogram(
            "database_statement_duration_seconds",
            "Duration of a statement, including retries and the wait for a connection.",
            ["outcome"],
            buckets=STATEMENT_BUCKETS,
            **own,
        )
        self._rejected = Counter("rejected_tokens", "Rejected tokens.", ["reason"], **own)
        self._max = Gauge("database_pool_connections_max", "Maximum number of connections.", **live)
        self._open = Gauge("database_pool_connections_open", "Open connections.", **live)
        self._in_use = Gauge("database_pool_connections_in_use", "Connections in use.", **live)

    def exposition(self) -> bytes:
        """Return all metrics in the text format of Prometheus, version 0.0.4."""
        return generate_latest(self._registry)

    def watch(self, app: Flask, engine: Engine, size: int) -> None:
        """Count the requests, the rejected tokens, the statements and the connections of an application.

        Args:
            app: the application.
            engine: its engine.
            size: the maximum number of connections in the pool of the engine.
        """
        observe(app, self._count_request)
        statement_executed.connect(self._count_statement, sender=engine)
        token_rejected.connect(self._count_rejected_token, sender=app)
        self._max.set(size)
        event.listen(engine, "connect", lambda *_: self._open.inc())
        event.listen(engine, "close", lambda *_: self._open.dec())
        event.listen(engine, "checkout", self._count_checkout)
        event.listen(engine, "checkin", self._count_checkin)

    def _count_request(self, stats: RequestStats, _response: Response) -> None:
        self._requests.labels(stats.method, stats.route, str(stats.status)).observe(stats.seconds)

    def _count_statement(self, _engine: Engine, *, seconds: float, outcome: str) -> None:
        self._statements.labels(outcome).observe(seconds)

    def _count_rejected_token(self, _app: Flask, *, reason: str) -> None:
        self._rejected.labels(reason).inc()

    def _count_checkout(self, _connection: Any, record: Any, _proxy: Any) -> None:
        record.record_info["counted"] = True
        self._in_use.inc()

    def _count_checkin(self, _connection: Any, record: Any) -> None:
        # A connection that could not be opened is checked in as well, without a checkout.
        if record.record_info.pop("counted", False):
            self._in_use.dec()
