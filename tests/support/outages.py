"""What clients may see of an outage of the database, and what they may not."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.support.client import Client, make_token
from tests.support.processes import restart, run_sql, seconds_until, timed

WRITERS = 6
# What a busy machine adds to a deadline.
TOLERANCE = 0.5


def assert_unavailable(answer, seconds, *, within):
    """It is the 503 of the contract, and it came in time."""
    assert (answer.status, answer.error["code"]) == (503, "DATABASE_ERROR")
    assert int(answer.headers["Retry-After"]) >= 1
    assert seconds < within


def assert_restart_loses_nothing(database, stop, user, port, secret, *, deadline, recovery):
    """While users write PostgreSQL is stopped with a signal and started again; what was acknowledged is there."""
    stopping = threading.Event()
    acknowledged, answers = [], []

    def write(number):
        client = Client(port, token=make_token(secret, user_id="user"), user_id="user")
        while not stopping.is_set():
            title = f"{stop.name} {number} {len(answers)}"
            answer, seconds = timed(partial(client.post, json={"title": title}))
            answers.append((answer.status, seconds))
            if answer.status == 201:
                acknowledged.append(title)
        client.close()

    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(write, number) for number in range(WRITERS)]
        try:
            time.sleep(0.5)
            restart(database, stop, away=0.5)
            assert seconds_until(lambda: user.get("?limit=1").status == 200) < recovery
            time.sleep(0.5)
        finally:
            stopping.set()
    for writer in writers:
        writer.result()
    assert {status for status, _ in answers} <= {201, 503}
    assert max(seconds for _, seconds in answers) < deadline + TOLERANCE
    stored = {title for (title,) in run_sql(database.url, "SELECT title FROM tasks WHERE user_id = 'user'")}
    assert set(acknowledged) <= stored
