"""Sends requests again if that is safe. For the generated client, and for everything else that uses httpx."""

import random
import time

import httpx

READS = {"GET", "HEAD"}
TRIES = 6
LONGEST_WAIT = 60


class RetryTransport(httpx.BaseTransport):
    """A transport that repeats what failed.

    A response with ``Retry-After`` is repeated after so many seconds, such as a 429, a 503, or a 409 while the first
    request with the same key is in progress. A request without a response is repeated after longer and longer waits. A
    write may have been made in both cases, so it is repeated only if it has an ``Idempotency-Key``.

    Args:
        transport: what sends the requests.
    """

    def __init__(self, transport: httpx.BaseTransport | None = None) -> None:
        self._transport = transport or httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, up to six times.

        Raises:
            httpx.TransportError: there was no response to a request that must not be repeated, or to the last try.
        """
        repeatable = request.method in READS or "Idempotency-Key" in request.headers
        for attempt in range(1, TRIES if repeatable else 1):
            try:
                response = self._transport.handle_request(request)
            except httpx.TransportError:
                time.sleep(0.5 * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))
                continue
            seconds = response.headers.get("Retry-After", "")
            if not seconds.isdigit() or int(seconds) > LONGEST_WAIT:
                return response
            response.close()
            time.sleep(int(seconds) + random.uniform(0, 0.5))
        return self._transport.handle_request(request)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()
