"""Lists as of now, a number or a time: what they contain, which go together with what, and how pages follow."""

import re
from itertools import cycle, pairwise
from urllib.parse import quote, urlencode

import pytest

from taskapp.tasks.orders import SORTS
from tests.support.in_process import LocalUser
from tests.support.postgres import locked_tasks, run_sql

MARKER = "INSERT INTO changes (user_id, number, task_id, at, before, after) VALUES (%s, %s, 0, now(), '{}', '{}')"
FILTERS = [
    "",
    "q=a",
    "due_before=2999-01-01",
    "overdue=true&time_zone=UTC",
    "priority=none",
    "tags_any=home",
    "tags_any=nobody",
    "created_from=2026-01-01T00:00:00Z",
    "fields=title",
]


@pytest.fixture
def tasks(alice):
    """Three tasks, one of them completed, and the changes that made them."""
    tasks = [alice.create(title=title, tags=["home"], due_date="2026-12-24") for title in "abc"]
    tasks[1] = alice.patch(f"/{tasks[1]['id']}/complete").data
    return tasks


@pytest.mark.usefixtures("tasks")
def test_every_list_as_of_now_is_the_list_with_its_number(alice):
    for sort, chosen, count in zip(SORTS * 3, cycle(FILTERS), cycle(["true", "false"]), strict=False):
        status = "completed" if sort.endswith("completed_at") else "pending" if "overdue" in chosen else "all"
        if "overdue" in chosen and status == "completed":
            continue
        query = f"?sort={sort}&status={status}&limit=2&count={count}&{chosen}"
        plain, numbered = alice.get(query), alice.get(f"{query}&as_of=now")
        assert numbered.json == {**plain.json, "as_of": 4}, query
        link = plain.headers.get("Link", "")
        assert numbered.headers.get("Link", "") == link.replace("&cursor", "&as_of=now&cursor")


def test_empty_list_as_of_now_has_a_number(alice):
    assert alice.get("?as_of=now").json == {
        "data": [],
        "as_of": 0,
        "pagination": {"limit": 1000, "next_cursor": None},
    }
    alice.delete(f"/{alice.create()['id']}")
    assert alice.get("?as_of=now&count=true").json["as_of"] == 2
    assert alice.request("GET", f"/api/{alice.user_id}/changes?after=2").data == []


def test_marker_is_the_number_of_now(alice, database_url):
    run_sql(database_url, MARKER, [alice.user_id, 7])
    assert alice.get("?as_of=now").json["as_of"] == 7
    assert alice.get("?as_of=7").json["as_of"] == 7


def test_list_as_of_each_number(alice, tasks):
    first, second, third = tasks
    pending = {**second, "completed": False, "completed_at": None, "version": 2, "updated_at": second["created_at"]}
    changes = {"title": "z", "tags": [], "due_date": None, "priority": "high", "description": "y"}
    assert alice.put(f"/{first['id']}", json=changes).data["version"] == 5
    alice.delete(f"/{third['id']}")
    last = alice.create(title="new")
    states = [[], [first], [first, pending], [first, pending, third], [first, second, third]]
    for number, state in enumerate(states):
        response = alice.get(f"?as_of={number}&sort=id")
        assert (response.data, response.json["as_of"]) == (state, number)
    assert alice.get("?as_of=3&status=pending").data == [third, pending, first]
    assert alice.get("?as_of=4&status=completed").data == [second]
    assert alice.get("?as_of=4&fields=title&limit=1").data == [{"id": third["id"], "title": "c"}]
    assert alice.get("?as_of=007").data == alice.get().data
    assert alice.get("?as_of=7").data == [last, second, alice.get(f"/{first['id']}").data]


def test_earliest_value_since_then_counts(alice):
    first = alice.create(title="0", tags=["a"])
    path = f"/{first['id']}"
    changes = [{"title": "1"}, {"title": "2", "tags": []}, {"tags": ["b"]}, {"title": "2", "completed": True}]
    states = [first, *(alice.put(path, json=changed).data for changed in changes)]
    alice.delete(path)
    assert [alice.get(f"?as_of={number}").data for number in range(1, 6)] == [[state] for state in states]


@pytest.mark.parametrize("as_of", ["number", "time"])
def test_all_pages_are_of_the_same_number(alice, as_of, database_url):
    tasks = [alice.create(title=str(number)) for number in range(5)]
    sent = quote(tasks[-1]["created_at"]) if as_of == "time" else "5"
    first = alice.get(f"?as_of={sent}&sort=id&limit=2&count=true")
    alice.delete(f"/{tasks[3]['id']}")
    alice.put(f"/{tasks[4]['id']}", json={"title": "later"})
    alice.create()
    # As if a write had begun before the time and ended after the first page.
    late = "UPDATE changes SET at = %s WHERE user_id = %s AND number = 6"
    run_sql(database_url, late, [tasks[-1]["created_at"], alice.user_id])
    cursor = first.json["pagination"]["next_cursor"]
    for repeated in {sent, "5"}:
        page = alice.get(f"?as_of={repeated}&sort=id&limit=2&cursor={cursor}")
        assert (page.data, page.json["as_of"]) == (tasks[2:4], 5)
    pages = [first]
    while "Link" in pages[-1].headers:
        pages.append(alice.request("GET", re.match(r"<(.+)>", pages[-1].headers["Link"])[1]))
        assert pages[-1].status == 200, pages[-1].body
    assert [task for page in pages for task in page.data] == tasks
    assert [(page.json["as_of"], page.json["pagination"]["total"]) for page in pages] == [(5, 5)] * 3


def test_pages_that_follow_a_page_as_of_now_may_be_of_its_number(alice):
    tasks = [alice.create(title=str(number)) for number in range(4)]
    first = alice.get("?as_of=now&sort=id&limit=2").json
    alice.delete(f"/{tasks[2]['id']}")
    rest = alice.get(f"?as_of={first['as_of']}&sort=id&cursor={first['pagination']['next_cursor']}")
    assert first["data"] + rest.data == tasks
    now = alice.get(f"?as_of=now&sort=id&cursor={first['pagination']['next_cursor']}")
    assert (now.data, now.json["as_of"]) == ([tasks[3]], 5)


def test_cursor_of_another_number_is_rejected(alice):
    times = [alice.create()["created_at"] for _ in range(4)]
    for sent in ("3", times[2]):
        cursor = alice.get(f"?as_of={sent}&limit=1").json["pagination"]["next_cursor"]
        for other in ("", "as_of=now", "as_of=4", "as_of=2", f"as_of={times[1]}"):
            response = alice.get(f"?{other}&cursor={cursor}".replace("?&", "?"))
            assert (response.status, list(response.error["details"])) == (422, ["as_of"]), other
        assert alice.get(f"?as_of=3&sort=id&cursor={cursor}").error["details"].keys() == {"cursor"}
        assert alice.get(f"?as_of=3&cursor={cursor}").status == 200


def test_time_is_that_of_the_newest_change_before(alice, database_url):
    tasks = [alice.create(title=str(number)) for number in range(3)]
    times = [task["created_at"] for task in tasks]

    def number_of(time):
        response = alice.get("?" + urlencode({"as_of": time}))
        assert response.data == tasks[: response.json["as_of"]][::-1]
        return response.json["as_of"]

    for number, time in enumerate(times, start=1):
        assert number_of(time) == number
        assert number_of(time.lower()) == number
        assert number_of(time.replace("Z", "999Z")) == number  # Less than a microsecond later.
        assert number_of(before(time)) == number - 1
    assert number_of(times[1].replace("Z", "+00:00")) == 2
    assert number_of("0001-01-01T00:00:00Z") == 0
    move = "UPDATE changes SET at = %s::timestamptz + interval '1 microsecond' WHERE user_id = %s AND number = 3"
    run_sql(database_url, move, [times[1], alice.user_id])
    assert number_of(times[1].replace("Z", "9Z")) == 2
    assert [before(time) < time for time in times] == [True] * 3
    assert all(first <= second for first, second in pairwise(times))


def before(time):
    """The time a microsecond earlier."""
    seconds, _, digits = time.rstrip("Z").rpartition(".")
    return f"{seconds}.{int(digits) - 1:06}Z" if int(digits) else time


def test_what_is_not_known_is_gone(alice, database_url):
    tasks = [alice.create() for _ in range(4)]
    run_sql(database_url, "DELETE FROM changes WHERE user_id = %s AND number < 3", [alice.user_id])

    def assert_gone(as_of):
        response = alice.get("?" + urlencode({"as_of": as_of, "count": "true", "fields": "id"}))
        assert (response.status, response.error["code"]) == (410, "CHANGES_GONE"), as_of
        assert response.error["details"] == {"restart": f"{alice.tasks}?sort=id&as_of=now"}
        assert alice.request("GET", response.error["details"]["restart"]).json["as_of"] == 4

    for as_of in (0, 1, 5, 2**53 - 1, "2026-01-01T00:00:00Z", tasks[0]["created_at"], before(tasks[2]["created_at"])):
        assert_gone(as_of)
    assert alice.get("?as_of=2&sort=id").data == tasks[:2]  # The state before the first change that is known.
    assert alice.get("?" + urlencode({"as_of": tasks[2]["created_at"]})).json["as_of"] == 3
    run_sql(
        database_url,
        "UPDATE changes SET task_id = 0, before = '{}', after = '{}', previous = NULL"
        " WHERE user_id = %s AND number = 4",
        [alice.user_id],
    )
    for as_of in (2, 3, tasks[2]["created_at"]):
        assert_gone(as_of)
    assert alice.get("?as_of=4&sort=id").data == tasks


def test_page_that_is_continued_is_gone_too(alice, database_url):
    for _ in range(4):
        alice.create()
    cursor = alice.get("?as_of=1&limit=1").json["pagination"]["next_cursor"]
    assert cursor is None
    cursor = alice.get("?as_of=3&limit=1").json["pagination"]["next_cursor"]
    run_sql(database_url, "DELETE FROM changes WHERE user_id = %s AND number < 5", [alice.user_id])
    assert alice.get(f"?as_of=3&limit=1&cursor={cursor}").status == 410


INVALID = "Must be now, the number of a change, or a time with Z or an offset"
RANGE = "Must be from 0 to 9007199254740991."


@pytest.mark.parametrize(
    ("query", "name", "sentence"),
    [
        ("as_of=", "as_of", "Must not be empty."),
        *((f"as_of={value}", "as_of", INVALID) for value in ("x", "NOW", "-1", "1.0", "+1", "2026-11-26", "%D9%A3")),
        *((f"as_of={value}", "as_of", RANGE) for value in ("9007199254740992", "9" * 17, "9" * 5000)),
        ("as_of=2026-02-30T00:00:00Z", "as_of", "Must be a time that exists."),
        ("as_of=0001-01-01T00:00:00%2B01:00", "as_of", "Must be in the years"),
        *((f"as_of={year}-01-01T00:00:00Z", "as_of", "Must not be in the future.") for year in (2999, 9999)),
        ("as_of=1&as_of=1", "as_of", "Appears more than once."),
        ("as_of=0&q=", "q", "Can be sent with as_of=now, but not with another as_of."),
        *(
            (f"as_of={as_of}&{query}", name, "Can be sent with as_of=now, but not with another as_of.")
            for as_of in ("0", "2026-01-01T00:00:00Z")
            for name, query in (
                ("q", "q=a"),
                ("due_from", "due_from=2026-01-01"),
                ("overdue", "overdue=true&time_zone=UTC"),
                ("priority", "priority=high"),
                ("tagged", "tagged=true"),
                ("created_before", "created_before=2026-01-01T00:00:00Z"),
            )
        ),
        *((f"as_of=0&sort={sort}", "sort", "Must be id or -id") for sort in ("title", "-due", "-updated_at")),
        ("snapshot=1", "snapshot", "Unknown parameter. Did you mean as_of?"),
    ],
)
def test_invalid_as_of_is_rejected(alice, query, name, sentence):
    response = alice.get(f"?{query}")
    assert (response.status, response.error["code"]) == (422, "VALIDATION_ERROR")
    assert list(response.error["details"]) == [name]
    assert response.error["details"][name][0].startswith(sentence)


def test_list_that_takes_too_long_is_stopped(make_app, secret, database_url):
    user = LocalUser(make_app(REQUEST_TIMEOUT=1), secret)
    with locked_tasks(database_url):
        response = user.send("GET", "?as_of=0")
    assert (response.status_code, response.json["error"]["code"]) == (422, "OPERATION_TOO_SLOW")
    assert response.json["error"]["details"] == {"as_of": ["Took too long. Too many tasks have changed since then."]}
