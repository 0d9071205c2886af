"""The parameters of lists: what each accepts and means, which do not go together, and which make a list costly."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote
from zoneinfo import ZoneInfo

import pytest

from taskapp.http.concurrency import claim_thread
from taskapp.tasks.filters import costly_names
from tests.support.in_process import LocalUser
from tests.support.postgres import locked_tasks, run_sql


def tag_list(count):
    return ",".join(f"t{number}" for number in range(count))


NOT_DAYS = ["2026-02-29", "2026-1-1", "20261224", "٢٠٢٦-01-01", "1899-12-31", "3000-01-01", "2026-01-01T00:00:00Z"]
NOT_TIMES = [
    *("2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00+01:00", "2026-01-01 00:00:00Z", "now", "1767225600"),
    *("2026-02-29T00:00:00Z", "2026-01-01T24:00:01Z", "2026-01-01T00:00:60Z", "2026-01-01T00:00:00%2B24:00"),
    *("0001-01-01T00:00:00%2B00:01", "9999-12-31T23:59:59-00:01", "9999-12-31T23:59:59.9999999Z", "infinity"),
]
NOT_WORDS = ["x", "true,false", "TRUE", "1", "null"]
NOT_TAGS = ["a,a", "a,%20a", ",", "a,", "%20", "a,,b", "x" * 51, tag_list(21), "%00", "%E2%80%8B"]


@pytest.mark.parametrize(
    ("parameter", "values"),
    [
        ("sort", ["name", "-", "--id", "ID", "id,title", "id desc", "%2Bid", "due_date", "position"]),
        *(("status", ["x", "open", "ALL", "all,pending"]), ("due", ["x", "today", "any,none"])),
        *(("due_from", NOT_DAYS), ("due_before", NOT_DAYS), ("overdue", [*NOT_WORDS, "false"])),
        *((f"{name}_{end}", NOT_TIMES) for name in ("created", "updated", "completed") for end in ("from", "before")),
        ("priority", ["x", "HIGH", "null", "0", "high,high", "high,", ",", "high,%20low", "high;low"]),
        *((name, NOT_TAGS) for name in ("tags_all", "tags_any", "tags_none")),
        *(("tagged", NOT_WORDS), ("count", [*NOT_WORDS, "yes", "10"])),
        ("fields", ["x", "id,id", "id,", ",", "ID", "due_order", "*", "title;id", "add_tags"]),
        *(("limit", ["0", "-1", "1001", "1.0", "x"]), ("time_zone", ["x", "UTC%2B2", "europe/berlin", "FooBar3"])),
    ],
)
def test_invalid_parameter_is_named(alice, parameter, values):
    for value in ["", *values]:
        response = alice.get(f"?{parameter}={quote(value, safe='%+')}")
        assert (response.status, list(response.error["details"])) == (422, [parameter]), value


def test_invalid_search_is_named(alice):
    for value in ["\0", "a\0b", "x" * 201]:
        assert list(alice.get(f"?q={quote(value)}").error["details"]) == ["q"]


@pytest.mark.parametrize(
    ("query", "named", "sentence"),
    [
        ("overdue=true", "time_zone", "Is needed with overdue."),
        ("time_zone=Asia/Tokyo", "time_zone", "Is used only with overdue."),
        ("sort=completed_at", "sort", "completed_at needs status=completed."),
        ("sort=-completed_at&status=pending", "sort", "completed_at needs status=completed."),
        ("due_from=2026-12-24&due_before=2026-12-24", "due_before", "Must be later than due_from."),
        (
            "created_from=2026-01-01T00:00:00Z&created_before=2026-01-01T00:59:59%2B01:00",
            "created_before",
            "Must be later than created_from.",
        ),
        ("due=none&due_before=2026-12-24", "due_before", "Must not be sent together with due=none."),
        ("due=none&overdue=true&time_zone=Asia/Tokyo", "overdue", "Must not be sent together with due=none."),
        ("status=completed&overdue=true&time_zone=UTC", "overdue", "Must not be sent together with status=completed."),
        (
            "status=pending&completed_from=2026-01-01T00:00:00Z",
            "completed_from",
            "Must not be sent together with status=pending.",
        ),
        (
            "overdue=true&time_zone=UTC&completed_before=2026-01-01T00:00:00Z",
            "completed_before",
            "Must not be sent together with overdue=true.",
        ),
        ("tagged=false&tags_any=a", "tags_any", "Must not be sent together with tagged=false."),
        ("tags_all=a,b&tags_none=b,c", "tags_none", "Must not contain a tag of tags_all: b."),
        ("tags_any=a,b&tags_none=b,a", "tags_none", "Must not contain all tags of tags_any."),
        (
            "priority=none,x",
            "priority",
            "Must be one or more of: urgent, high, medium, low, none; with commas between.",
        ),
        ("overdue=false", "overdue", "Must be true."),
        ("due=x", "due", "Must be one of: any, none."),
        ("tags_any=a,%20", "tags_any", "Tag 2 must be 1 to 50 characters, excluding surrounding white space."),
    ],
)
def test_query_that_contradicts_itself_is_explained(alice, query, named, sentence):
    assert alice.get(f"?{query}").error["details"] == {named: [sentence]}


def test_tags_are_compared_as_they_are_stored(alice):
    task = alice.create(tags=["e\u0301", "Home"])
    assert alice.get(f"?tags_all={quote('é')},%20Home").data == [task]
    assert alice.get("?tags_any=home").data == []
    assert alice.get(f"?tags_any={quote(tag_list(19))},Home").data == [task]


def test_overdue_depends_on_the_clock_of_the_task_or_else_of_the_reader(alice):
    utc = datetime.now(UTC)
    day = str((utc - timedelta(hours=12)).date())  # Today on Baker Island (-12), so over in Kiritimati (+14).
    anywhere = alice.create(due_date=day)
    alice.create(due_date=day, time_zone="Etc/GMT+12")
    there = alice.create(due_date=day, time_zone="Pacific/Kiritimati")
    time = (utc - timedelta(minutes=2)).astimezone(ZoneInfo("Asia/Kathmandu"))
    passed = alice.create(due_date=str(time.date()), due_time=f"{time:%H:%M}", time_zone="Asia/Kathmandu")
    alice.create()
    east = alice.get("?overdue=true&time_zone=Pacific/Kiritimati&sort=id").data
    west = alice.get("?overdue=true&time_zone=Etc/GMT%2B12&sort=id").data
    assert (east, west) == ([anywhere, there, passed], [there, passed])
    alice.patch(f"/{passed['id']}/complete")
    assert alice.get("?overdue=true&time_zone=Etc/GMT%2B12").data == [there]


def test_range_of_days_has_its_first_day_and_not_its_last(alice):
    at = {"time_zone": "Pacific/Apia"}
    for day, time in [("23", {"due_time": "23:59", **at}), ("24", {}), ("24", {"due_time": "00:00", **at}), ("25", {})]:
        alice.create(due_date=f"2026-12-{day}", **time)
    alice.create()
    for sort in ("due", "-due", "id"):
        for query, found in [
            ("due_from=2026-12-24&due_before=2026-12-25", ["24", "24"]),
            ("due_from=2026-12-24", ["24", "24", "25"]),
            ("due_before=2026-12-24", ["23"]),
            ("due_before=2026-12-25", ["23", "24", "24"]),
            ("due=any", ["23", "24", "24", "25"]),
        ]:
            days = [task["due_date"][-2:] for task in alice.get(f"?{query}&sort={sort}").data]
            assert sorted(days) == found, (query, sort)


def test_completed_task_without_a_time_is_not_sorted_by_it(alice, database_url):
    """An earlier release left the time out."""
    with_time = [alice.create(completed=True)["id"] for _ in range(2)]
    without = alice.create(completed=True)["id"]
    run_sql(
        database_url, "UPDATE tasks SET completed_at = NULL WHERE user_id = %s AND id = %s", [alice.user_id, without]
    )
    for sort, expected in (("completed_at", with_time), ("-completed_at", with_time[::-1])):
        page = alice.get(f"?status=completed&sort={sort}&count=true").json
        assert ([task["id"] for task in page["data"]], page["pagination"]["total"]) == (expected, 2)
    assert {task["id"]: task["completed_at"] for task in alice.get("?status=completed").data}[without] is None


def test_reopened_task_has_no_time_of_completion(alice, database_url):
    """An earlier release leaves it behind."""
    alice.create()
    run_sql(database_url, "UPDATE tasks SET completed_at = now() WHERE user_id = %s", [alice.user_id])
    assert alice.get("?completed_from=2026-01-01T00:00:00Z").data == []


def test_fields_have_the_order_of_the_whole_task(alice):
    task = alice.create(title="a", tags=["x"], due_date="2026-12-24")
    (part,) = alice.get("?fields=version,due_date,title,priority&sort=priority").data
    assert list(part.items()) == [(name, task[name]) for name in ("id", "title", "priority", "due_date", "version")]
    assert alice.get("?fields=title").data == [{"id": task["id"], "title": "a"}]


def test_total_counts_the_whole_list(alice):
    for number in range(5):
        alice.create(title=f"x {number}", tags=["a"] if number else [])
    pagination = alice.get("?tags_any=a&limit=3&count=true").json["pagination"]
    cursor = pagination.pop("next_cursor")
    assert pagination == {"limit": 3, "total": 4}
    assert "total" not in alice.get("?tags_any=a&limit=3&count=false").json["pagination"]
    later = f"?tags_any=a&limit=3&count=true&cursor={cursor}"
    assert alice.get(later).json["pagination"] == {"limit": 3, "next_cursor": None, "total": 4}
    for task in alice.get(later).data:
        alice.delete(f"/{task['id']}")
    assert alice.get(later).json == {"data": [], "pagination": {"limit": 3, "next_cursor": None, "total": 3}}
    assert alice.get("?tags_any=b&count=true").json["pagination"]["total"] == 0


@pytest.mark.parametrize(
    ("query", "names"),
    [
        *(("", []), ("status=pending", []), ("limit=1&fields=id&sort=-title", []), ("q=", [])),
        *(("q=x", ["q"]), ("tags_any=a&tagged=true", ["tagged", "tags_any"]), ("priority=high", ["priority"])),
        *(("count=true", ["count"]), ("count=false", []), ("tagged=false", ["tagged"]), ("sort=priority", ["sort"])),
        *(("sort=due", ["sort"]), ("sort=-due&status=pending", []), ("sort=due&overdue=true&time_zone=UTC", [])),
        *(("due=any&sort=due&status=pending", []), ("due_from=2026-01-01&status=pending", ["due_from"])),
        *(("sort=created_at&created_from=x", []), ("sort=id&created_from=x", ["created_from"])),
        ("sort=-completed_at&status=completed&completed_before=x&updated_from=x", ["updated_from"]),
        *(("page=1", []), ("count=x", [])),
    ],
)
def test_costly_lists_are_those_that_no_index_bounds(query, names):
    assert list(costly_names(dict(parse_qsl(query, keep_blank_values=True)))) == names


def test_zone_that_only_the_database_does_not_know_is_named(app, secret, monkeypatch):
    user = LocalUser(app, secret)
    assert user.send("POST", json={"title": "t", "due_date": "2026-01-01"}).status_code == 201
    monkeypatch.setattr("taskapp.tasks.fields._zones", lambda: {"Mars/Phobos": "Mars/Phobos"})
    response = user.send("GET", "?overdue=true&time_zone=Mars/Phobos")
    assert (response.status_code, list(response.json["error"]["details"])) == (422, ["time_zone"])


@pytest.mark.parametrize(("query", "costly"), [("", False), ("?limit=1", False), ("?sort=priority&count=true", True)])
def test_costly_list_takes_a_thread_as_such(app, secret, query, costly):
    claims = []
    token = claim_thread.set(lambda _user, *, costly: claims.append(costly))
    try:
        assert LocalUser(app, secret).send("GET", query).status_code == 200
    finally:
        claim_thread.reset(token)
    assert claims == [costly]


def test_costly_list_that_takes_too_long_is_stopped_and_says_why(make_app, secret, database_url):
    user = LocalUser(make_app(REQUEST_TIMEOUT=1), secret)
    user.read()
    with locked_tasks(database_url):
        response = user.send("GET", "?tags_any=a&count=true&sort=priority&status=pending")
        assert (response.status_code, response.json["error"]["code"]) == (422, "OPERATION_TOO_SLOW")
        assert list(response.json["error"]["details"]) == ["count", "sort", "tags_any"]
        assert user.send("GET", "?status=pending&sort=due&due=any").status_code == 503
