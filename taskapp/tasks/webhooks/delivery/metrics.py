"""The metrics of ``flask webhooks deliver --metrics-port``, which docs/observe.md describes."""

from collections.abc import Iterator
from typing import Any

import click
from flask import Flask
from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from taskapp.db.errors import DatabaseUnavailable
from taskapp.tasks.webhooks.delivery.courier import count_behind
from taskapp.tasks.webhooks.delivery.delivery import call_ended
from taskapp.tasks.webhooks.delivery.loop import looking

_HOST = "127.0.0.1"
# In seconds. A call ends after 10; a delivery may be tried for more than three days.
_CALL_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LATENCY_BUCKETS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 3600, 4 * 3600, 24 * 3600)


class _Behind(Collector):
    """Counts the webhooks with undelivered changes, whichever process delivers to them, at each scrape."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Return the metric without values, so that its registration uses no database."""
        yield self._metric()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return the metric; without values if the database is unavailable."""
        metric = self._metric()
        try:
            with self._app.app_context():
                due, waiting = count_behind()
        except DatabaseUnavailable:
            pass
        else:
            metric.add_metric(["due"], due)
            metric.add_metric(["waiting"], waiting)
        yield metric

    @staticmethod
    def _metric() -> GaugeMetricFamily:
        return GaugeMetricFamily("webhooks_behind", "Enabled webhooks with undelivered changes.", labels=["state"])


class Metrics:
    """The metrics of this process.

    Args:
        app: the application.

    Attributes:
        registry: what has them.
    """

    def __init__(self, app: Flask) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_Behind(app))
        own: dict[str, Any] = {"registry": self.registry}
        self._calls = Counter("webhook_calls", "Calls of receivers.", ["outcome"], **own)
        self._looks = Counter("webhook_looks", "Looks for webhooks that are due.", **own)
        self._seconds = Histogram("webhook_call_duration_seconds", "Duration of calls.", buckets=_CALL_BUCKETS, **own)
        self._latency = Histogram(
            "webhook_latency_seconds",
            "Time from the first change of a delivery until its receiver has accepted it.",
            buckets=_LATENCY_BUCKETS,
            **own,
        )
        call_ended.connect(self._count_call)
        looking.connect(self._count_look)

    def _count_call(self, _sender: object, *, outcome: str, seconds: float, latency: float) -> None:
        self._calls.labels(outcome).inc()
        self._seconds.observe(seconds)
        if outcome == "delivered":
            self._latency.observe(latency)

    def _count_look(self, _sender: object) -> None:
        self._looks.inc()


def serve(app: Flask, port: int) -> None:
    """Serve the metrics of this process on a port of loopback, in a thread.

    Raises:
        ClickException: the port is in use.
    """
    # Signals do not keep what is connected to them.
    app.extensions["webhook_metrics"] = metrics = Metrics(app)
    try:
        start_http_server(port, _HOST, metrics.registry)
    except OSError as error:
        raise click.ClickException(f"Cannot serve metrics on port {port}: {error.strerror}.") from None
