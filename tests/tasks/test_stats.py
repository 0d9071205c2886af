"""Statistics: what they count, and which parameters they take."""

from datetime import date, timedelta
from urllib.parse import quote

import pytest

from tests.support.postgres import run_sql

ZERO = {
    **dict.fromkeys(("total", "pending", "completed", "overdue", "due_today", "no_due_date"), 0),
    "pending_by_priority": dict.fromkeys(("urgent", "high", "medium", "low", "none"), 0),
}


@pytest.fixture
def stats(alice):
    """Requests the statistics of alice."""
    return lambda query="?time_zone=UTC", **options: alice.get(f"/stats{query}", **options)


def test_user_without_tasks_has_zeros(stats):
    response = stats()
    assert (response.status, response.json) == (200, {"data": ZERO})
    assert response.headers["ETag"] is None
    assert response.headers["Cache-Control"] == "no-store"
    assert stats("?time_zone=UTC&from=2026-11-30&before=2026-12-02").data == {
        **ZERO,
        "days": [{"date": f"{day}", "created": 0, "completed": 0} for day in ("2026-11-30", "2026-12-01")],
    }


def test_counts_follow_the_tasks(alice, stats):
    late = alice.create(due_date="2026-01-01", priority="high")
    alice.create(due_date="2999-12-31", priority="urgent")
    alice.create(due_date="2026-01-01", completed=True, priority="low")
    alice.create()
    numbers = {"total": 4, "pending": 3, "completed": 1, "overdue": 1, "no_due_date": 1}
    counts = {
        **ZERO,
        **numbers,
        "pending_by_priority": {"urgent": 1, "high": 1, "medium": 0, "low": 0, "none": 1},
    }
    assert stats().data == counts
    alice.patch(f"/{late['id']}/complete")
    counts |= {"pending": 2, "completed": 2, "overdue": 0}
    counts["pending_by_priority"]["high"] = 0
    assert stats().data == counts


def test_reopened_task_was_not_completed_on_any_day(alice, stats, database_url):
    """A release before ``completed_at`` existed may reopen a task and leave the time behind."""
    task = alice.create(completed=True)
    day = date.fromisoformat(task["completed_at"][:10])
    query = f"?time_zone=UTC&from={day}&before={day + timedelta(1)}"
    assert stats(query).data["days"] == [{"date": f"{day}", "created": 1, "completed": 1}]
    run_sql(database_url, "UPDATE tasks SET completed = false WHERE id = %s", [task["id"]])
    assert stats(query).data["days"] == [{"date": f"{day}", "created": 1, "completed": 0}]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("", "time_zone"),
        ("?time_zone=", "time_zone"),
        ("?time_zone=Mars/Phobos", "time_zone"),
        ("?time_zone=FooBar3", "time_zone"),
        ("?time_zone=europe/berlin", "time_zone"),
        ("?time_zone=UTC%2B2", "time_zone"),
        ("?time_zone=UTC&time_zone=UTC", "time_zone"),
        ("?tz=UTC&time_zone=UTC", "tz"),
        ("?time_zone=UTC&from=2026-11-01", "before"),
        ("?time_zone=UTC&before=2026-11-01", "from"),
        ("?time_zone=UTC&from=2026-11-01&before=2026-11-01", "before"),
        ("?time_zone=UTC&from=2026-11-02&before=2026-11-01", "before"),
        ("?time_zone=UTC&from=2026-01-01&before=2027-01-03", "before"),
        ("?time_zone=UTC&from=2026-02-29&before=2026-03-01", "from"),
        ("?time_zone=UTC&from=2026-1-1&before=2026-03-01", "from"),
        ("?time_zone=UTC&from=20260101&before=2026-03-01", "from"),
        ("?time_zone=UTC&from=&before=2026-03-01", "from"),
        ("?time_zone=UTC&from=1899-12-31&before=1900-01-01", "from"),
        ("?time_zone=UTC&from=2999-12-31&before=3000-01-01", "before"),
        ("?time_zone=UTC&from=2026-03-01T00:00:00Z&before=2026-03-02", "from"),
        ("?time_zone=UTC&status=pending", "status"),
    ],
)
def test_bad_parameter_is_named(stats, query, name):
    response = stats(query)
    assert (response.status, list(response.error["details"])) == (422, [name])


@pytest.mark.parametrize("first", ["1900-01-01", "2026-01-01", "2998-12-30"])
@pytest.mark.parametrize("zone", ["Etc/GMT+12", "Pacific/Kiritimati"])
def test_range_of_366_days_has_each_of_them(stats, first, zone):
    first = date.fromisoformat(first)
    end = first + timedelta(366)
    days = stats(f"?time_zone={quote(zone)}&from={first}&before={end}").data["days"]
    assert [day["date"] for day in days] == [str(first + timedelta(number)) for number in range(366)]


def test_body_is_rejected(stats):
    assert list(stats(json={"time_zone": "UTC"}).error["details"]) == ["time_zone"]
