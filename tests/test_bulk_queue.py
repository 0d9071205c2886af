"""The queue of docs/bulk.md makes each write once, whatever others write and whatever the network loses."""

import random
import urllib.request

import pytest

from tests.support.bulk_page import TRIES, Network, load_page
from tests.support.device import log_of


@pytest.fixture
def network(monkeypatch):
    network = Network()
    monkeypatch.setattr(urllib.request, "urlopen", network.urlopen)
    return network


@pytest.fixture
def page(server, alice):
    return load_page(server.url, alice)


@pytest.fixture
def open_queue(page, tmp_path):
    """Opens the queue of the app; again, as after it was killed."""
    reported = []

    class Queue(page.Queue):
        reports = reported

        def report(self, operation, failure):
            reported.append((operation["op"], failure["code"]))

    return lambda: Queue(tmp_path / "queue.json")


def new_task(queue, **fields):
    """A task that was created without a network, as the app has it."""
    return {"uid": queue.create(**fields), "id": None, "version": None}


def test_queue_sends_one_operation_for_each_task(alice, open_queue, network):
    first, second = alice.create(title="first"), alice.create(title="second")
    queue = open_queue()
    new = new_task(queue, title="new")
    queue.update(new, priority="high")
    queue.update(first, title="changed")
    queue.update(first, completed=True)
    queue.update(second, title="never seen")
    queue.delete(second)
    queue.delete(new_task(queue, title="never seen"))
    open_queue().drain()
    assert network.responses == [200]
    changed, created = alice.get("?sort=id").data
    assert (changed["title"], changed["completed"]) == ("changed", True)
    assert (created["title"], created["priority"], created["uid"]) == ("new", "high", new["uid"])
    assert [entry["type"] for entry in log_of(alice)][2:] == ["created", "updated", "deleted"]
    assert open_queue().choose() is False


def test_writes_after_a_lost_response_follow_it(alice, open_queue, network):
    task = alice.create(title="old")
    queue = open_queue()
    queue.update(task, title="one")
    new = new_task(queue, title="new")
    network.lost = TRIES
    with pytest.raises(TimeoutError):
        queue.drain()
    queue = open_queue()
    queue.update(task, title="two")
    queue.update(new, title="newer")
    queue.drain()
    assert {task["title"] for task in alice.get().data} == {"two", "newer"}
    assert queue.reports == []
    assert network.responses == [200] * (TRIES + 2)
    assert len(log_of(alice)) == 5


def test_new_task_whose_key_is_gone_is_changed_by_later_writes(alice, open_queue):
    queue = open_queue()
    task = new_task(queue, title="new")
    queue.choose()  # It has been sent, and the app was killed.
    alice.create(title="new", uid=task["uid"])
    queue = open_queue()
    queue.update(task, title="newer")
    queue.drain()
    assert [task["title"] for task in alice.get().data] == ["newer"]
    assert queue.reports == []


def test_later_writes_of_a_rejected_new_task_are_dropped(alice, open_queue):
    queue = open_queue()
    task = new_task(queue, title="")
    queue.choose()
    queue.update(task, priority="high")
    queue.drain()
    assert alice.get().data == []
    assert queue.reports == [("create", "VALIDATION_ERROR")]


def test_later_writes_of_what_was_sent_in_vain_are_kept(alice, open_queue):
    task = alice.create(title="old")
    queue = open_queue()
    queue.update(task, title="one", priority="high")
    queue.create(title="")
    queue.choose()
    queue.update(task, title="two")
    queue.drain()
    assert [(task["title"], task["priority"]) for task in alice.get().data] == [("two", "high")]


def test_deletion_gives_way_to_what_others_changed_before_an_earlier_update_arrived(alice, open_queue):
    task = alice.create(title="old")
    queue = open_queue()
    queue.update(task, title="mine")
    queue.choose()
    queue.delete(task)
    alice.put(f"/{task['id']}", json={"description": "theirs"})
    queue.drain()
    assert [task["description"] for task in alice.get().data] == ["theirs"]
    assert queue.reports == []


@pytest.mark.parametrize("theirs", [{}, {"description": "theirs"}])
def test_deletion_of_a_new_task_whose_key_is_gone_gives_way_to_others(alice, open_queue, theirs):
    queue = open_queue()
    task = new_task(queue, title="new")
    queue.choose()
    queue.delete(task)
    created = alice.create(title="new", uid=task["uid"])
    if theirs:
        alice.put(f"/{created['id']}", json=theirs)
    queue.drain()
    assert [task["description"] for task in alice.get().data] == [*theirs.values()]
    assert queue.reports == []


def test_each_kind_of_failure_is_settled(alice, open_queue, network):
    names = ("gone", "gone too", "changed", "kept", "rule", "empty", "fine")
    tasks = {name: alice.create(title=name) for name in names}
    queue = open_queue()
    queue.update(tasks["gone"], title="x")
    queue.delete(tasks["gone too"])
    queue.update(tasks["changed"], title="mine")
    queue.delete(tasks["kept"])
    queue.update(tasks["rule"], due_time="09:00")
    queue.update(tasks["empty"], title="")
    queue.update(tasks["fine"], title="fine, too")
    uid = queue.create(title="made before")
    queue.create(title="")
    alice.post(json={"title": "made before", "uid": uid})
    for name in ("gone", "gone too"):
        alice.delete(f"/{tasks[name]['id']}")
    for name in ("changed", "kept"):
        alice.put(f"/{tasks[name]['id']}", json={"title": "theirs", "description": "theirs"})
    queue.drain()
    assert network.responses == [422, 409, 200]
    assert sorted((task["title"], task["description"]) for task in alice.get().data) == [
        *(("empty", None), ("fine, too", None), ("made before", None), ("mine", "theirs"), ("rule", None)),
        ("theirs", "theirs"),
    ]
    assert sorted(queue.reports) == [
        ("create", "VALIDATION_ERROR"),
        ("update", "TASK_NOT_FOUND"),
        ("update", "VALIDATION_ERROR"),
        ("update", "VALIDATION_ERROR"),
    ]


def test_large_queue_is_sent_in_parts(alice, open_queue, network):
    queue = open_queue()
    with pytest.MonkeyPatch.context() as patch:  # Writing the file a thousand times takes long.
        patch.setattr(queue, "save", lambda: None)
        for number in range(1001):
            queue.create(title=str(number))
        for _ in range(90):
            queue.create(title="large", description="é" * 1000, due_date="2026-12-01")
            queue.create(title="large", description="\N{PILE OF POO}" * 1000)
    queue.drain()
    assert network.responses == [200] * 3
    assert len(alice.get("?limit=1&count=true").json["pagination"]) == 3
    assert alice.get("?limit=1&count=true").json["pagination"]["total"] == 1181


class Others:
    """Another device of the user, which changes descriptions and deletes tasks before each request."""

    def __init__(self, alice, chance):
        self.alice, self.chance, self.deleted, self.left = alice, chance, set(), 40

    def write(self):
        self.left -= 1
        tasks = self.alice.get().data
        if not tasks or self.left < 0:
            return
        task = self.chance.choice(tasks)
        if self.chance.random() < 0.2:
            assert self.alice.delete(f"/{task['id']}").status == 200
            self.deleted.add(task["uid"])
        else:
            assert self.alice.put(f"/{task['id']}", json={"description": str(self.left)}).status == 200


def write_offline(queue, tasks, expected, chance):
    """Make a write of any kind, and note what is expected of it: the title, or None after a deletion."""
    task, title = chance.choice([*tasks.values(), None]), str(chance.random())
    if task is None or chance.random() < 0.3:
        uid = queue.create(title=title)
        tasks[uid] = {"uid": uid, "id": None, "version": None}
        expected[uid] = title
    elif chance.random() < 0.7:
        queue.update(task, title=title)
        expected[task["uid"]] = title
    else:
        queue.delete(task)
        expected[task["uid"]] = None
        del tasks[task["uid"]]


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 12))])
def test_queue_converges_while_others_write_and_the_network_fails(alice, open_queue, network, seed):
    chance = random.Random(seed)
    tasks = {task["uid"]: task for task in (alice.create(title=f"task {number}") for number in range(10))}
    expected = {uid: task["title"] for uid, task in tasks.items()}
    others = Others(alice, chance)
    network.before, network.chance = others.write, 0.3
    for _ in range(8):
        for _ in range(5):
            queue = open_queue()  # The app may be killed at any moment.
            write_offline(queue, tasks, expected, chance)
        try:
            queue.drain()
        except TimeoutError:
            continue
        tasks = {task["uid"]: task for task in alice.get().data}
    network.chance = 0.0
    open_queue().drain()
    assert open_queue().choose() is False
    titles = {task["uid"]: task["title"] for task in alice.get().data}
    for uid, title in expected.items():
        if uid in others.deleted:
            assert uid not in titles
        elif title is None:  # A deletion gives way to a change by others.
            assert uid not in titles or alice.get(f"?q={titles[uid]}").data[0]["description"]
        else:
            assert titles[uid] == title
    assert titles.keys() <= expected.keys()
    assert {code for _, code in queue.reports} <= {"TASK_NOT_FOUND"}
