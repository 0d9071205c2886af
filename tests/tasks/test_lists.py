"""Lists: filtered, searched, sorted, and read page by page without losing or repeating a task."""

import json
import re
from urllib.parse import quote

import orjson
import pytest
from itsdangerous import URLSafeSerializer
from itsdangerous.encoding import base64_decode

from taskapp.tasks.orders import SORTS
from tests.support.list_model import in_order
from tests.support.postgres import run_sql

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


def titles(response):
    assert response.status == 200, response.body
    return [task["title"] for task in response.data]


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
        ("x" * 200, set()),
    ],
)
def test_search_finds_part_of_title_or_description_in_any_case(alice, q, found):
    for title in TITLES:
        alice.create(title=title, description="HIDDEN here" if title == "ZEBRA" else None)
    assert set(titles(alice.get(f"?q={quote(q)}"))) == found
    assert len(titles(alice.get("?q="))) == len(TITLES)


@pytest.mark.parametrize("sort", SORTS)
def test_sort_orders_by_its_field_and_then_by_id(alice, sort):
    for title in ["b", "a", "b", "Z", "é", "a"]:
        alice.create(title=title)
    run_sql_as_owner_of(alice, "UPDATE tasks SET created_at = '2026-01-01' WHERE user_id = %s AND title = 'b'")
    ids = [task["id"] for task in alice.get("?sort=id").data]
    alice.put(f"/{ids[2]}", json={"completed": True, "priority": "low"})
    alice.put(f"/{ids[3]}", json={"completed": True, "priority": "urgent", "due_date": "2026-12-24"})
    due = {"due_date": "2026-12-23", "due_time": "23:59", "time_zone": "Asia/Tokyo", "priority": "urgent"}
    alice.put(f"/{ids[0]}", json=due)
    alice.put(f"/{ids[1]}", json={**due, "due_time": None})
    status = "completed" if sort.endswith("completed_at") else "all"
    tasks = alice.get(f"?status={status}").data
    assert len(tasks) in (2, 6)
    assert alice.get(f"?status={status}&sort={sort}").data == in_order(tasks, sort)


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


def test_list_of_more_than_a_thousand_announces_the_next_page(alice):
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


def test_longest_cursor_fits_into_a_url(new_client):
    alice = new_client("🙂" * 255)
    for _ in range(3):
        alice.create(title="🙂" * 255)
    page = alice.get("?sort=title&limit=1")
    following = alice.request("GET", re.match(r"<(.+)>", page.headers["Link"]).group(1))
    assert following.status == 200


@pytest.mark.parametrize("sort", ["-id", "id", "title"])
def test_cursor_has_a_value_and_an_id(alice, sort):
    """Clients keep cursors during an upgrade, and another host may still run the earlier version."""
    for _ in range(2):
        alice.create(title="apple")
    page = alice.get(f"?limit=1&sort={sort}")
    payload, _, _ = page.json["pagination"]["next_cursor"].rpartition(".")
    (task,) = page.data
    assert json.loads(base64_decode(payload)) == [task[sort.removeprefix("-")], task["id"]]


@pytest.mark.parametrize("sort", ["-id", "created_at"])
def test_cursor_of_an_earlier_version_is_valid(alice, secret, sort):
    """It was signed for the parameters that there were."""
    first, second = sorted((alice.create() for _ in range(2)), key=lambda task: task["id"], reverse=sort == "-id")
    salt = orjson.dumps([alice.user_id, {"q": None, "sort": sort, "status": "all"}])
    position = (first[sort.removeprefix("-")], first["id"])
    cursor = URLSafeSerializer([secret], salt, serializer=orjson).dumps(position).decode()
    assert alice.get(f"?sort={sort}&cursor={cursor}").data == [second]


def test_cursor_says_that_a_task_is_never_due(alice):
    for _ in range(2):
        alice.create()
    page = alice.get("?limit=1&sort=due&fields=title")
    payload, _, _ = page.json["pagination"]["next_cursor"].rpartition(".")
    assert json.loads(base64_decode(payload)) == ["infinity", page.data[0]["id"]]


@pytest.fixture
def cursor(alice):
    for _ in range(3):
        alice.create(title="apple")
    return alice.get("?limit=1&status=pending&q=apple&sort=title").json["pagination"]["next_cursor"]


def assert_cursor_rejected(response):
    assert (response.status, response.error["code"]) == (422, "VALIDATION_ERROR")
    assert response.error["details"] == {
        "cursor": ["Must be the next_cursor of the same list, with the same filters and sort."]
    }


@pytest.mark.parametrize(
    "query",
    [
        *("", "status=pending", "q=apple", "sort=title"),
        *("status=all&q=apple&sort=title", "status=pending&q=Apple&sort=title", "status=pending&q=&sort=title"),
        *("status=pending&q=apple&sort=-title", "status=pending&q=apple&sort=updated_at"),
        *(f"status=pending&q=apple&sort=title&{more}" for more in ("tags_any=a", "due=none", "tagged=false")),
    ],
)
def test_cursor_of_another_list_is_rejected(alice, cursor, query):
    assert_cursor_rejected(alice.get(f"?cursor={cursor}&{query}"))


def test_cursor_of_another_user_is_rejected(alice, bob, cursor):
    query = "limit=1&status=pending&q=apple&sort=title"
    assert alice.get(f"?{query}&cursor={cursor}").status == 200
    assert_cursor_rejected(bob.get(f"?{query}&cursor={cursor}"))


def test_cursor_that_is_forged_or_cut_is_rejected(alice, cursor):
    query = "status=pending&q=apple&sort=title"
    assert alice.get(f"?{query}&cursor={cursor}&limit=1&count=true&fields=id").status == 200  # These may differ.
    middle = len(cursor) // 2
    payload, _, signature = cursor.rpartition(".")
    forgeries = [
        *("x", ".", "0", "null", "é", "%00", "A" * 3000, cursor + "x", "x" + cursor, cursor + "."),
        *(cursor[:-1], cursor[1:], cursor[:middle], cursor[middle:], cursor.upper()),
        *(payload, f".{signature}", f"{payload}.{signature[::-1]}", f"eyJhIjoxfQ.{signature}"),
        cursor[:middle] + ("A" if cursor[middle] != "A" else "B") + cursor[middle + 1 :],
    ]
    for forged in forgeries:
        assert_cursor_rejected(alice.get(f"?{query}&cursor={quote(forged)}"))
