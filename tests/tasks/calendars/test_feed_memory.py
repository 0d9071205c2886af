"""The largest feed: its size and the memory that it takes are bounded."""

import tracemalloc

import pytest

from taskapp.tasks.calendars import service
from tests.support.postgres import run_sql

pytestmark = pytest.mark.slow

MIB = 2**20


def test_largest_feed(app, database_url):
    """Every text is as long as possible, of characters of four octets; twice as many tasks, all of which recur."""
    user, pin = "of-the-largest-feed", "\U0001f4cc"
    run_sql(
        database_url,
        "INSERT INTO tasks (user_id, title, description, tags, due_date, time_zone, due_order, recurrence)"
        " SELECT %s, repeat(%s, 255), repeat(%s, 1000), array_fill(repeat(%s, 50), ARRAY[20]), day, 'UTC',"
        "  day + time '24:00', jsonb_build_object('series_id', gen_random_uuid(), 'occurrence', day, 'upcoming',"
        "  (SELECT jsonb_agg(day + i) FROM generate_series(1, 31) i))"
        " FROM generate_series(1, 2000) n, LATERAL (SELECT current_date + n - 1000) d (day)",
        [user, pin, pin, pin],
    )
    with app.app_context():
        fields = {"name": "n", "time_zone": "UTC", "as": "events", "alarm_minutes": 0}
        _, token = service.create_calendar(user, **fields)
        service.read_feed(token)
        tracemalloc.start()
        body = service.read_feed(token).body
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    run_sql(database_url, "DELETE FROM tasks WHERE user_id = %s", [user])
    assert body.count(b"BEGIN:VEVENT") == 1000
    assert len(body) < 12 * MIB
    assert peak < 80 * MIB
