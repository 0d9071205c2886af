"""More requests than there are threads: none waits for longer than the deadline, those in the queue included."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.client import Client, make_token
from tests.support.processes import Gunicorn, connect, timed
from tests.support.servers import own_worker

pytestmark = [pytest.mark.slow, own_worker]

TIMEOUT = 2


@pytest.fixture
def port(settings, tmp_path):
    one = {**settings, "REQUEST_TIMEOUT": TIMEOUT, "WORKERS": 1, "THREADS": 1}
    with Gunicorn(tmp_path / "log", **one) as gunicorn:
        yield gunicorn.port
    assert "Traceback" not in gunicorn.log.read_text()


def test_time_in_the_queue_counts(port, secret, database_url):
    def ask(_):
        client = Client(port, token=make_token(secret, user_id="queue"), user_id="queue")
        try:
            return timed(lambda: client.get("?limit=1"))
        finally:
            client.close()

    with ThreadPoolExecutor(6) as pool:
        holder = connect(database_url)
        holder.autocommit = False
        holder.cursor().execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        answers = list(pool.map(ask, range(6)))
        holder.close()
    for answer, seconds in answers:
        assert (answer.status, answer.error["code"]) == (503, "DATABASE_ERROR")
        assert "Retry-After" in answer.headers
        assert seconds < TIMEOUT + 0.3  # What a busy machine adds.
    assert ask(0)[0].status == 200
