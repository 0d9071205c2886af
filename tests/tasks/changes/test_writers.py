"""Many writers and readers of one user at the same time: no change is missed, doubled or out of order."""

import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from taskapp.db import prefix
from tests.support.change_log import assert_whole
from tests.support.in_process import LocalUser

pytestmark = pytest.mark.slow

WRITERS, READERS = 50, 2
SECONDS = float(os.environ.get("WRITERS_SECONDS", "6"))
# Waits that a client should repeat: too many requests of one user, and a turn or a number that others had first.
BUSY = {429, 503}


class Crowd:
    """Writers that do everything to a few tasks of one user, and readers that follow the changes meanwhile.

    Args:
        send: sends a request as the user: method, resource, path, options. Returns status, headers and JSON.
    """

    def __init__(self, send):
        self._send = send
        self._stop = threading.Event()
        self.changes = []
        self.busy = 0

    def run(self):
        """Run for a while, and return what each reader saw."""
        for _ in range(5):
            self._write("POST", "tasks", json={"title": "t", "tags": ["a"]})
        with ThreadPoolExecutor(WRITERS + READERS) as threads:
            readers = [threads.submit(self._read) for _ in range(READERS)]
            writers = [threads.submit(self._write_all, number) for number in range(WRITERS)]
            time.sleep(SECONDS)
            self._stop.set()
            for writer in writers:
                writer.result()
            return [reader.result() for reader in readers]

    def _write(self, method, resource, path="", **options):
        status, headers, _ = self._send(method, resource, path, **options)
        if status in BUSY:
            self.busy += 1
            time.sleep(0.02)
        elif status != 404:
            assert status in {200, 201}, status
            if headers.get("Change"):
                self.changes.append(int(headers["Change"]))

    def _write_all(self, number):
        choice = random.Random(number)
        while not self._stop.is_set():
            status, _, body = self._send("GET", "tasks", "?limit=10&fields=id")
            ids = [task["id"] for task in body["data"]] if status == 200 else []
            path = f"/{choice.choice(ids)}" if ids else "/1"
            kind = choice.choice(["put", "toggle", "create", "delete", "tags", "rename"])
            if kind == "create" or (kind == "delete" and len(ids) < 5):
                self._write("POST", "tasks", json={"title": f"{number}", "tags": ["a", "b"]})
            elif kind == "put":
                self._write("PUT", "tasks", path, json={"title": f"{number}", "due_date": "2026-12-24"})
            elif kind == "tags":
                self._write("PATCH", "tasks", path, json={"add_tags": ["a"], "remove_tags": ["b"]})
            elif kind == "toggle":
                self._write("PATCH", "tasks", f"{path}/complete")
            elif kind == "rename":
                self._write("PATCH", "tags", f"?name={choice.choice('ab')}", json={"name": choice.choice("ab")})
            else:
                self._write("DELETE", "tasks", path)

    def _read(self):
        """Follow the feed to its end, and return the numbers."""
        numbers = []
        while True:
            stopping = self._stop.is_set()
            status, _, body = self._send("GET", "changes", f"?after={numbers[-1] if numbers else 0}&limit=100")
            if status in BUSY:
                time.sleep(0.02)
                continue
            assert status == 200
            numbers += [entry["number"] for entry in body["data"]]
            if stopping and not body["data"]:
                return numbers


def assert_nothing_missed(crowd, seen, url, user_id, **options):
    log = assert_whole(url, user_id, **options)
    for numbers in seen:
        # The last writers may end after a reader's last look, but nothing before that is missing.
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) > len(log) - WRITERS * 10
    assert len(crowd.changes) == len(set(crowd.changes))
    written = {entry["operation"] or entry["number"] for entry in log}
    # A request whose response was a 503 may have written.
    assert set(crowd.changes) <= written


def test_many_writers_of_one_user(start_server, database_url):
    server = start_server(THREADS=16, WORKERS=2, REQUEST_TIMEOUT=10)
    user, local = server.client(), threading.local()

    def send(method, resource, path, **options):
        if not hasattr(local, "client"):
            local.client = server.client(user.user_id)
        response = local.client.request(method, f"/api/{user.user_id}/{resource}{path}", **options)
        return response.status, response.headers, response.json

    crowd = Crowd(send)
    seen = crowd.run()
    assert_nothing_missed(crowd, seen, database_url, user.user_id)
    assert len(crowd.changes) > 20 * SECONDS


def test_without_turns_there_is_still_no_gap(make_app, database_url, secret, monkeypatch):
    """The key of the log decides. Writes that lose are sent again, and so it is only slower."""
    monkeypatch.setattr(prefix, "WRITE", prefix.WRITE.replace("pg_advisory_xact_lock", "num_nonnulls"))
    user = LocalUser(make_app(THREADS=16, REQUEST_TIMEOUT=10), secret)

    def send(method, resource, path, **options):
        response = user.send(method, path, resource=resource, **options)
        return response.status_code, response.headers, response.json

    crowd = Crowd(send)
    seen = crowd.run()
    assert_nothing_missed(crowd, seen, database_url, user.user_id, in_turns=False)
    assert len(crowd.changes) > 5 * SECONDS
