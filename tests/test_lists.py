"""Lists: filtered, searched, sorted, and walked page by page without losing or repeating a task."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskapp.tasks.service import SORTS, STATUSES
from tests.client import Client, make_token
from tests.processes import run_sql

TITLES = [
    "apple",
    "Apple",
    "apple ",
    "Äpfel",
    "äpfel",
    "100%",
    "100 %",
    "a_b",
    "axb",
    "c\\d",
    "c:\\d",
    "ZEBRA",
    "zebra",
    "🙂",
]


def titles(answer):
    assert answer.status == 200, answer.body
    return [task["title"] for task in answer.data]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("apple", {"apple", "Apple"}),
        ("APPL", {"apple", "Apple"}),
        ("ÄPFEL", {"Äpfel", "äpfel"}),
        ("%", {"100%", "100 %"}),
        ("0%", {"100%"}),
        ("_", {"a_b"}),
        ("\\", {"c\\d", "c:\\d"}),
        ("zebra", {"ZEBRA", "zebra"}),
        ("🙂", {"🙂"}),
        ("hidden", {"ZEBRA"}),
        ("nothing has this", set()),
        ("' OR 1=1 --", set()),
        ("%s %(q)s :q", set()),
        ("x" * 1000, set()),
    ],
)
def test_search_finds_a_part_of_title_or_description_in_any_case(alice, q, found):
    for title in TITLES:
        alice.create(title=title, description="HIDDEN here" if title == "ZEBRA" else None)
    assert set(titles(alice.get(f"?q={quote(q)}"))) == found
    assert len(titles(alice.get("?q="))) == len(TITLES)


@pytest.mark.parametrize("sort", SORTS)
def test_sort_orders_by_its_field_and_then_by_id(alice, sort):
    for title in ["b", "a", "b", "Z", "é", "a"]:
        alice.create(title=title)
    run_sql_as_owner_of(alice, "UPDATE tasks SET created_at = '2026-01-01' WHERE user_id = %s AND title = 'b'")
    alice.put(f"/{alice.get('?sort=id').data[2]['id']}", json={"completed": True})
    assert alice.get(f"?sort={sort}").data == in_order(alice.get().data, sort)


def run_sql_as_owner_of(client, statement):
    run_sql(client.database_url, statement, [client.user_id])


@pytest.fixture
def alice(alice, database_url):
    alice.database_url = database_url
    return alice


def test_next_page_is_announced_and_followed(alice):
    for number in range(5):
        alice.create(title=f"x {number}", completed=number == 3)
    first = alice.get(f"?limit=2&status=pending&sort=title&q=X%20&user_id={alice.user_id}")
    assert titles(first) == ["x 0", "x 1"]
    link = re.fullmatch(r'<([^>]+)>; rel="next"', first.headers["Link"]).group(1)
    kept = f"{alice.tasks}?limit=2&status=pending&sort=title&q=X\\+&user_id={alice.user_id}&cursor="
    assert re.match(kept.replace("?", r"\?", 1), link)
    second = alice.request("GET", link)
    assert titles(second) == ["x 2", "x 4"]
    assert second.json["pagination"] == {"limit": 2, "next_cursor": None}
    assert "Link" not in second.headers


def test_page_that_is_just_full_is_the_last(alice):
    for _ in range(4):
        alice.create()
    assert alice.get("?limit=4").json["pagination"]["next_cursor"] is None
    assert alice.get("?limit=3").json["pagination"]["next_cursor"]


def test_list_of_more_than_a_thousand_is_not_cut_without_a_word(alice):
    run_sql_as_owner_of(alice, "INSERT INTO tasks (user_id, title) SELECT %s, n::text FROM generate_series(1, 1001) n")
    first = alice.get()
    assert len(first.data) == 1000
    rest = alice.get(f"?cursor={first.json['pagination']['next_cursor']}")
    assert titles(rest) == ["1"]


def test_limit_may_change_from_page_to_page(alice):
    ids = [alice.create()["id"] for _ in range(6)]
    first = alice.get("?limit=1")
    rest = alice.get(f"?limit=5&cursor={first.json['pagination']['next_cursor']}")
    assert [task["id"] for task in first.data + rest.data] == ids[::-1]


def test_longest_position_fits_into_an_address(alice):
    for _ in range(3):
        alice.create(title="🙂" * 255)
    page = alice.get("?sort=title&limit=1")
    following = alice.request("GET", re.match(r"<(.+)>", page.headers["Link"]).group(1))
    assert following.status == 200


@pytest.fixture
def cursor(alice):
    for _ in range(3):
        alice.create(title="apple")
    return alice.get("?limit=1&status=pending&q=apple&sort=title").json["pagination"]["next_cursor"]


def refused(answer):
    assert (answer.status, answer.error["code"]) == (422, "VALIDATION_ERROR")
    assert answer.error["details"] == {"cursor": ["Is not the next_cursor of a list with the same status, q and sort."]}
    return True


@pytest.mark.parametrize(
    "query",
    [
        *("", "status=pending", "q=apple", "sort=title"),
        *("status=all&q=apple&sort=title", "status=pending&q=Apple&sort=title", "status=pending&q=&sort=title"),
        *("status=pending&q=apple&sort=-title", "status=pending&q=apple&sort=updated_at"),
    ],
)
def test_cursor_of_another_list_is_refused(alice, cursor, query):
    assert refused(alice.get(f"?cursor={cursor}&{query}"))


def test_cursor_of_another_user_is_refused(alice, bob, cursor):
    query = "limit=1&status=pending&q=apple&sort=title"
    assert alice.get(f"?{query}&cursor={cursor}").status == 200
    assert refused(bob.get(f"?{query}&cursor={cursor}"))


def test_cursor_that_is_forged_or_cut_is_refused(alice, cursor):
    query = "status=pending&q=apple&sort=title"
    middle = len(cursor) // 2
    payload, _, signature = cursor.rpartition(".")
    forgeries = [
        *("", "x", ".", "0", "null", "é", "%00", "A" * 3000, cursor + "x", "x" + cursor, cursor + "."),
        *(cursor[:-1], cursor[1:], cursor[:middle], cursor[middle:], cursor.upper()),
        *(payload, f".{signature}", f"{payload}.{signature[::-1]}", f"eyJhIjoxfQ.{signature}"),
        cursor[:middle] + ("A" if cursor[middle] != "A" else "B") + cursor[middle + 1 :],
    ]
    for forged in forgeries:
        assert refused(alice.get(f"?{query}&cursor={quote(forged)}")), forged


@pytest.mark.parametrize(
    ("parameter", "values"),
    [("sort", ["", "name", "-", "--id", "ID", "id,title", "id desc", "+id"]), ("q", ["\0", "a\0b", "x" * 1001])],
)
def test_invalid_parameter_is_named(alice, parameter, values):
    for value in values:
        assert list(alice.get(f"?{parameter}={quote(value)}").error["details"]) == [parameter]


# For any set of tasks, any order, filter and page size.

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


def in_order(tasks, sort):
    """Tasks sorted as the contract says; times as times, because their text leaves out a fraction of zero."""
    field = sort.removeprefix("-")

    def key(task):
        value = task[field]
        return (datetime.fromisoformat(value) if field.endswith("_at") else value), task["id"]

    return sorted(tasks, key=key, reverse=sort.startswith("-"))


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


@pytest.fixture
def fresh_client(server, secret):
    """Makes a user for each example of a property."""
    number = iter(range(10**6))

    def make(prefix):
        user_id = f"{prefix}-{next(number)}"
        return Client(server.port, token=make_token(secret, user_id=user_id), user_id=user_id)

    return make


@property_test
@given(
    tasks=some_tasks,
    sort=st.sampled_from(SORTS),
    status=st.sampled_from(STATUSES),
    q=st.sampled_from([None, "a", "B", "É"]),
    limit=st.integers(1, 7),
)
def test_walk_yields_the_list_in_order_once_each(fresh_client, database_url, tasks, sort, status, q, limit):
    client = fresh_client("walk")
    fill(database_url, client.user_id, tasks)
    query = f"?sort={sort}&status={status}&limit={limit}" + ("" if q is None else f"&q={quote(q)}")
    assert walk(client, query) == expected_order(client.get().data, sort, status, q)
    client.close()


@property_test
@given(tasks=some_tasks, sort=st.sampled_from(SORTS), limit=st.integers(1, 4), changes=changes)
def test_walk_meets_every_task_that_stays_once(fresh_client, database_url, tasks, sort, limit, changes):
    client = fresh_client("change")
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
