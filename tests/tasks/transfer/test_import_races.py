"""Imports that race with each other and with other writes of the same tasks, over a real server."""

import random
import secrets
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.change_log import assert_whole, writes_in
from tests.support.importing import NDJSON, ndjson
from tests.tasks.test_tag_races import deadlocks

pytestmark = pytest.mark.slow

ROUNDS, CLIENTS, LINES = 10, 4, 300
IMPORTS, TASKS = 300, 12


@pytest.fixture(scope="module")
def server(start_module_server):
    """A server with a worker for each of a user's clients: within one, only one costly request is in progress."""
    server = start_module_server(WORKERS=CLIENTS)
    server.wait_for_workers()
    return server


def send(client, *tasks, query=""):
    """Import tasks until the user has no other costly request in progress in this worker."""
    file, headers = ndjson(*tasks), {"Content-Type": NDJSON}
    while (response := client.post(f"/import{query}", body=file, headers=headers)).status == 429:
        client.close()  # The next connection may be one of another worker.
    assert response.status == 200, response.body
    return response.data


@pytest.mark.parametrize("with_uid", [True, False], ids=["uids", "no uids"])
def test_of_the_same_file_at_once_each_task_is_created_once(server, database_url, with_uid):
    user_id = f"user-{secrets.token_hex(6)}"
    clients = [server.client(user_id) for _ in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as threads:
        for number in range(ROUNDS):
            start = threading.Barrier(CLIENTS)
            lines = [{"title": f"{number} {each % 100}"} for each in range(LINES)]  # Some are equal.
            if with_uid:
                lines = [{**line, "uid": str(uuid.uuid4())} for line in lines]

            def send_at_once(client, start=start, lines=lines):
                start.wait()
                return send(client, *random.sample(lines, LINES) if with_uid else lines)

            imported = list(threads.map(send_at_once, clients))
            assert Counter(each["created"] for each in imported) == {LINES: 1, 0: CLIENTS - 1}
            assert Counter(each["unchanged"] for each in imported) == {LINES: CLIENTS - 1, 0: 1}
            ids = [frozenset(line["id"] for line in each["lines"]) for each in imported]
            assert (len(set(ids)), len(ids[0])) == (1, LINES)
    log = assert_whole(database_url, user_id)
    assert [(entry["before"], entry["operation"] % LINES) for entry in log] == [(None, 1)] * (ROUNDS * LINES)


class Race:
    """Clients of a user who all write the same tasks. Imports, bulk and undo set the description of all at once.

    One more task comes and goes: each import has it, and single deletions and undo take it away.
    """

    def __init__(self, server):
        self.user_id = f"user-{secrets.token_hex(6)}"
        self._new_client = lambda: server.client(self.user_id)
        self._client, self._stop = self._new_client(), threading.Event()
        tasks = [self._client.create(description="0") for _ in range(TASKS)]
        self.ids, self._uids = [task["id"] for task in tasks], [task["uid"] for task in tasks]
        self._uids.append(str(uuid.uuid4()))
        self.imports, self.statuses = [], Counter()
        self._import(self._client, random.Random(0))

    def run(self):
        """Run all writers until two of them have made their imports, while a reader looks."""
        others = [self._write_one, self._write_matching, self._undo, self._delete_coming, self._read]
        with ThreadPoolExecutor(len(others) + 2) as threads:
            running = [threads.submit(self._repeat, act, self._new_client()) for act in others]
            try:
                for writer in [threads.submit(self._import_all, self._new_client(), each) for each in range(2)]:
                    writer.result()
            finally:
                self._stop.set()
            for each in running:
                each.result()

    def _repeat(self, act, client):
        choice = random.Random(act.__name__)
        while not self._stop.is_set():
            status = act(client, choice)
            self.statuses[act.__name__, status] += 1
            assert status < 500

    def _import_all(self, client, number):
        choice = random.Random(number)
        for _ in range(IMPORTS // 2):
            self._import(client, choice)
            if choice.random() < 0.2:
                time.sleep(0.05)  # So that some can be undone.

    def _import(self, client, choice):
        text, uids = secrets.token_hex(4), choice.sample(self._uids, TASKS + 1)
        lines = [{"uid": uid, "title": "t", "description": text} for uid in uids]
        imported = send(client, *lines, query="?existing=update")
        assert imported["updated"] + imported["created"] == TASKS + 1
        assert imported["created"] <= 1
        self._coming = imported["lines"][uids.index(self._uids[-1])]["id"]
        self.imports.append(imported["change"])

    def _write_one(self, client, choice):
        path = f"/{choice.choice(self.ids)}"
        return client.put(path, json={"title": secrets.token_hex(4), "completed": choice.random() < 0.5}).status

    def _write_matching(self, client, _):
        change = {
            "op": "update",
            "description": secrets.token_hex(4),
            "filter": {"status": "all"},
            "max_affected": 1000,
        }
        return client.post("/bulk", json=change).status

    def _undo(self, client, _):
        return client.undo(self.imports[-1]).status

    def _delete_coming(self, client, choice):
        time.sleep(choice.random() / 10)
        return client.delete(f"/{self._coming}").status

    def _read(self, client, _):
        response = client.get("?status=all&limit=1000")
        texts = [task["description"] for task in response.data]
        assert len(texts) in (TASKS, TASKS + 1)
        assert len(set(texts)) == 1, "A part of a write is seen"
        return response.status


def test_imports_that_update_race_with_all_other_writes(server, database_url):
    before, race = deadlocks(database_url), Race(server)
    race.run()
    writes = writes_in(assert_whole(database_url, race.user_id))
    assert len(set(race.imports)) == IMPORTS + 1
    assert {writes[number] for number in race.imports} == {TASKS + 1}
    for act in ("_write_one", "_write_matching", "_undo", "_delete_coming", "_read"):
        assert race.statuses[act, 200], race.statuses
    assert "Traceback" not in server.log.read_text()
    time.sleep(1)  # Statistics are late.
    assert deadlocks(database_url) == before
