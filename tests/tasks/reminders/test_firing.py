"""Reminders that are due become changes in the log of their user: each once, in order."""

import psycopg2
import pytest

from taskapp.db.errors import DatabaseNotSetUp
from taskapp.db.execute import execute_as_courier
from taskapp.tasks.reminders import queries, service
from taskapp.tasks.undo.service import undo_write
from tests.support.change_log import assert_whole
from tests.support.postgres import run_sql
from tests.support.reminding import DUE, FUTURE, HALF_AN_HOUR, PAST, feed

# The users of other tests may have reminders, too.
LATER = {"at": "2034-01-01T00:00:00Z"}


@pytest.fixture(autouse=True)
def _context(app):
    with app.app_context():
        yield


def at(time):
    return {"at": f"2020-01-01T{time}:00.000000Z"}


def test_reminder_is_a_change_of_the_feed(alice, database_url):
    alice.create(title="other")
    task = alice.create(reminder=PAST)
    assert service.fire(alice.user_id) == 1
    reminded = alice.get(f"/{task['id']}").data
    (entry,) = feed(alice, after=2)
    assert entry == {
        "number": 3,
        "write": 3,
        "undoes": None,
        "task_id": task["id"],
        "type": "updated",
        "at": reminded["reminded_at"],
        "changed": {"reminded_at": {"from": None, "to": reminded["reminded_at"]}},
        "task": reminded,
    }
    assert reminded == {**task, "version": 3, "updated_at": entry["at"], "reminded_at": entry["at"]}
    assert service.fire(alice.user_id) == 0
    assert_whole(database_url, alice.user_id)


def test_order_is_that_of_the_instants_and_each_is_a_write_of_its_own(alice, database_url):
    times = ["12:00", "09:00", "10:00", "09:00"]
    tasks = [alice.create(title=time, reminder=at(time)) for time in times]
    before_due = alice.create(due_date="2020-01-01", due_time="11:30", time_zone="UTC", reminder={"minutes_before": 60})
    assert service.fire(alice.user_id) == 5
    entries = feed(alice, after=5)
    expected = [tasks[1], tasks[3], tasks[2], before_due, tasks[0]]
    assert [entry["task_id"] for entry in entries] == [task["id"] for task in expected]
    assert [(entry["number"], entry["write"]) for entry in entries] == [(number, number) for number in range(6, 11)]
    assert_whole(database_url, alice.user_id)


def test_statement_reminds_of_a_limited_number(alice, database_url, monkeypatch):
    monkeypatch.setattr(service, "MOST", 3)
    operations = [{"op": "create", "title": f"{n}", "reminder": at(f"0{n}:00")} for n in range(8)]
    alice.post("/bulk", json={"operations": operations})
    assert [service.fire(alice.user_id) for _ in range(4)] == [3, 3, 2, 0]
    ids = [task["id"] for task in alice.get("?sort=id").data]
    assert [entry["task_id"] for entry in feed(alice, after=8)] == ids
    assert_whole(database_url, alice.user_id)


@pytest.mark.parametrize(
    "task",
    [
        {"reminder": FUTURE},
        {**DUE, "reminder": HALF_AN_HOUR},
        {"reminder": None, "due_date": "2020-01-01"},
        {"reminder": PAST, "completed": True},
    ],
)
def test_others_stay_as_they_are(alice, task):
    created = alice.create(**task)
    assert service.fire(alice.user_id) == 0
    assert alice.get(f"/{created['id']}").data == created


def test_completing_takes_a_task_out_and_reopening_brings_it_back(alice):
    task = alice.create(reminder=PAST)
    alice.patch(f"/{task['id']}/complete", json={"completed": True})
    assert service.fire(alice.user_id) == 0
    alice.patch(f"/{task['id']}/complete", json={"completed": False})
    assert service.fire(alice.user_id) == 1
    alice.patch(f"/{task['id']}/complete")
    alice.patch(f"/{task['id']}/complete")
    assert service.fire(alice.user_id) == 0


def test_reminder_that_is_set_again_reminds_again(alice):
    task = alice.create(reminder=PAST)
    for reminder in (at("10:00"), at("09:00"), {"at": "2019-01-01T00:00:00Z"}):
        assert service.fire(alice.user_id) == 1
        assert alice.put(f"/{task['id']}", json={"reminder": reminder}).data["reminded_at"] is None
    alice.delete(f"/{task['id']}")
    assert service.fire(alice.user_id) == 0


def test_conflict_says_that_the_service_reminded(alice):
    task = alice.create(reminder=PAST)
    service.fire(alice.user_id)
    stale = {"If-Match": f'"{task["version"]}"'}
    response = alice.put(f"/{task['id']}", json={"title": "new"}, headers=stale)
    assert (response.status, response.error["details"]["changed"]) == (412, ["reminded_at"])
    merged = alice.put(f"/{task['id']}", json={"title": "new"}, headers={**stale, "Prefer": "merge=disjoint"}).data
    assert (merged["title"], merged["reminded_at"] is None) == ("new", False)
    # A whole task that was read before: only what the service has set since differs.
    response = alice.put(f"/{task['id']}", json=task)
    assert set(response.error["details"]) == {"updated_at", "version", "reminded_at"}


def test_service_reminds_all_users_and_knows_the_next_one(alice, bob, new_client, monkeypatch):
    monkeypatch.setattr(service, "_USERS", 1)
    carol = new_client()
    tasks = [(user, user.create(reminder=PAST)) for user in (alice, bob, carol)]
    alice.create(reminder=LATER)
    assert service.next_reminder() == 0
    users = []
    while page := service.users_with_due_reminders(1, after=users[-1] if users else ""):
        users += page
    assert users == sorted(users)
    assert {alice.user_id, bob.user_id, carol.user_id} <= set(users)
    left = service.fire_due_reminders()
    assert all(user.get(f"/{task['id']}").data["reminded_at"] for user, task in tasks)
    assert service.users_with_due_reminders(9) == []
    assert 0 < left <= service.next_reminder() + 5


def test_next_reminder_is_known_and_earlier_ones_come_first(alice, database_url):
    service.fire_due_reminders()
    alice.create(reminder=LATER)
    ((soon,),) = run_sql(
        database_url, "SELECT to_char((now() + interval '90 s') AT TIME ZONE 'UTC', 'IYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
    )
    task = alice.create(reminder={"at": soon})
    assert 0 < service.next_reminder() <= 90
    alice.patch(f"/{task['id']}/complete")
    assert service.next_reminder() > 90
    run_sql(database_url, "UPDATE tasks SET completed = true WHERE remind_at IS NOT NULL")
    assert service.next_reminder() is None
    assert service.fire_due_reminders() is None


def test_user_whose_write_fails_stops_nobody(alice, bob, database_url, caplog):
    first, second = sorted((alice, bob), key=lambda user: user.user_id)
    tasks = [(user, user.create(reminder=PAST)) for user in (first, second)]
    first.create(reminder=LATER)
    # A number that the log has already, so that every write of the user breaks the key.
    trigger = f"CREATE TRIGGER fail BEFORE INSERT ON changes FOR EACH ROW WHEN (NEW.user_id = '{first.user_id}')"
    function = "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$"
    run_sql(database_url, f"{function}; {trigger} EXECUTE FUNCTION fail()")
    failed = {}
    try:
        left = service.fire_due_reminders(failed)
        assert [*failed] == [first.user_id]
        failed[first.user_id] += 60
        assert service.fire_due_reminders(failed) <= 5
    finally:
        run_sql(database_url, "DROP FUNCTION fail() CASCADE")
    reminded = [user.get(f"/{task['id']}").data["reminded_at"] is not None for user, task in tasks]
    assert reminded == [False, True]
    assert 0 < left <= 5
    assert caplog.text.count("The reminders of a user failed") == 1, "It was tried again too soon."
    assert first.user_id not in caplog.text.replace("Traceback", "")
    failed[first.user_id] = 0
    assert service.fire_due_reminders(failed) > 5
    assert failed == {}
    assert first.get(f"/{tasks[0][1]['id']}").data["reminded_at"]


def test_courier_sees_only_whose_reminders_are_pending(alice):
    """And not what it is about, nor tasks without a pending one."""
    pending = alice.create(title="secret", reminder=PAST)
    alice.create(title="secret")
    alice.create(title="secret", reminder=PAST, completed=True)
    owned = queries.Task.user_id == alice.user_id
    select = queries.db.select(queries.Task.user_id).where(owned)
    assert execute_as_courier(select, {}) == [(alice.user_id,)]
    for column in queries.Task.__table__.columns:
        if column.key not in ("user_id", "remind_at", "reminded_at", "completed"):
            with pytest.raises(DatabaseNotSetUp, match="permission denied"):
                execute_as_courier(queries.db.select(column).where(owned), {})
    for statement in (queries.db.delete(queries.Task), queries.db.update(queries.Task).values(completed=True)):
        with pytest.raises((DatabaseNotSetUp, psycopg2.Error), match="permission denied"):
            execute_as_courier(statement.returning(queries.Task.user_id), {})
    assert alice.get(f"/{pending['id']}").data == pending


def test_reminders_of_others_stay(alice, bob):
    theirs = bob.create(reminder=PAST)
    alice.create(reminder=PAST)
    assert service.fire(alice.user_id) == 1
    assert bob.get(f"/{theirs['id']}").data == theirs
    assert feed(bob)[1:] == []


@pytest.mark.usefixtures("without_conditions")
def test_row_level_security_alone_keeps_users_apart(alice, bob):
    theirs = bob.create(reminder=PAST)
    alice.create(reminder=PAST)
    assert service.fire(alice.user_id) == 1
    assert bob.get(f"/{theirs['id']}").data == theirs
    undo_write(alice.user_id, 2)  # Also with reminders, and of more conditions.
    assert [bob.get(f"/{theirs['id']}").data, feed(bob)[1:]] == [theirs, []]
