"""Several processes remind at the same time, and tasks are completed or moved meanwhile."""

from concurrent.futures import ThreadPoolExecutor

from taskapp.tasks import service as tasks_service
from taskapp.tasks.reminders import service
from tests.support.change_log import assert_whole, read_log
from tests.support.reminding import PAST, feed

THREADS = 6


def in_threads(app, *functions):
    """Call functions at the same time, and return their results."""

    def call(function):
        with app.app_context():
            return function()

    with ThreadPoolExecutor(len(functions)) as threads:
        return [future.result() for future in [threads.submit(call, function) for function in functions]]


def test_each_reminder_is_once_however_many_remind(app, alice, database_url):
    operations = [{"op": "create", "title": f"{n}", "reminder": PAST} for n in range(50)]
    alice.post("/bulk", json={"operations": operations})
    counts = in_threads(app, *[lambda: service.fire(alice.user_id)] * THREADS)
    assert sorted(counts) == [0] * (THREADS - 1) + [50]
    ids = [entry["task_id"] for entry in feed(alice, after=50)]
    assert ids == [task["id"] for task in alice.get("?sort=id&limit=100").data]
    assert_whole(database_url, alice.user_id)


def test_all_processes_together_remind_all_users_once(app, new_client):
    users = [new_client() for _ in range(5)]
    for user in users:
        user.create(reminder=PAST)
    in_threads(app, *[service.fire_due_reminders] * THREADS)
    assert [[entry["type"] for entry in feed(user)] for user in users] == [["created", "updated"]] * len(users)


def test_nothing_reminds_of_a_task_that_was_completed_or_moved(app, alice, database_url):
    """Each round, one of two writes is first; if it is the other one, the service does not remind."""
    outcomes = set()
    for place in range(24):
        task = alice.create(reminder=PAST)
        changes = ({"completed": True}, {"reminder": None}, {"reminder": {"at": "2035-01-01T00:00:00.000000Z"}})[
            place % 3
        ]

        def change(task_id=task["id"], changes=changes):
            tasks_service.update_task(alice.user_id, task_id, **changes)

        def remind():
            service.fire(alice.user_id)

        in_threads(app, *((change, remind) if place % 2 else (remind, change)))
        of_task = [entry for entry in read_log(database_url, alice.user_id) if entry["task_id"] == task["id"]]
        *_, last = of_task
        reminded = [bool(entry["after"].get("reminded_at")) for entry in of_task]
        assert not reminded[-1]  # The change is the last one, or the only one.
        outcomes.add(any(reminded))
        assert last["after"].keys() >= changes.keys()
        alice.delete(f"/{task['id']}")
    assert_whole(database_url, alice.user_id)
