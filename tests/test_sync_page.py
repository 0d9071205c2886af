"""The client of docs/sync.md stays equal to the list, whatever others write and whatever fails."""

import itertools
import random
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.device import Device, NotNow
from tests.support.postgres import run_sql
from tests.support.waiting import wait_until

WRITERS = 3


@pytest.fixture
def open_device(server, alice, tmp_path):
    """Starts the app on alice's device; again, as after it was killed."""
    return lambda kind=Device: kind(server.url, alice.user_id, alice.token, tmp_path / "copy.db")


@pytest.fixture
def device(open_device):
    return open_device()


def write_by_chance(client, chance):
    """Make one write of any kind: a new task, a change, a completion, a deletion, or a renamed tag."""
    kind = chance.random()
    ids = [task["id"] for task in client.get("?limit=50&fields=id").data] if kind > 0.4 else []
    tags = chance.sample(["a", "b", "c", "d"], 2)
    if not ids:
        return client.post(json={"title": str(chance.random()), "tags": tags})
    task = f"/{chance.choice(ids)}"
    if kind < 0.7:
        return client.put(task, json={"title": str(chance.random()), "completed": chance.random() < 0.5})
    if kind < 0.8:
        return client.patch(f"{task}/complete")
    if kind < 0.95:
        return client.delete(task)
    return client.request("PATCH", f"{client.tags}?name={tags[0]}", json={"name": tags[1]})


def write_offline(device, chance):
    """Put a write of any kind into the queue of the device."""
    kind, uids = chance.random(), [task["uid"] for task in device.tasks()]
    if kind < 0.4 or not uids:
        device.create(title=f"device {chance.random()}", tags=["device"])
    elif kind < 0.8:
        device.update(
            chance.choice(uids), **chance.choice([{"title": "device"}, {"priority": "high"}, {"completed": True}])
        )
    else:
        device.delete(chance.choice(uids))


class Others:
    """Other clients of the same user, which make some writes in threads of their own."""

    def __init__(self, server, user_id, writes):
        self.made = 0
        self._server, self._user_id, self._left = server, user_id, iter(range(writes))
        self._pool = ThreadPoolExecutor(WRITERS)
        self._threads = [self._pool.submit(self._write, seed) for seed in range(WRITERS)]

    def _write(self, seed):
        chance = random.Random(seed)
        with self._server.client(self._user_id) as client:
            for number in self._left:
                assert write_by_chance(client, chance).status in (200, 201, 404)
                self.made = number

    def done(self):
        return all(thread.done() for thread in self._threads)

    def join(self):
        for thread in self._threads:
            thread.result()
        self._pool.shutdown()


def follow_others(others, device, open_device, purge, writes):
    """Keep the copy in step, with writes of its own, failures, an app that is killed, and a purge in the middle."""
    chance, purged = random.Random(0), False
    while not others.done():
        write_offline(device, chance)
        device.chance = 0.2
        try:
            device.sync()
        except NotNow:
            starts, reopened = device.starts, open_device()
            device.db.close()
            device, device.starts = reopened, starts
        if others.made > writes / 2 and not purged:
            purged = purge(device, others)
    others.join()
    device.chance = 0.0
    device.sync()
    return device


@pytest.fixture
def purge(alice, database_url):
    """Removes changes that a copy does not have yet. Returns whether there were any."""
    statement = (
        "DELETE FROM changes WHERE user_id = %s"
        " AND number < (SELECT max(number) FROM changes WHERE user_id = %s) RETURNING number"
    )

    def delete(device, others):
        seen = others.made
        wait_until(lambda: others.made > seen + 5 or others.done(), "the others do not write")
        numbers = run_sql(database_url, statement, [alice.user_id, alice.user_id])
        (position,) = device.db.execute("SELECT number FROM position").fetchone()
        return max(numbers)[0] > position

    return delete


@pytest.mark.parametrize("writes", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_copy_ends_equal_to_the_list_while_others_write(server, alice, device, open_device, purge, writes):
    device.sync()
    device = follow_others(Others(server, alice.user_id, writes), device, open_device, purge, writes)
    assert device.starts >= 2  # The second one follows a 410.
    assert device.stored() == alice.get("?sort=id").data
    titles = [task["title"] for task in device.stored() if task["title"].startswith("device 0.")]
    assert len(set(titles)) == len(titles)  # Each was created once.


def test_copy_survives_a_crash_in_the_middle_of_a_page(alice, device, open_device, monkeypatch):
    device.sync()
    tasks = [alice.create() for _ in range(3)]
    store, calls = Device.store, itertools.count()

    def crash(self, task):
        store(self, task)
        if next(calls) == 1:
            raise sqlite3.OperationalError

    monkeypatch.setattr(Device, "store", crash)
    with pytest.raises(sqlite3.OperationalError):
        device.sync()
    monkeypatch.undo()
    device = open_device()
    assert device.stored() == []
    device.sync()
    assert device.stored() == tasks


def test_copy_misses_nothing_that_changes_while_it_reads_the_pages(alice, device, monkeypatch):
    tasks = [alice.create(title=str(number)) for number in range(5)]
    send, calls = Device.send, itertools.count()

    def change_before_the_second_page(self, *arguments, **options):
        if next(calls) == 1:
            alice.put(f"/{tasks[0]['id']}", json={"title": "changed"})
            alice.delete(f"/{tasks[1]['id']}")
            alice.put(f"/{tasks[4]['id']}", json={"title": "changed"})
        return send(self, *arguments, **options)

    monkeypatch.setattr(Device, "send", change_before_the_second_page)
    device.start(f"{device.root}/tasks?sort=id&as_of=now&limit=2")
    assert next(calls) == 3
    assert [task["title"] for task in device.stored()] == ["0", "1", "2", "3", "changed"]
    device.sync()
    assert device.stored() == alice.get("?sort=id").data
