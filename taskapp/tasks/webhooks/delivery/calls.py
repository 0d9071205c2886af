"""One call of a receiver: the signed request, and what came of it."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPException
from socket import gaierror
from typing import NamedTuple

from requests import RequestException, Response
from requests.exceptions import SSLError, Timeout
from requests_hardened.ip_filter import InvalidIPAddress
from standardwebhooks import Webhook as Signer
from urllib3.exceptions import HTTPError

from taskapp.tasks.webhooks.delivery.deadline import CallDeadline
from taskapp.tasks.webhooks.delivery.session import CALL_SECONDS, make_headers, make_session, no_credentials

# What is read of the body of a response, so that a short one is complete before the connection ends.
_BODY_BYTES = 1024
_FAILURES = (RequestException, HTTPError, HTTPException, OSError, ValueError)
# RFC 9110, section 10.2.3, and RFC 6585: those that say when to come back.
_BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class Outcome(NamedTuple):
    """What came of a call.

    Attributes:
        status: the status of the response; None if there was none.
        reason: why it failed: ``status``, ``address``, ``name``, ``tls``, ``timeout`` or ``connection``; None if it did
            not.
        retry_after: the seconds that the receiver asks to wait; zero if it does not.
        seconds: how long it took.
    """

    status: int | None
    reason: str | None
    retry_after: float
    seconds: float


def sign(secrets: Sequence[bytes], message_id: str, at: datetime, body: bytes) -> str:
    """Return the header ``webhook-signature``: one signature for each secret.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme
    """
    return " ".join(Signer(secret).sign(message_id, at, body.decode()) for secret in secrets)


def call(url: str, secrets: Sequence[bytes], message_id: str, body: bytes, *, allow_private: bool) -> Outcome:
    """Send a delivery to its receiver.

    Args:
        url: the URL of the webhook.
        secrets: its secrets; the signatures have this order.
        message_id: the id of the delivery.
        body: its body, JSON in UTF-8.
        allow_private: whether the receiver may be in a private network.
    """
    now = datetime.now(UTC)
    headers = make_headers(message_id, int(now.timestamp()), sign(secrets, message_id, now, body))
    started = time.monotonic()
    with CallDeadline(CALL_SECONDS) as deadline, make_session(allow_private=allow_private) as session:
        try:
            with session.post(url, data=body, headers=headers, auth=no_credentials, stream=True) as response:
                deadline.check()  # The end of a connection also ends its headers, complete or not.
                _read_start(response)
                return _outcome_of(response, time.monotonic() - started)
        except _FAILURES as error:
            reason = "timeout" if deadline.passed else _reason_of(error)
            return Outcome(None, reason, 0, time.monotonic() - started)


def _read_start(response: Response) -> None:
    """Read the beginning of a body, still compressed, and ignore whatever is wrong with it. The status counts."""
    try:
        response.raw.read(_BODY_BYTES, decode_content=False)
    except _FAILURES:
        return


def _outcome_of(response: Response, seconds: float) -> Outcome:
    status = response.status_code
    wait = _seconds_of(response.headers.get("Retry-After", "")) if status in _BUSY else 0
    is_success = HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
    return Outcome(status, None if is_success else "status", wait, seconds)


def _seconds_of(retry_after: str) -> float:
    """Return the seconds that a header ``Retry-After`` means, which has seconds or a date; zero if it has neither."""
    if retry_after.isascii() and retry_after.isdecimal():
        return float(retry_after[:10])
    try:
        date = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):  # The second one if a part of the date has too many digits.
        return 0
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _reason_of(error: Exception) -> str:
    if isinstance(error, InvalidIPAddress):
        return "address"
    if isinstance(error.__cause__, gaierror):
        return "name"
    if isinstance(error, SSLError):
        return "tls"
    return "timeout" if isinstance(error, (Timeout, TimeoutError)) else "connection"
