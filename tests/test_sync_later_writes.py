"""The client of docs/sync.md: a later write of a task overwrites nothing of others that came with an earlier one."""

from contextlib import contextmanager

import pytest

from tests.support.device import Device, NotNow, log_of, lost_responses

DUE = {"due_date": "2026-12-01", "due_time": "09:00", "time_zone": "Europe/Berlin"}


@pytest.fixture
def device(server, alice, tmp_path):
    return Device(server.url, alice.user_id, alice.token, tmp_path / "copy.db")


@contextmanager
def no_network(device):
    """Sending the queue fails. After that, its first write has been sent, as far as the device knows."""
    device.chance = 1.0
    with pytest.raises(NotNow):
        device.sync()
    yield
    device.chance = 0.0


def start(alice, device, **fields):
    """A task that the device knows."""
    task = alice.create(title="old", description="old", **fields)
    device.sync()
    return task


def collide(alice, device, first, second, theirs):
    """Two changes of a task are sent after others have changed it."""
    task = start(alice, device, **DUE)
    device.update(task["uid"], **first)
    with no_network(device):
        device.update(task["uid"], **second)
    alice.put(f"/{task['id']}", json=theirs)
    device.sync()


@pytest.mark.parametrize(
    ("first", "second", "theirs"),
    [
        ({"title": "mine"}, {"description": "mine"}, {"description": "theirs"}),
        ({"title": "mine"}, {"title": "newer", "description": "mine"}, {"description": "theirs"}),
        ({"title": "mine"}, {"due_date": "2026-12-02"}, {"due_time": "10:00"}),
        ({"title": "old"}, {"title": "mine"}, {"title": "theirs"}),  # The first one changes nothing.
    ],
)
def test_later_change_does_not_overwrite_what_came_with_an_earlier_one(alice, device, first, second, theirs):
    collide(alice, device, first, second, theirs)
    assert [fields for _, fields in device.conflicts] == [second]
    assert {name: device.stored()[0][name] for name in theirs} == theirs
    assert device.stored() == alice.get().data


@pytest.mark.parametrize(
    ("first", "second", "theirs"),
    [
        ({"title": "mine"}, {"title": "newer"}, {"description": "theirs"}),
        ({"title": " mine "}, {"title": "newer", "priority": "low"}, {"description": "theirs"}),
        ({"tags": ["b", "a"]}, {"tags": ["c"]}, {"completed": True}),
        ({"due_date": None}, {"due_date": "2026-12-02", "priority": "low"}, {"completed": True}),
    ],
)
def test_later_change_follows_an_earlier_one_if_others_changed_something_else(alice, device, first, second, theirs):
    collide(alice, device, first, second, theirs)
    assert device.conflicts == []
    assert {name: device.stored()[0][name] for name in second | theirs} == second | theirs


def test_later_deletion_asks_about_what_came_with_an_earlier_change(alice, device):
    task = start(alice, device)
    device.update(task["uid"], title="mine")
    with no_network(device):
        device.delete(task["uid"])
    alice.put(f"/{task['id']}", json={"description": "theirs"})
    device.sync()
    assert [(current["description"], fields) for current, fields in device.conflicts] == [("theirs", None)]
    assert [(task["title"], task["description"]) for task in device.stored()] == [("mine", "theirs")]


def test_later_deletion_asks_even_after_two_earlier_changes(alice, device):
    """What the first one brought stays unseen, although nothing else came with the second one."""
    task = start(alice, device)
    device.update(task["uid"], title="mine")
    with no_network(device):
        device.update(task["uid"], priority="low")
        device.delete(task["uid"])
    alice.put(f"/{task['id']}", json={"description": "theirs"})
    device.sync()
    assert [fields for _, fields in device.conflicts] == [None]
    assert len(device.stored()) == 1


@pytest.mark.parametrize("fields", [{"title": " mine "}, {"tags": ["b", "a"]}, {"due_date": None}, {"completed": True}])
def test_later_deletion_follows_own_changes(alice, device, fields):
    task = start(alice, device, **DUE)
    device.update(task["uid"], **fields)
    with no_network(device):
        device.update(task["uid"], priority="low")
        device.delete(task["uid"])
    device.sync()
    assert device.conflicts == device.stored() == alice.get().data == []


@pytest.mark.parametrize("seen", [{}, {"description": "theirs"}])
def test_change_after_a_lost_response_does_not_overwrite_what_was_hidden_by_the_queue(alice, device, seen):
    """The copy has their title, but the user still sees the own one, which is in the queue."""
    task = start(alice, device)
    mine = {"title": "newer", "description": "mine"}
    device.update(task["uid"], title="mine")
    with lost_responses(device), pytest.raises(NotNow):
        device.sync()
    alice.put(f"/{task['id']}", json={"title": "theirs", **seen})
    device.follow()
    assert device.tasks()[0]["title"] == "mine"
    device.update(task["uid"], **mine)
    device.sync()
    assert [fields for _, fields in device.conflicts] == [mine]
    assert device.stored()[0]["title"] == "theirs"


def test_later_deletion_follows_the_creation(alice, device):
    uid = device.create(title=" mine ", tags=["b", "a"])
    with no_network(device):
        device.delete(uid)
    device.sync()
    assert device.conflicts == device.stored() == alice.get().data == []


def test_conflict_is_asked_about_once_if_the_user_keeps_the_own_values(alice, device):
    task = start(alice, device)
    device.answer = {"title": "mine"}
    device.update(task["uid"], title="mine")
    with no_network(device):
        device.update(task["uid"], priority="low")
    alice.put(f"/{task['id']}", json={"title": "theirs"})
    device.sync()
    assert len(device.conflicts) == 1
    assert (device.stored()[0]["title"], device.stored()[0]["priority"]) == ("mine", "low")


@pytest.mark.parametrize("later", [{"title": "newer"}, None])
def test_later_write_of_a_task_that_was_made_long_ago_overwrites_nothing(alice, device, later):
    uid = device.create(title="mine")
    with no_network(device):
        device.delete(uid) if later is None else device.update(uid, **later)
    task = alice.post(json={"uid": uid, "title": "mine"}).data
    alice.put(f"/{task['id']}", json={"title": "theirs"})
    device.sync()
    assert [fields for _, fields in device.conflicts] == [later]
    assert [task["title"] for task in device.stored()] == ["theirs"]


@pytest.mark.parametrize(("later", "left"), [({"completed": True, "tags": ["a"]}, 1), (None, 0)])
def test_later_write_of_a_task_that_was_made_long_ago_follows(alice, device, later, left):
    uid = device.create(title="mine")
    with no_network(device):
        device.delete(uid) if later is None else device.update(uid, **later)
    alice.post(json={"uid": uid, "title": "mine"})
    device.sync()
    assert device.conflicts == device.reports == []
    assert len(device.stored()) == left
    assert len(log_of(alice)) == 2


def test_change_of_a_task_that_the_copy_has_forgotten_is_reported(alice, device):
    task = start(alice, device)
    alice.delete(f"/{task['id']}")
    device.sync()
    device.update(task["uid"], title="mine")
    device.create(title="later")
    device.sync()
    assert [(method, fields) for method, fields, _ in device.reports] == [("PATCH", {"title": "mine"})]
    assert [task["title"] for task in device.stored()] == ["later"]
