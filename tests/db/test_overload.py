"""More requests than threads: none waits longer than the deadline, including its time in the queue."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.postgres import locked_tasks
from tests.support.servers import own_worker
from tests.support.waiting import timed

pytestmark = [pytest.mark.slow, pytest.mark.alone, own_worker]

TIMEOUT = 2


@pytest.fixture
def service(start_server):
    """A service with a single thread; its log may hold no traceback."""
    service = start_server(REQUEST_TIMEOUT=TIMEOUT, WORKERS=1, THREADS=1)
    yield service
    service.stop()
    assert "Traceback" not in service.log.read_text()


def test_time_in_the_queue_counts(service, database_url):
    def send(_):
        with service.client("queue") as client:
            return timed(lambda: client.get("?limit=1"))

    with ThreadPoolExecutor(6) as pool, locked_tasks(database_url):
        responses = list(pool.map(send, range(6)))
    for response, seconds in responses:
        assert (response.status, response.error["code"]) == (503, "DATABASE_ERROR")
        assert "Retry-After" in response.headers
        assert seconds < TIMEOUT + 0.3  # What a busy machine adds.
    assert send(0)[0].status == 200
