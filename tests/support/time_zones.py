"""Time zones that only the database can reject. Each version of PostgreSQL has its own errors for them."""

import pytest

from taskapp.db.idempotency import RequestKey
from taskapp.tasks import service
from taskapp.tasks.errors import InvalidChange, UnknownTimeZone
from taskapp.tasks.stats.service import count_tasks


def assert_unknown_time_zone_is_refused():
    """The database rejects a time zone that requests may name but it does not know, and the error says so."""
    due = {"due_date": "2020-02-29", "time_zone": "Mars/Phobos"}
    task_id = service.create_task("carol", title="t", due_date=due["due_date"]).fields["id"]
    for fails in (
        lambda: service.create_task("carol", title="t", **due),
        lambda: service.create_task("carol", title="t", **due, due_time="17:00", key=RequestKey("zone", b"x")),
        lambda: service.update_task("carol", task_id, **due),
        lambda: service.update_task("carol", task_id, **due, due_time="17:00"),
    ):
        with pytest.raises(InvalidChange) as caught:
            fails()
        assert caught.value.details.keys() == {"time_zone"}
    with pytest.raises(UnknownTimeZone):
        service.list_tasks("carol", status="all", sort="id", limit=9, overdue=True, time_zone=due["time_zone"])
    with pytest.raises(UnknownTimeZone):
        count_tasks("carol", time_zone=due["time_zone"])
