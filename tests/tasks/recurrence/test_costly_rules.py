"""Rules whose days take long to find, in one request."""

import time
from datetime import date, timedelta

import pytest

from taskapp.tasks.bulk import bounds, service
from taskapp.tasks.errors import InvalidChange
from taskapp.tasks.recurrence import series
from taskapp.tasks.recurrence.missing_days import missing_days
from tests.support.in_process import LocalUser
from tests.support.recurring_operations import complete, recurring, use_up

# Its days are looked for until 2999.
COSTLY = "FREQ=YEARLY;COUNT={};BYDAY=5SU;BYMONTH=2,3"
FIRST = date(2032, 2, 29)


@pytest.fixture
def user(bulk_user):
    return bulk_user


def costly(count=1000):
    return {"op": "create", **recurring(COSTLY.format(count)), "due_date": str(FIRST)}


def refused(user, act):
    """The place in the request and the sentence of a refusal, which writes nothing."""
    before = user.traces()
    with pytest.raises(InvalidChange) as caught:
        act()
    assert user.traces() == before
    ((place, sentence),) = caught.value.details.items()
    assert sentence == bounds.TOO_COSTLY
    return place


def test_equal_rules_are_expanded_once(user):
    series._days_from.cache_clear()
    began = time.thread_time()
    user.bulk(*[costly()] * 100, read=False)
    assert time.thread_time() - began < bounds.LIMIT
    assert len(user.tasks()) == 100


def test_new_series_name_the_operation(user, monkeypatch):
    monkeypatch.setattr(bounds, "LIMIT", -1.0)
    assert refused(user, lambda: user.bulk(costly())) == "operations.0.recurrence"


def test_used_up_days_name_the_operation(user, monkeypatch):
    tasks = [user.create(**recurring()) for _ in range(2)]
    use_up(user, tasks[1])

    def find(used_up):
        with monkeypatch.context() as patch:
            patch.setattr(bounds, "LIMIT", -1.0)
            return missing_days(used_up)

    monkeypatch.setattr(service, "missing_days", find)
    assert refused(user, lambda: user.bulk(*map(complete, tasks))) == "operations.1.recurrence"
    assert refused(user, lambda: user.bulk_by({}, {"op": "complete", "completed": True})) == "filter"


@pytest.mark.slow
def test_a_thousand_of_the_worst_rules_end_soon(user):
    operations = [costly(1000 - number) for number in range(900)]
    began = time.thread_time()
    place = refused(user, lambda: user.bulk(*operations))
    assert place.startswith("operations.")
    assert time.thread_time() - began < bounds.LIMIT + 1


@pytest.mark.slow
def test_a_thousand_usual_rules_pass(user):
    days = (date(2035, 1, 1) + timedelta(number) for number in range(1000))
    operations = [{"op": "create", **recurring("FREQ=WEEKLY"), "due_date": str(day)} for day in days]
    user.bulk(*operations, read=False)
    assert len(user.bulk_by({}, {"op": "delete"}, read=False).tasks) == 1000


def test_refusal_over_http(app, secret, monkeypatch):
    monkeypatch.setattr(bounds, "LIMIT", -1.0)
    response = LocalUser(app, secret).send("POST", "/bulk", json={"operations": [costly()]})
    assert (response.status_code, response.json["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert response.json["error"]["details"] == {"operations.0.recurrence": [bounds.TOO_COSTLY]}
