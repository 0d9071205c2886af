"""Properties of lists, for any set of tasks with ties, any order, filter and page size."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskapp.tasks.service import SORTS, STATUSES
from tests.support.client import in_order
from tests.support.postgres import run_sql

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
some_tasks = st.lists(
    st.tuples(
        st.sampled_from(["a", "A", "b", "ab", "é", "🙂"]),
        st.sampled_from([None, "", "a", "B"]),
        st.booleans(),
        st.integers(0, 2),
        st.integers(0, 2),
    ),
    max_size=25,
)
changes = st.lists(st.tuples(st.sampled_from(["create", "delete"]), st.integers(0, 30)), max_size=6)
property_test = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def fill(database_url, user_id, tasks):
    """Store tasks of one user with times of our choosing, so that there are ties."""
    for title, description, completed, created, updated in tasks:
        times = [EPOCH + timedelta(microseconds=created), EPOCH + timedelta(microseconds=updated)]
        run_sql(
            database_url,
            "INSERT INTO tasks (user_id, title, description, completed, created_at, updated_at)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [user_id, title, description, completed, *times],
        )


def expected_order(tasks, sort, status, q):
    """The list as the contract defines it, in Python."""
    chosen = [
        task
        for task in tasks
        if status in ("all", "completed" if task["completed"] else "pending")
        and (q is None or q.lower() in task["title"].lower() or q.lower() in (task["description"] or "").lower())
    ]
    return in_order(chosen, sort)


def walk(client, query, between=lambda: None):
    """Follow the cursors from the first page to the last, and return all tasks."""
    found, cursor = [], ""
    while cursor is not None:
        page = client.get(query + (cursor and f"&cursor={cursor}"))
        assert page.status == 200, page.body
        found += page.data
        cursor = page.json["pagination"]["next_cursor"]
        between()
    return found


@property_test
@given(
    tasks=some_tasks,
    sort=st.sampled_from(SORTS),
    status=st.sampled_from(STATUSES),
    q=st.sampled_from([None, "a", "B", "É"]),
    limit=st.integers(1, 7),
)
def test_walk_yields_the_list_in_order_once_each(new_client, database_url, tasks, sort, status, q, limit):
    client = new_client()
    fill(database_url, client.user_id, tasks)
    query = f"?sort={sort}&status={status}&limit={limit}" + ("" if q is None else f"&q={quote(q)}")
    assert walk(client, query) == expected_order(client.get().data, sort, status, q)
    client.close()


@property_test
@given(tasks=some_tasks, sort=st.sampled_from(SORTS), limit=st.integers(1, 4), changes=changes)
def test_walk_meets_every_task_that_stays_once(new_client, database_url, tasks, sort, limit, changes):
    client = new_client()
    fill(database_url, client.user_id, tasks)
    before = client.get().data
    pending = list(changes)

    def change():
        if not pending:
            return
        kind, number = pending.pop()
        if kind == "create":
            fill(database_url, client.user_id, [("ab", None, False, number % 3, number % 2)])
        elif before:
            client.delete(f"/{before[number % len(before)]['id']}")

    found = [task["id"] for task in walk(client, f"?sort={sort}&limit={limit}", change)]
    assert len(found) == len(set(found))
    stayed = {task["id"] for task in before} & {task["id"] for task in client.get().data}
    assert stayed <= set(found)
    client.close()
