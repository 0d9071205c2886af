"""Each operation on tasks is one message to the database."""

import secrets

import pytest

from tests.support.calendars import calendars_of, fetch, subscribe
from tests.support.importing import ndjson
from tests.support.proxy import MessageProxy
from tests.support.recurring import complete, following, path_of, recurs
from tests.support.urls import at_port
from tests.support.webhooks import add, change, get, replay, rotate, webhooks_of


@pytest.fixture(scope="module")
def proxy(database_endpoint):
    with MessageProxy(database_endpoint.socket) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def single_server(proxy, database_url, start_module_server):
    """A server with one worker and one thread, and so one connection, behind the proxy."""
    url = at_port(proxy.port, database_url, sslmode="disable")
    return start_module_server(DATABASE_URL=url, WORKERS=1, THREADS=1)


@pytest.fixture
def user(proxy, single_server):
    client = single_server.client()
    client.post(json={"title": "x"}, headers={"Idempotency-Key": "makes-the-connection-and-purges"})
    proxy.wait_until_quiet()
    return client


def imports(user, key):
    """Imports that create, update and skip a task, that write nothing, and that are refused."""
    line = {"uid": "0b9e6f0e-6c0e-4b57-9d0a-6a4d1c0e8f11", "title": "x", **recurs()}

    def send(title, query="", **headers):
        headers = {"Content-Type": "application/x-ndjson", **headers}
        return user.post(f"/import{query}", body=ndjson({**line, "title": title}).encode(), headers=headers)

    return {
        "import": lambda: send("x"),
        "import what is there": lambda: send("x"),
        "import what differs": lambda: send("y"),
        "import an update with a key": lambda: send("y", "?existing=update", **{"Idempotency-Key": f"{key}-5"}),
        "import what is refused": lambda: send("z", "?existing=refuse"),
        "try an import": lambda: send("z", "?existing=update&dry_run=true"),
    }


def each_operation(user):
    """Every operation on tasks, in an order in which each finds its task."""
    task = user.create(tags=["a"])
    path, tags, key, numbers = f"/{task['id']}", user.tags, secrets.token_hex(), []
    paths, calendars, webhooks = [], [], []
    operations = {"operations": [{"op": "create", "title": "x"}, {"op": "update", "id": task["id"], "title": "y"}]}
    missing, matching = {"op": "delete", "id": 2**40}, {"filter": {"status": "all"}, "op": "update", "title": "z"}
    earlier = {"If-Match": f'"{task["version"]}"', "Prefer": "merge=disjoint"}
    return {
        "list": lambda: user.get(),
        "list pending": lambda: user.get("?status=pending&limit=5"),
        "list with filters": lambda: user.get(
            "?overdue=true&time_zone=Asia/Tokyo&priority=high,none&tags_all=a&tags_none=b&q=x&created_from=2026-01-01T00:00:00Z"
            "&sort=-priority&fields=title&count=true&limit=5"
        ),
        "export as NDJSON": lambda: user.get("?count=true&as_of=now", headers={"Accept": "application/x-ndjson"}),
        "export as CSV": lambda: user.get("?sort=id&bom=true", headers={"Accept": "text/csv"}),
        "count of nothing": lambda: user.get("?count=true&tags_any=nobody"),
        "list as of now": lambda: user.get("?as_of=now&limit=5"),
        "list nothing as of now": lambda: user.get("?as_of=now&tags_any=nobody&count=true"),
        "list as of a number": lambda: user.get("?as_of=1&status=pending&count=true&sort=id&limit=5"),
        "list as of a time": lambda: user.get(f"?as_of={task['created_at']}"),
        "list as of what is not known": lambda: user.get("?as_of=9007199254740991"),
        "changes": lambda: user.request("GET", f"/api/{user.user_id}/changes?after=0"),
        "changes that are not known": lambda: user.request("GET", f"/api/{user.user_id}/changes?after=99"),
        "create": lambda: user.post(json={"title": "x", "description": "y"}),
        "get": lambda: user.get(path),
        "put what was read": lambda: user.put(path, json={**task, "title": "x"}),
        "put": lambda: user.put(path, json={"title": "x"}),
        "merge": lambda: user.put(path, json={"priority": "high"}, headers=earlier),
        "merge with a key": lambda: user.put(
            path, json={"tags": ["a"]}, headers={**earlier, "Idempotency-Key": key[1:]}
        ),
        "merge a toggle": lambda: user.patch(path + "/complete", headers=earlier),
        "patch": lambda: user.patch(path, json={"title": "x", "description": None, "completed": True}),
        "complete": lambda: user.patch(path + "/complete", json={"completed": True}),
        "toggle": lambda: user.patch(path + "/complete"),
        "write many": lambda: user.post("/bulk", json=operations),
        "write many with a key": lambda: user.post("/bulk", json=operations, headers={"Idempotency-Key": f"{key}-4"}),
        "try to write many": lambda: user.post("/bulk?dry_run=true", json=operations),
        "write many of which one is not there": lambda: user.post("/bulk", json={"operations": [missing]}),
        "write all that match": lambda: user.post("/bulk", json={**matching, "max_affected": 9}),
        "write all of too many": lambda: user.post("/bulk", json={**matching, "max_affected": 1}),
        **imports(user, key),
        "list tags": lambda: user.request("GET", f"{tags}?limit=5"),
        "rename a tag": lambda: user.request("PATCH", f"{tags}?name=a", json={"name": "b"}),
        "rename a tag with a key": lambda: user.request(
            "PATCH", f"{tags}?name=b", json={"name": "c"}, headers={"Idempotency-Key": key}
        ),
        "remove a tag": lambda: user.request("DELETE", f"{tags}?name=c"),
        "remove a tag that is not there": lambda: user.request("DELETE", f"{tags}?name=c"),
        "count": lambda: user.get("/stats?time_zone=UTC"),
        "count by day": lambda: user.get("/stats?time_zone=UTC&from=2026-11-01&before=2026-12-01"),
        "delete": lambda: user.delete(path),
        "list the trash": lambda: user.request("GET", f"{user.trash}?limit=5"),
        "restore": lambda: numbers.append(user.post(f"{path}/restore").headers["Change"]),
        "restore what is there": lambda: user.post(f"{path}/restore", headers={"Idempotency-Key": f"{key}-1"}),
        "history": lambda: user.get(f"{path}/history?limit=2"),
        "get a write": lambda: user.request("GET", f"{user.changes}/{numbers[0]}"),
        "try an undo": lambda: user.undo(numbers[0], "?dry_run=true"),
        "undo": lambda: numbers.append(user.undo(numbers[0]).headers["Change"]),
        "undo with a key": lambda: user.undo(numbers[1], headers={"Idempotency-Key": f"{key}-2"}),
        "undo what was changed since": lambda: user.undo(numbers[1]),
        "undo what is not there": lambda: user.undo(2**50, headers={"Idempotency-Key": f"{key}-3"}),
        "create a calendar": lambda: paths.append(subscribe(user)),
        "list calendars": lambda: calendars.extend(user.request("GET", calendars_of(user)).data),
        "get a calendar": lambda: user.request("GET", calendars_of(user, f"/{calendars[0]['id']}")),
        "change a calendar": lambda: user.request(
            "PATCH", calendars_of(user, f"/{calendars[0]['id']}"), json={"name": "x", "time_zone": "UTC"}
        ),
        "read a feed": lambda: fetch(user, paths[0]),
        "read a feed that is not there": lambda: fetch(user, f"{paths[0][:-6]}AA.ics"),
        "read a feed of nobody": lambda: fetch(user, "/calendars/x.ics"),
        "delete a calendar": lambda: user.request("DELETE", calendars_of(user, f"/{calendars[0]['id']}")),
        "create a webhook": lambda: webhooks.append(add(user)),
        "list webhooks": lambda: user.request("GET", webhooks_of(user)),
        "get a webhook": lambda: get(user, webhooks[0]),
        "change a webhook": lambda: change(user, webhooks[0], url="https://other.example.com/", enabled=False),
        "rotate a secret": lambda: rotate(user, webhooks[0]),
        "replay": lambda: replay(user, webhooks[0], 0),
        "replay beyond the newest": lambda: replay(user, webhooks[0], 2**50),
        "delete a webhook": lambda: user.request("DELETE", webhooks_of(user, f"/{webhooks[0]['id']}")),
        "replay to what is not there": lambda: replay(user, webhooks[0], 0),
        "delete again": lambda: user.delete(path),
        "erase": lambda: user.request("DELETE", f"/api/{user.user_id}?confirm={user.user_id}"),
        "erase nothing": lambda: user.request("DELETE", f"/api/{user.user_id}?confirm={user.user_id}"),
        "get what is not there": lambda: user.get(path),
        "put what is not there": lambda: user.put(path, json={"title": "x"}),
        "delete what is not there": lambda: user.delete(path),
    }


def each_completion(user):
    """Every operation that completes or reopens a task that recurs, or may make a task recur."""
    task = user.create(**recurs())
    path, due = path_of(task), {"due_date": "2020-01-01", "time_zone": "UTC"}
    from_completion = {"recurrence": {"rule": "FREQ=DAILY", "from": "completion"}, **due}
    last = {"recurrence": {"rule": "FREQ=DAILY;COUNT=2"}, **due}
    return {
        "complete": lambda: complete(user, task),
        "reopen": lambda: complete(user, task, completed=False),
        "toggle with a key": lambda: user.patch(f"{path}/complete", headers={"Idempotency-Key": secrets.token_hex()}),
        "complete what is completed": lambda: complete(user, task),
        "toggle": lambda: user.patch(f"{path}/complete"),
        "complete with a new rule": lambda: user.put(path, json={"completed": False, **from_completion}),
        "complete from completion": lambda: user.put(path, json={"completed": True}),
        "reopen the last": lambda: user.put(path, json={"completed": False, **last}),
        "complete the last": lambda: user.put(path, json={"completed": True}),
        "end": lambda: user.put(path, json={"recurrence": None}),
        "create": lambda: user.create(**recurs()),
    }


def assert_each_operation_is_one_message(proxy, user):
    # The first key of a process starts the purge of old ones, which is a message of its own.
    user.post(json={"title": "x"}, headers={"Idempotency-Key": secrets.token_hex()})
    proxy.wait_until_quiet()
    operations = each_operation(user)
    counted = {name: dict(proxy.during(operation)) for name, operation in operations.items()}
    assert counted == {name: {"Q": 1} for name in operations}


def test_each_operation_is_one_message(proxy, user):
    assert_each_operation_is_one_message(proxy, user)


def assert_messages(proxy, operations, count):
    for name, operation in operations.items():
        sent = []
        counted = proxy.during(lambda o=operation, s=sent: s.append(o()))
        assert (name, dict(counted)) == (name, {"Q": count})


def test_completion_of_a_task_that_recurs_is_one_message(proxy, user):
    assert_messages(proxy, each_completion(user), 1)


def test_completion_takes_three_messages_if_the_stored_days_are_used_up(proxy, user):
    """It reads the task, computes the days, and is sent again. The next 30 completions are one message each."""
    task = user.create(**recurs("FREQ=DAILY"))
    counts = []
    for _ in range(65):
        made = []
        counted = proxy.during(lambda m=made, t=task: m.append(complete(user, t)))
        task = following(made[0])
        counts.append(counted["Q"])
    assert counts == [*[1] * 31, 3, *[1] * 30, 3, 1, 1]
    late = user.create(**recurs("FREQ=DAILY", "2020-01-01"))
    key = {"Idempotency-Key": secrets.token_hex()}
    assert_messages(proxy, {"late": lambda: complete(user, late, headers=key)}, 3)
    assert_messages(proxy, {"replayed": lambda: complete(user, late, headers=key)}, 1)


def test_completion_without_a_task_is_two_messages(proxy, user):
    """The second one looks whether the days of a task are used up."""
    assert_messages(proxy, {"missing": lambda: user.patch("/1/complete")}, 2)


def test_conflict_takes_a_second_message(proxy, user):
    """With one version in the condition or several, and with the preference to merge."""
    task = user.create()
    path = f"/{task['id']}"
    user.put(path, json={"title": "y"})
    version = f'"{task["version"]}"'
    for headers in (
        {"If-Match": version},
        {"If-Match": f'{version}, "x"'},
        {"If-Match": version, "Prefer": "merge=disjoint"},
    ):
        sent = []
        counted = proxy.during(lambda h=headers, s=sent: s.append(user.put(path, json={"title": "z"}, headers=h)))
        assert (sent[0].status, dict(counted)) == (412, {"Q": 2})


def test_rejected_request_is_no_message(proxy, user):
    operations = [
        lambda: user.get(token=None),
        lambda: user.request("GET", "/api/somebody/tasks"),
        lambda: user.post(json={"title": ""}),
        lambda: user.post(body=b"{", headers={"Content-Type": "application/json"}),
        lambda: user.request("GET", "/health/live"),
        lambda: user.request("GET", "/"),
        lambda: user.request("GET", "/openapi.json"),
    ]
    for operation in operations:
        assert not proxy.during(operation)
