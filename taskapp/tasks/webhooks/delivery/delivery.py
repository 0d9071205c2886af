"""Delivers to one webhook: takes the next changes, calls the receiver, and records the result."""

import logging
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from blinker import Signal
from sqlalchemy import Executable

from taskapp.db.execute import Rows, execute_out_of_turn
from taskapp.tasks.webhooks.delivery import queries
from taskapp.tasks.webhooks.delivery.calls import Outcome, call
from taskapp.tasks.webhooks.delivery.courier import Due
from taskapp.tasks.webhooks.delivery.events import Event, make_event
from taskapp.tasks.webhooks.delivery.schedule import disables, seconds_to_wait
from taskapp.tasks.webhooks.delivery.session import CALL_SECONDS

_logger = logging.getLogger(__name__)

# Sent after each call. The arguments are ``outcome``, which is ``delivered``, ``failed``, ``disabled`` or ``lost``, the
# duration of the call, ``seconds``, and the time since the first change of the delivery, ``latency``.
call_ended = Signal()

_MESSAGES: Mapping[str, str] = MappingProxyType(
    {
        "delivered": "webhook delivered",
        "failed": "webhook failed",
        "disabled": "webhook disabled",
        "lost": "webhook lease lost",
    }
)

# Successive deliveries to one webhook, before others that are due have their turn.
MAXIMUM_DELIVERIES = 20
# At most so many threads use the database at once.
DATABASE_CONNECTIONS = 4
# What must be left of a lease before a call begins: the call, and the time to record its result.
_NECESSARY = CALL_SECONDS + 5


class Options(NamedTuple):
    """What all deliveries of a process share.

    Attributes:
        allow_private: whether receivers may be in private networks.
        prefix: SCRIPT_NAME, which URLs in events begin with.
        log_calls: whether successful calls are logged too.
        stopping: set when the process ends; no further call begins.
        database: limits the connections.
    """

    allow_private: bool
    prefix: str
    log_calls: bool
    stopping: threading.Event
    database: threading.Semaphore


def deliver(due: Due, options: Options) -> bool:
    """Deliver to a webhook what is due, until it has everything, a delivery fails, or others should have their turn.

    If another process was faster, there is nothing to do.

    Args:
        due: the webhook.
        options: see :class:`Options`.

    Returns:
        Whether the webhook has more to receive at once.

    Raises:
        DatabaseUnavailable, psycopg2.Error: as for :func:`taskapp.db.execute.execute`. The lease will run out.
    """
    for _ in range(MAXIMUM_DELIVERIES):
        renewed = _Delivery(due, options).run()
        if renewed is None:
            return False
        due = renewed
    _Delivery(due, options).release()
    return True


class _Delivery:
    """One delivery to a webhook."""

    def __init__(self, due: Due, options: Options) -> None:
        self._lease = due  # Once BEGIN has taken it.
        self._options = options

    def release(self) -> None:
        """Let any process take the webhook."""
        self._execute(queries.RELEASE)

    def run(self) -> Due | None:
        """Try the delivery, and record the result. Return the webhook, with a renewed lease, if more is due at once."""
        started = time.monotonic()
        rows = self._execute(queries.BEGIN)
        if not rows:
            return None
        event = make_event(self._lease.user_id, self._lease.webhook_id, rows, self._options.prefix)
        self._lease = self._lease._replace(due_at=event.due_at)
        if self._options.stopping.is_set():
            self.release()
            return None
        if time.monotonic() + _NECESSARY > started + queries.LEASE_SECONDS:  # Others may be about to take the webhook.
            return None
        result = call(event.url, event.secrets, event.message_id, event.body, allow_private=self._options.allow_private)
        if result.reason is None:
            return self._record_success(event, result)
        self._record_failure(event, result)
        return None

    def _execute(self, statement: Executable, parameters: Mapping[str, Any] = MappingProxyType({})) -> Rows:
        lease = {"webhook_id": self._lease.webhook_id, "lease": self._lease.due_at}
        with self._options.database:
            return execute_out_of_turn(statement, {**lease, **parameters}, user_id=self._lease.user_id)

    def _record_success(self, event: Event, result: Outcome) -> Due | None:
        renew = not self._options.stopping.is_set()
        parameters = {"range_end": event.range_end, "status": result.status, "renew": renew}
        rows = self._execute(queries.RECORD_SUCCESS, parameters)
        self._report("delivered" if rows else "lost", event, result)
        if not rows or not rows[0][1]:
            return None
        return self._lease._replace(due_at=rows[0][0])

    def _record_failure(self, event: Event, result: Outcome) -> None:
        parameters = {
            "range_end": event.range_end,
            "status": result.status,
            "disable": disables(event.attempt, result.status),
            "wait": timedelta(seconds=seconds_to_wait(event.attempt, result.retry_after)),
        }
        rows = self._execute(queries.RECORD_FAILURE, parameters)
        self._report("lost" if not rows else "failed" if rows[0][0] else "disabled", event, result)

    def _report(self, outcome: str, event: Event, result: Outcome) -> None:
        """Log a call, and let metrics count it. The line has neither the URL nor anything that the receiver sent."""
        latency = (datetime.now(UTC).replace(tzinfo=None) - event.since).total_seconds()
        call_ended.send(self, outcome=outcome, seconds=result.seconds, latency=latency)
        if outcome == "delivered" and not self._options.log_calls:
            return
        fields = {
            "user": self._lease.user_id,
            "webhook": self._lease.webhook_id,
            "status": result.status,
            "reason": result.reason,
            "duration_ms": round(result.seconds * 1000, 2),
            "attempt": event.attempt,
        }
        level = logging.WARNING if outcome == "disabled" else logging.INFO
        _logger.log(level, _MESSAGES[outcome], extra=fields)
