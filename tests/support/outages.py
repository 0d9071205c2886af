"""What clients may notice of an outage of the database."""

import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.support.postgres import restart, run_sql
from tests.support.waiting import seconds_until, timed

WRITERS = 6
# What a busy machine adds to a deadline.
TOLERANCE = 0.5


def assert_unavailable(response, seconds, *, within):
    """The response is the 503 of the contract, in time."""
    assert (response.status, response.error["code"]) == (503, "DATABASE_ERROR")
    assert int(response.headers["Retry-After"]) >= 1
    assert seconds < within


def assert_restart_loses_nothing(database, stop, user, service, *, deadline, recovery):
    """While users write, stop PostgreSQL by a signal and start it again: every acknowledged write is there."""
    stopping = threading.Event()
    acknowledged, responses = [], []
    run = secrets.token_hex(4)  # So that no task of an earlier run counts.

    def write(number):
        with service.client(f"user-{number}") as client:  # One user has a quarter of the threads.
            while not stopping.is_set():
                title = f"{run} {number} {len(responses)}"
                response, seconds = timed(partial(client.post, json={"title": title}))
                responses.append((response.status, seconds))
                if response.status == 201:
                    acknowledged.append(title)

    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(write, number) for number in range(WRITERS)]
        try:
            time.sleep(0.5)
            restart(database, stop, down=0.5)
            assert seconds_until(lambda: user.get("?limit=1").status == 200) < recovery
            time.sleep(0.5)
        finally:
            stopping.set()
    for writer in writers:
        writer.result()
    assert {status for status, _ in responses} <= {201, 503}
    assert max(seconds for _, seconds in responses) < deadline + TOLERANCE
    stored = {title for (title,) in run_sql(database.url, "SELECT title FROM tasks")}
    assert set(acknowledged) <= stored
