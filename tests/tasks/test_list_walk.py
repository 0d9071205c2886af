"""10,000 tasks of all kinds, created over HTTP, are walked in every order with every filter, as a client does it."""

import http.client
import json
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from taskapp.tasks.orders import SORTS
from tests.support.list_model import in_order, is_refused, matching

pytestmark = pytest.mark.slow

TASKS, CLIENTS = 10_000, 8
WORDS = ["milk", "Milk", "rent", "Äpfel", "🙂 party", "100%", "a_b", "zebra"]
ZONES = ["Europe/Berlin", "America/Los_Angeles", "Asia/Kathmandu", "Pacific/Kiritimati", "Australia/Lord_Howe"]
TAGS = ["home", "Home", "errand", "work", "é", "a b"]
TODAY = datetime.now(UTC).date()


def make_task(chance):
    """A new task of any kind. Days are two days from now or more, so that none ends while the test runs."""
    task = {"title": f"{chance.choice(WORDS)} {chance.randrange(300)}"}
    if chance.random() < 0.3:
        task["description"] = chance.choice(WORDS)
    if chance.random() < 0.7:
        days = chance.randrange(2, 40) * chance.choice((-1, 1))
        task["due_date"] = str(TODAY + timedelta(days=days))
        if chance.random() < 0.5:
            task["time_zone"] = chance.choice(ZONES)
            if chance.random() < 0.7:
                task["due_time"] = chance.choice(["00:00", "09:00", "17:30", "23:59"])
    if chance.random() < 0.6:
        task["priority"] = chance.choice(["low", "medium", "high", "urgent"])
    if chance.random() < 0.6:
        task["tags"] = chance.sample(TAGS, chance.randrange(1, 4))
    return {**task, "completed": chance.random() < 0.4}


class PlainClient:
    """A client without the checks of the others, which would take most of the time."""

    def __init__(self, client, port):
        self._path, self._headers = client.tasks, {"Authorization": f"Bearer {client.token}"}
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._connection.close()

    def send(self, method, path="", body=None):
        headers = {**self._headers, **({"Content-Type": "application/json"} if body is not None else {})}
        self._connection.request(method, self._path + path, body and json.dumps(body), headers)
        response = self._connection.getresponse()
        return response.status, json.loads(response.read())

    def create(self, seed, count):
        """Create tasks, and complete or reopen some of them later. Return them as they are at last."""
        chance, tasks = random.Random(seed), []
        for _ in range(count):
            status, body = self.send("POST", "", make_task(chance))
            assert status == 201, body
            if chance.random() < 0.2:
                status, body = self.send("PATCH", f"/{body['data']['id']}/complete")
                assert status == 200, body
            tasks.append(body["data"])
        return tasks

    def walk(self, query):
        """Return all pages of a list."""
        pages, cursor = [], {}
        while cursor is not None:
            status, page = self.send("GET", "?" + urlencode({**query, **cursor}))
            assert status == 200, page
            pages.append(page)
            following = page["pagination"]["next_cursor"]
            cursor = following and {"cursor": following}
        return pages


def middle(tasks, name):
    """A time in the middle of those of tasks."""
    times = sorted(task[name] for task in tasks if task[name])
    return times[len(times) // 2]


def filters(tasks):
    """Every filter by itself, and some together."""
    near, far = str(TODAY + timedelta(days=-9)), str(TODAY + timedelta(days=9))
    times = {name: middle(tasks, f"{name}_at") for name in ("created", "updated", "completed")}
    return [
        *({"status": status} for status in ("all", "pending", "completed")),
        *({"q": q} for q in ("milk", "ÄPFEL", "nothing has this")),
        *({"due": due} for due in ("any", "none")),
        *({"due_from": near}, {"due_before": near}, {"due_from": near, "due_before": far}),
        *({"overdue": "true", "time_zone": zone} for zone in ("Etc/GMT+12", "Pacific/Kiritimati")),
        *({"priority": words} for words in ("high", "none", "urgent,none")),
        *({f"tags_{kind}": tags} for kind in ("all", "any", "none") for tags in ("home", "home,errand")),
        *({"tagged": value} for value in ("true", "false")),
        *({f"{name}_{end}": time} for name, time in times.items() for end in ("from", "before")),
        {"status": "pending", "due_before": far, "priority": "urgent,high", "tags_none": "work", "q": "e"},
        {"status": "completed", "completed_from": times["completed"], "created_before": times["created"]},
        {"overdue": "true", "time_zone": "Asia/Tokyo", "tags_any": "é,a b", "tags_none": "Home", "due_from": near},
    ]


def create_all(client, port):
    """Create all tasks on some connections at once, and return them."""

    def create(seed):
        with PlainClient(client, port) as plain:
            return plain.create(seed, TASKS // CLIENTS)

    with ThreadPoolExecutor(CLIENTS) as pool:
        return [task for part in pool.map(create, range(CLIENTS)) for task in part]


def test_every_sort_with_every_filter_is_what_python_sorts(start_server):
    server = start_server()
    client = server.client()
    tasks = create_all(client, server.port)
    found = [{task["id"] for task in matching(tasks, chosen)} for chosen in filters(tasks)]
    walked = 0
    with PlainClient(client, server.port) as plain:
        for sort in SORTS:
            by_completion = "completed_at" in sort
            ordered = in_order([task for task in tasks if task["completed"] or not by_completion], sort)
            for chosen, ids in zip(filters(tasks), found, strict=True):
                query = {**({"status": "completed"} if by_completion else {}), **chosen, "sort": sort}
                if is_refused(query):
                    assert plain.send("GET", f"?{urlencode(query)}")[0] == 422
                    continue
                walked += 1
                pages = plain.walk({**query, "fields": "id", "limit": 997, "count": "true"})
                listed = [task["id"] for task in ordered if task["id"] in ids]
                assert [task["id"] for page in pages for task in page["data"]] == listed, query
                assert {page["pagination"]["total"] for page in pages} == {len(listed)}, query
        assert walked > 400
        assert [task for page in plain.walk({"sort": "due"}) for task in page["data"]] == in_order(tasks, "due")
