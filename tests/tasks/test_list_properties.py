"""Properties of lists, for any set of tasks with ties and nulls, any order, filters and page size."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from taskapp.tasks.orders import SORTS
from taskapp.tasks.representation import FIELDS
from taskapp.tasks.service import STATUSES
from tests.support.list_model import expected, fill, is_refused

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
# Close to now, so that what is overdue depends on the time zone.
TODAY = datetime.now(UTC).date()
DAYS = ["1900-01-01", *(str(TODAY + timedelta(days=days)) for days in (-1, 0, 1)), "2999-12-31"]
ZONES = ["Etc/GMT+12", "America/Los_Angeles", "UTC", "Asia/Kathmandu", "Pacific/Kiritimati"]
TIMES = [(EPOCH + timedelta(microseconds=number)).isoformat(timespec="microseconds") for number in range(3)]
BOUNDS = [TIMES[1], "2026-01-01T05:45:00.000001+05:45", "2026-01-01T00:00:00.0000005Z", "1999-12-31T23:59:59Z"]
TAGS = st.sampled_from(["a", "b", "é", "a,b", "b,é", "a,b,é", "z"])


@st.composite
def tasks(draw):
    """A task as it is stored. An earlier release left out a time of completion, or left it behind."""
    day = draw(st.none() | st.sampled_from(DAYS))
    zone = draw(st.none() | st.sampled_from(ZONES)) if day else None
    return {
        "title": draw(st.sampled_from(["a", "A", "b", "ab", "é", "🙂"])),
        "description": draw(st.sampled_from([None, "", "a", "B"])),
        "completed": draw(st.booleans()),
        "completed_at": draw(st.none() | st.sampled_from(TIMES)),
        "priority": draw(st.integers(0, 4)),
        "tags": draw(st.just("") | TAGS),
        "due_date": day,
        "due_time": draw(st.sampled_from([None, "00:00", "12:30", "23:59"])) if zone else None,
        "time_zone": zone,
        "created_at": draw(st.sampled_from(TIMES)),
        "updated_at": draw(st.sampled_from(TIMES)),
    }


SOME_TASKS = st.lists(tasks(), max_size=20)
VALUES = {
    "status": st.sampled_from(STATUSES),
    "q": st.sampled_from(["", "a", "B", "É"]),
    "due_from": st.sampled_from(DAYS),
    "due_before": st.sampled_from(DAYS),
    "due": st.sampled_from(["any", "none"]),
    "overdue": st.just("true"),
    "time_zone": st.sampled_from(ZONES),
    "priority": st.sampled_from(["none", "high", "low,urgent", "urgent,high,medium,low,none"]),
    **dict.fromkeys(("tags_all", "tags_any", "tags_none"), TAGS),
    "tagged": st.sampled_from(["true", "false"]),
    **{
        f"{name}_{end}": st.sampled_from(BOUNDS)
        for name in ("created", "updated", "completed")
        for end in ("from", "before")
    },
}


@st.composite
def queries(draw):
    """Some filters in an order, not always ones that go together."""
    names = draw(st.lists(st.sampled_from(list(VALUES)), max_size=5, unique=True))
    if "overdue" in names and draw(st.integers(0, 9)):
        names = list({*names, "time_zone"})
    query = {name: draw(VALUES[name]) for name in sorted(names)}
    query["sort"] = draw(st.sampled_from(SORTS))
    if query["sort"].endswith("completed_at") and draw(st.integers(0, 9)):
        query["status"] = "completed"
    return query


property_test = settings(deadline=None, suppress_health_check=list(HealthCheck))


def walk(client, query, between=lambda: None):
    """Follow the cursors from the first page to the last, and return all pages."""
    pages, cursor = [], {}
    while cursor is not None:
        response = client.get("?" + urlencode({**query, **cursor}))
        assert response.status == 200, response.body
        pages.append(response.json)
        following = response.json["pagination"]["next_cursor"]
        cursor = following and {"cursor": following}
        between()
    return pages


def rows_of(pages):
    return [task for page in pages for task in page["data"]]


any_walk = given(
    some=SOME_TASKS,
    query=queries(),
    limit=st.integers(1, 7),
    fields=st.none() | st.sets(st.sampled_from(FIELDS), min_size=1),
    count=st.booleans(),
)


def assert_walk_yields_the_list(new_client, database_url, some, query, limit, fields, count):
    client = new_client()
    fill(database_url, client.user_id, some)
    everything = client.get().data
    sent = {**query, "limit": limit, **({"fields": ",".join(fields)} if fields else {}), "count": str(count).lower()}
    if is_refused(query):
        assert client.get("?" + urlencode(sent)).status == 422
        return
    before = expected(everything, query)
    pages = walk(client, sent)
    assume(before == expected(everything, query))  # A day may have ended meanwhile.
    shown = {"id", *fields} if fields else set(FIELDS)
    assert rows_of(pages) == [{name: task[name] for name in FIELDS if name in shown} for task in before]
    assert [page["pagination"].get("total") for page in pages] == [len(before) if count else None] * len(pages)
    client.close()


@settings(property_test, max_examples=25)
@any_walk
def test_walk_yields_the_list_in_order_once_each(new_client, database_url, **example):
    assert_walk_yields_the_list(new_client, database_url, **example)


@pytest.mark.slow
@settings(property_test, max_examples=300)
@any_walk
def test_many_walks_yield_the_list(new_client, database_url, **example):
    assert_walk_yields_the_list(new_client, database_url, **example)


@settings(property_test, max_examples=20)
@given(
    some=SOME_TASKS,
    query=queries(),
    limit=st.integers(1, 4),
    changes=st.lists(st.tuples(st.sampled_from(["create", "delete"]), st.integers(0, 30), tasks()), max_size=6),
)
def test_walk_meets_every_task_that_stays_once(new_client, database_url, some, query, limit, changes):
    assume(not is_refused(query))
    client = new_client()
    fill(database_url, client.user_id, some)
    before = client.get().data
    waiting = list(changes)

    def change():
        if not waiting:
            return
        kind, number, task = waiting.pop()
        if kind == "create":
            fill(database_url, client.user_id, [task])
        elif before:
            client.delete(f"/{before[number % len(before)]['id']}")

    found = [task["id"] for task in rows_of(walk(client, {**query, "limit": limit}, change))]
    assert len(found) == len(set(found))
    stayed = {task["id"] for task in before} & {task["id"] for task in client.get().data}
    assert {task["id"] for task in expected(before, query)} & stayed <= set(found)
    client.close()
