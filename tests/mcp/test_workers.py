"""The command over HTTP with three workers: without state between requests, and all or nothing if they are killed."""

import contextlib
import os
import signal
import threading

import pytest

from tests.support.agent_session import plan_a_week
from tests.support.agents import ERAS, Agent, remote
from tests.support.mcp_server import McpWorkers, locked_tasks, waits_for_the_lock
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

BATCH = {"tasks": [{"title": f"task {number}"} for number in range(50)]}


@pytest.fixture(scope="module")
def workers(settings, tmp_path_factory):
    with McpWorkers(tmp_path_factory.mktemp("mcp") / "log", 3, TASKAPP_TIME_ZONE="Europe/Berlin", **settings) as server:
        yield server


@pytest.mark.parametrize("mode", ERAS)
def test_any_worker_handles_any_call(workers, mode):
    with Agent(remote(workers.address, workers.token(f"many-{mode}")), mode) as agent:
        agent.call_at_once([("add_tasks", {"tasks": [{"title": f"task {number}"}]}) for number in range(200)])
        found = agent.call("find_tasks", limit=100)
        assert (found["total"], len(found["tasks"])) == (200, 100)
        late = agent.call(
            "update_tasks", tasks=[{"id": task["id"], "priority": "high"} for task in found["tasks"][:50]]
        )
        agent.call("undo_change", change=late["change"])
        assert agent.call("find_tasks", priority=["high"])["total"] == 0


@pytest.mark.parametrize("mode", ERAS)
def test_a_session(workers, mode):
    with Agent(remote(workers.address, workers.token(f"session-{mode}")), mode) as agent:
        plan_a_week(agent)


def test_killed_in_a_batch_all_or_nothing(workers, database_url):
    """And the same call again leads to all, once."""
    token = workers.token("killed")

    def add_and_lose():
        with contextlib.suppress(BaseException), Agent(remote(workers.address, token)) as agent:
            agent.call("add_tasks", **BATCH)

    thread = threading.Thread(target=add_and_lose, daemon=True)
    with locked_tasks(database_url):
        thread.start()
        wait_until(lambda: waits_for_the_lock(database_url), "nothing is written")
        killed = workers.workers()
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
    thread.join(60)
    wait_until(lambda: not set(killed) & set(workers.workers()) and workers._is_up(), "no new workers", seconds=120)
    with Agent(remote(workers.address, token)) as agent:
        assert agent.call("find_tasks", limit=1)["total"] in {0, 50}
        agent.call("add_tasks", **BATCH)
        assert agent.call("find_tasks", limit=1)["total"] == 50
