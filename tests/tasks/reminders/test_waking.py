"""A write that leaves a task with a pending reminder says so to the process that reminds."""

import pytest

from taskapp.tasks.webhooks.signals import delivery_due
from tests.support.in_process import LocalUser
from tests.support.reminding import DUE, FUTURE, HALF_AN_HOUR

OF_SERIES = {**DUE, "recurrence": {"rule": "FREQ=DAILY"}, "reminder": HALF_AN_HOUR}


@pytest.fixture
def sent():
    """How often the signal was sent."""
    received = []

    def receive(sender):
        received.append(sender)

    with delivery_due.connected_to(receive):
        yield received


@pytest.fixture
def user(app, secret):
    return LocalUser(app, secret)


def create(user, **fields):
    return user.send("POST", json={"title": "t", **fields}).json["data"]


def test_each_write_that_leaves_a_pending_reminder_wakes(user, sent):
    task = create(user, reminder=FUTURE)
    assert len(sent) == 1
    path = f"/{task['id']}"
    with_reminder = {"reminder": HALF_AN_HOUR, **DUE}
    for number, (method, at, body) in enumerate(
        [
            ("PUT", path, with_reminder),
            ("PATCH", path, {"due_date": "2034-01-01"}),  # It may be earlier than the process expects.
            ("POST", "/bulk", {"operations": [{"op": "update", "id": task["id"], "reminder": FUTURE}]}),
            ("POST", "/bulk", {"operations": [{"op": "create", "title": "t", "reminder": FUTURE}]}),
            ("POST", "/import", {"title": "t", "reminder": FUTURE}),
        ],
        2,
    ):
        options = {"content_type": "application/x-ndjson"} if at == "/import" else {}
        assert user.send(method, at, json=body, **options).status_code in (200, 201)
        assert len(sent) == number
    user.send("DELETE", path)
    sent.clear()
    assert user.send("POST", f"{path}/restore").status_code == 200
    assert len(sent) == 1
    number = user.send("PATCH", path, json={"reminder": None}).headers["Change"]
    assert len(sent) == 1
    assert user.send("POST", f"/{number}/undo", resource="changes").status_code == 200
    assert len(sent) == 2


def test_next_occurrence_wakes(user, sent):
    task = create(user, **OF_SERIES)
    user.send("PATCH", f"/{task['id']}/complete")
    assert len(sent) == 2


def test_other_writes_do_not_wake(user, sent):
    task = create(user)
    for body in ({"title": "new"}, DUE, {"due_date": None}, {"completed": True}, {"reminder": FUTURE}):
        assert user.send("PUT", f"/{task['id']}", json=body).status_code == 200
    user.send("POST", "/bulk", json={"operations": [{"op": "update", "id": task["id"], "priority": "low"}]})
    user.send("POST", "/bulk?dry_run=true", json={"operations": [{"op": "create", "title": "t", "reminder": FUTURE}]})
    user.send("GET")
    user.send("PATCH", f"/{task['id']}", json={"completed": False, "reminder": None})
    user.send("DELETE", f"/{task['id']}")
    assert sent == []
