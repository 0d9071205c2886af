"""A worker dies between a write and its response: the retry finds the change, and the feed has it once."""

import os
import signal
import threading
from http.client import HTTPException

import pytest

from tests.support.change_log import assert_whole
from tests.support.ports import listens
from tests.support.postgres import run_sql
from tests.support.recurring import recurs
from tests.support.retries import write
from tests.support.urls import at_port
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

MARK = "written before the worker dies"
WRITES = {
    "create": ("POST", "", {"json": {"title": MARK}}),
    "update": ("PUT", "/{}", {"json": {"title": MARK}}),
    "toggle": ("PATCH", "/{}/complete", {}),
    "delete": ("DELETE", "/{}", {}),
    "complete a task that recurs": ("PATCH", "/{}/complete", {"json": {"completed": True}}),
    "bulk": ("POST", "/bulk", {"json": {"operations": [{"op": "create", "title": MARK}]}}),
}


@pytest.fixture(scope="module")
def server(database, proxy, start_module_server):
    return start_module_server(DATABASE_URL=at_port(proxy.port, database.url), WORKERS=1)


@pytest.mark.parametrize("name", WRITES)
def test_retry_finds_the_change_of_a_worker_that_was_killed(server, database, proxy, name):
    with server.client() as user:
        task = user.create(**(recurs() if "recurs" in name else {}))
        # The statement with these bytes reaches PostgreSQL. Its response does not return.
        key = f"key-{name.replace(' ', '-')}"
        proxy.black_hole(after=key.encode())

        def send():
            with pytest.raises((OSError, HTTPException)):
                write(user, WRITES[name], task["id"], key)

        request = threading.Thread(target=send)
        request.start()
        # The next occurrence is a change of its own.
        number = 3 if "recurs" in name else 2
        count = "SELECT count(*) FROM changes WHERE user_id = %s"
        wait_until(lambda: run_sql(database.url, count, [user.user_id]) == [(number,)], "nothing is written")
        os.kill(server.workers()[0], signal.SIGKILL)
        request.join()
        proxy.restore()
        user.close()
        wait_until(lambda: listens(server.port), "there is no new worker")
        again = write(user, WRITES[name], task["id"], key)
        assert (again.headers["Idempotency-Replayed"], again.headers["Change"]) == ("true", "2")
        log = assert_whole(database.url, user.user_id)
        assert len(log) == number
        assert ("next" in again.json) == ("recurs" in name)
        entries = user.request("GET", f"/api/{user.user_id}/changes?after=1").data
        assert [entry["number"] for entry in entries] == [2, 3][: number - 1]
