"""Every way to write a task keeps the instant of its reminder right, and makes a reminder that moves pending again."""

import orjson
import pytest

from taskapp.tasks.reminders import service
from tests.support.change_log import assert_whole
from tests.support.reminding import DUE, FUTURE, HALF_AN_HOUR, HALF_PAST_FOUR, PAST, remind_at

pytestmark = pytest.mark.slow

NDJSON = {"Content-Type": "application/x-ndjson"}
TASK = {"title": "t", **DUE, "reminder": HALF_AN_HOUR}


def send(kind, client, task, changes):
    """Change a task in one of the ways, and return it."""
    path = f"/{task['id']}"
    if kind in ("put", "patch"):
        assert getattr(client, kind)(path, json=changes).status == 200
    elif kind == "keyed":
        key = {"Idempotency-Key": f"{task['version']}"}
        written, replayed = (client.put(path, json=changes, headers=key) for _ in range(2))
        assert (written.status, replayed.data) == (200, written.data)
    elif kind == "merged":
        client.patch(path, json={"description": "others"})
        tag = {"If-Match": f'"{task["version"]}"', "Prefer": "merge=disjoint"}
        response = client.patch(path, json=changes, headers=tag)
        assert (response.status, response.data["description"]) == (200, "others")
    elif kind == "bulk":
        operation = {"op": "update", "id": task["id"], **changes}
        assert client.post("/bulk", json={"operations": [operation]}).status == 200
    elif kind == "filter":
        body = {"filter": {"q": task["title"]}, "op": "update", "max_affected": 1, **changes}
        assert client.post("/bulk", json=body).status == 200
    else:
        line = {**client.get(path).data, **changes}
        if changes.get("due_date", "") is None:
            line |= dict.fromkeys(DUE)
        response = client.request(
            "POST", f"{client.tasks}/import?existing=update", body=orjson.dumps(line), headers=NDJSON
        )
        assert response.status == 200, response.body
    return client.get(path).data


WAYS = ["put", "patch", "keyed", "merged", "bulk", "filter", "import"]
MOVES = {
    "minutes": ({"reminder": {"minutes_before": 0}}, "2035-12-24T16:00:00"),
    "time": ({"reminder": {"at": "2035-06-01T12:00:00+02:00"}}, "2035-06-01T10:00:00"),
    "no reminder": ({"reminder": None}, None),
    "day": ({"due_date": "2036-07-01"}, "2036-07-01T14:30:00"),
    "clock": ({"due_time": "00:10"}, "2035-12-23T22:40:00"),
    "zone": ({"time_zone": "Asia/Kathmandu"}, "2035-12-24T10:45:00"),
    "nothing of it": ({"priority": "low"}, HALF_PAST_FOUR),
    "the same": ({"reminder": HALF_AN_HOUR, **DUE}, HALF_PAST_FOUR),
    "clear all": ({"due_date": None, "reminder": None}, None),
    "day of minutes and time at once": ({"due_date": None, "reminder": FUTURE}, "2035-01-01T00:00:00"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("move", MOVES)
def test_instant_follows_each_write(alice, database_url, way, move):
    changes, instant = MOVES[move]
    task = alice.create(**TASK)
    assert remind_at(database_url, alice.user_id, task) == HALF_PAST_FOUR
    changed = send(way, alice, task, changes)
    assert remind_at(database_url, alice.user_id, task) == instant
    assert (changed["reminder"] is None) == (instant is None)
    assert_whole(database_url, alice.user_id)


@pytest.mark.parametrize("way", WAYS)
def test_what_moves_a_reminder_makes_it_pending_again(alice, app, database_url, way):
    due = {"due_date": "2020-01-02", "due_time": "09:00", "time_zone": "UTC"}
    task = alice.create(title="t", **due, reminder=HALF_AN_HOUR)
    with app.app_context():
        assert service.fire(alice.user_id) == 1
        reminded = alice.get(f"/{task['id']}").data
        assert reminded["reminded_at"]
        same = send(way, alice, reminded, {"priority": "low", "reminder": HALF_AN_HOUR})
        assert same["reminded_at"] == reminded["reminded_at"]
        # One that does not move it: the same instant by another name.
        same = send(way, alice, same, {"due_time": "10:00", "reminder": {"minutes_before": 90}, "priority": "high"})
        assert same["reminded_at"] == reminded["reminded_at"]
        assert service.fire(alice.user_id) == 0
        if way == "import":
            return  # A line of a whole task says that the service has reminded of it.
        moved = send(way, alice, same, {"due_date": "2020-01-03"})
        assert moved["reminded_at"] is None
        assert service.fire(alice.user_id) == 1
    assert_whole(database_url, alice.user_id)


def test_reminder_of_a_time_stays_where_the_task_moves(alice, app, database_url):
    task = alice.create(title="t", **DUE, reminder=PAST)
    with app.app_context():
        service.fire(alice.user_id)
    moved = alice.patch(f"/{task['id']}", json={"due_date": "2036-01-01"}).data
    assert moved["reminded_at"]
    assert remind_at(database_url, alice.user_id, task) == PAST["at"][:19]
    assert alice.patch(f"/{task['id']}", json={"due_date": None}).data["reminder"] == PAST


def test_new_tasks_of_each_route_have_it(alice, database_url):
    alice.post(
        "/bulk", json={"operations": [{"op": "create", **TASK}, {"op": "create", "title": "u", "reminder": PAST}]}
    )
    alice.request("POST", f"{alice.tasks}/import", body=orjson.dumps(TASK), headers=NDJSON)
    alice.post(json=TASK, headers={"Idempotency-Key": "k"})
    assert alice.post(json=TASK, headers={"Idempotency-Key": "k"}).data["reminder"] == HALF_AN_HOUR  # Stored.
    tasks = alice.get("?sort=id").data
    assert [task["reminder"] for task in tasks] == [HALF_AN_HOUR, PAST, HALF_AN_HOUR, HALF_AN_HOUR]
    instants = [remind_at(database_url, alice.user_id, task) for task in tasks]
    assert instants == [HALF_PAST_FOUR, PAST["at"][:19], HALF_PAST_FOUR, HALF_PAST_FOUR]
    assert_whole(database_url, alice.user_id)


@pytest.mark.parametrize(
    ("day", "clock", "zone", "minutes", "instant"),
    [
        # The clock jumps from 02:00 to 03:00, so 02:30 is 03:30; an hour before it is 01:30.
        ("2035-03-25", "02:30", "Europe/Berlin", 60, "2035-03-25T00:30:00"),
        # 02:30 comes twice. It is the second one, as in due_at.
        ("2035-10-28", "02:30", "Europe/Berlin", 0, "2035-10-28T01:30:00"),
        # Minutes are minutes: a day before noon is 11:00 on the clock.
        ("2035-03-25", "12:00", "Europe/Berlin", 1440, "2035-03-24T10:00:00"),
        # A day that this zone did not have.
        ("2011-12-30", "12:00", "Pacific/Apia", 0, "2011-12-30T22:00:00"),
    ],
)
def test_minutes_count_from_the_instant_when_clocks_change(alice, database_url, day, clock, zone, minutes, instant):
    task = alice.create(due_date=day, due_time=clock, time_zone=zone, reminder={"minutes_before": minutes})
    assert remind_at(database_url, alice.user_id, task) == instant
    if not minutes:
        assert task["due_at"][:19] == instant
