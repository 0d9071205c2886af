"""The queue of the client of docs/sync.md makes each write once, and asks or tells the user about the rest."""

import pytest

from tests.support.device import Device, NotNow, log_of


@pytest.fixture
def open_device(server, alice, tmp_path):
    """Starts the app on alice's device; again, as after it was killed."""
    return lambda kind=Device: kind(server.url, alice.user_id, alice.token, tmp_path / "copy.db")


@pytest.fixture
def device(open_device):
    return open_device()


def test_each_write_of_the_queue_is_made_once(alice, device, open_device):
    first, second = alice.create(title="first"), alice.create(title="second")
    device.sync()
    device.create(title="third", tags=["new"])
    device.update(first["uid"], title="changed")
    device.update(first["uid"], priority="high")  # One write with the line above.
    device.delete(second["uid"])
    device.create(title="fourth")
    assert [(task["id"], task["title"]) for task in device.tasks()] == [
        (first["id"], "changed"),
        (None, "third"),
        (None, "fourth"),
    ]
    lost = set()

    class Lossy(Device):
        """Loses the first response to each write."""

        def send(self, method, *arguments, **options):
            received = super().send(method, *arguments, **options)
            if method != "GET" and (write := (method, *arguments[:2])) not in lost:
                lost.add(write)
                raise NotNow
            return received

    for _ in range(4):
        device = open_device(Lossy)
        with pytest.raises(NotNow):
            device.sync()
        assert device.reports == device.conflicts == []
    device = open_device()
    device.sync()
    assert device.stored() == alice.get("?sort=id").data
    assert [(entry["number"], entry["type"]) for entry in log_of(alice)] == [
        *((1, "created"), (2, "created")),
        *((3, "created"), (4, "updated"), (5, "deleted"), (6, "created")),
    ]
    assert device.reports == device.conflicts == []


def test_change_while_the_first_one_is_on_its_way_is_a_write_of_its_own(alice, device):
    task = alice.create()
    device.sync()
    device.update(task["uid"], title="one")
    device.chance = 1.0
    with pytest.raises(NotNow):
        device.sync()
    device.update(task["uid"], title="two")
    device.chance = 0.0
    device.sync()
    assert [entry["changed"]["title"]["to"] for entry in log_of(alice)] == ["a task", "one", "two"]
    assert device.conflicts == []
    assert device.stored()[0]["title"] == "two"


def drain_without_response(device):
    """Send the first write of the queue, and lose its response."""
    send = device.send
    device.send = lambda *arguments, **options: lose(send(*arguments, **options))
    with pytest.raises(NotNow):
        device.drain()
    device.send = send


def test_replayed_response_does_not_bring_an_old_task_back(alice, device):
    task = alice.create()
    device.sync()
    device.update(task["uid"], title="mine")
    drain_without_response(device)
    later = alice.put(f"/{task['id']}", json={"priority": "high"}).data
    device.follow()
    device.drain()
    assert device.stored() == [later]


def test_replayed_response_does_not_bring_a_deleted_task_back(alice, device):
    task = alice.create()
    device.sync()
    device.update(task["uid"], title="mine")
    drain_without_response(device)
    alice.delete(f"/{task['id']}")
    device.follow()
    device.drain()
    assert device.stored() == []


def lose(_response):
    raise NotNow


@pytest.mark.parametrize("answer", [None, {"title": "mine"}])
def test_user_decides_about_a_conflict(alice, device, answer):
    task = alice.create(title="old")
    device.sync()
    device.answer = answer
    device.update(task["uid"], title="mine")
    theirs = alice.put(f"/{task['id']}", json={"title": "theirs"}).data
    device.sync()
    assert device.conflicts == [(theirs, {"title": "mine"})]
    assert device.stored() == alice.get().data
    assert device.stored()[0]["title"] == ("mine" if answer else "theirs")


@pytest.mark.parametrize(("answer", "left"), [(None, 1), ({}, 0)])
def test_user_decides_about_the_deletion_of_a_changed_task(alice, device, answer, left):
    task = alice.create()
    device.sync()
    device.answer = answer
    device.delete(task["uid"])
    alice.put(f"/{task['id']}", json={"title": "theirs"})
    device.sync()
    assert len(device.stored()) == len(alice.get().data) == left


def test_writes_that_cannot_be_made_are_reported_and_removed(alice, device):
    first, second = alice.create(), alice.create()
    device.sync()
    device.update(first["uid"], title="gone")
    device.update(second["uid"], title="")
    device.delete(first["uid"])
    alice.delete(f"/{first['id']}")
    device.sync()
    assert device.reports == [
        ("PATCH", {"title": "gone"}, "TASK_NOT_FOUND"),
        ("PATCH", {"title": ""}, "VALIDATION_ERROR"),
        ("DELETE", None, "TASK_NOT_FOUND"),
    ]
    assert device.stored() == [second]


def test_new_task_that_was_made_long_ago_is_taken_over(alice, device):
    """Its key is no longer kept, so the answer is a 409 with the task."""
    device.create(title="once")
    (body,) = device.db.execute("SELECT body FROM queue").fetchone()
    task = alice.post(body=body.encode(), headers={"Content-Type": "application/json"}).data
    device.sync()
    assert device.stored() == [task]
    assert len(log_of(alice)) == 1
