"""The conditions with which parts of writes name the acting user on Citus change nothing that a write does."""

import pytest

from taskapp.db import message
from taskapp.db.one_node import TRUE, keep_on_one_node
from tests.support.in_process import LocalUser

DAILY = {"recurrence": {"rule": "FREQ=DAILY"}, "due_date": "2030-01-01", "time_zone": "UTC"}
LINE = '{"uid": "0b9e6f0e-6c0e-4b57-9d0a-6a4d1c0e8f11", "title": "x"}\n'
# What a response has that differs between two users who do the same.
OWN = {"id", "uid", "user_id", "created_at", "updated_at", "completed_at", "series_id", "task_id", "at", "request_id"}


@pytest.fixture
def sent(monkeypatch):
    """The texts of all statements, which become those for Citus."""
    texts, compile_statement = [], message.compile_statement

    def compile_for_citus(statement):
        compiled = compile_statement(statement)
        texts.append(compiled.text)
        return compiled._replace(text=keep_on_one_node(compiled.text))

    return texts, lambda: monkeypatch.setattr(message, "compile_statement", compile_for_citus)


def without_own(value):
    if isinstance(value, dict):
        return {name: without_own(each) for name, each in value.items() if name not in OWN}
    return [without_own(each) for each in value] if isinstance(value, list) else value


def every_write(user):
    """The responses to writes of each kind, each with a key and again with it."""

    def send(method, path="", resource="tasks", **options):
        key = f"key-{len(responses)}"
        responses.extend(user.send(method, path, key=key, resource=resource, **options) for _ in range(2))
        return responses[-1].json

    responses = []
    task = send("POST", json={"title": "a", "tags": ["x"], **DAILY})["data"]
    path = f"/{task['id']}"
    send("PUT", path, json={"title": "b"})
    send("PATCH", f"{path}/complete", json={"completed": True})
    send("PATCH", f"{path}/complete")
    responses.append(user.send("PATCH", f"{path}/complete"))
    operations = [{"op": "create", "title": "c"}, {"op": "update", "id": task["id"], "completed": False}]
    send("POST", "/bulk", json={"operations": [*operations, {"op": "delete", "id": 2**40}]})
    number = send("POST", "/bulk", json={"operations": operations})["data"]["change"]
    send("POST", f"/{number}/undo", resource="changes")
    send("POST", "/bulk", json={"filter": {"status": "all"}, "op": "update", "completed": True, "max_affected": 9})
    send("POST", "/import", data=LINE, headers={"Content-Type": "application/x-ndjson"})
    send("PATCH", "?name=x", resource="tags", json={"name": "y"})
    send("DELETE", path)
    send("DELETE", path)
    send("POST", f"{path}/restore")
    responses.append(user.send("GET", "?sort=id"))
    responses.append(user.send("GET", "?after=0", resource="changes"))
    responses.append(user.erase())
    return [(each.status_code, without_own(each.json)) for each in responses]


@pytest.mark.slow
def test_writes_do_the_same(app, secret, sent):
    texts, send_for_citus = sent
    plain = every_write(LocalUser(app, secret))
    send_for_citus()
    on_citus = every_write(LocalUser(app, secret))
    assert sum(TRUE in text for text in texts) > 25
    # Of a bulk write with an operation on no task, and of a second deletion.
    failed = [status for status, _ in plain if status >= 400]
    assert failed == [409, 409, 404, 404]
    assert on_citus == plain
