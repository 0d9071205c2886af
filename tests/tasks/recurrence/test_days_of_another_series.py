"""If the stored days are used up, a write is sent again with days that were read. The task may have changed since."""

import pytest

from taskapp.db.execute import statement_executed
from tests.support.change_log import assert_whole
from tests.support.postgres import run_sql
from tests.support.recurring import recurs
from tests.support.recurring_operations import complete, day, recurring, use_up

# Each way sends a message that finds the days used up, and one with the days. A single write reads them in between.
WAYS = {
    "single": (2, lambda user, task: user.complete(task)),
    "bulk": (1, lambda user, task: user.bulk(complete(task)).following.get(0)),
}


@pytest.fixture
def user(bulk_user):
    yield bulk_user
    assert_whole(bulk_user.url, bulk_user.user_id)


def complete_while(user, task, way, edit, *, after=None):
    """Complete a task, which is edited just before the message that has the days, or after some messages."""
    messages, write = WAYS[way]
    left = [after or messages]

    def count(_engine, **_facts):
        left[0] -= 1
        if left[0] == 0:
            edit()

    with statement_executed.connected_to(count):
        return write(user, task)


@pytest.mark.parametrize("way", WAYS)
def test_days_of_the_series_before_are_not_taken(user, way):
    task = user.create(**recurring())
    use_up(user, task)
    weekly = recurs("FREQ=WEEKLY;INTERVAL=2", day(1), time_zone="UTC", **{"from": "due_date"})
    made = complete_while(user, task, way, lambda: user.put(task, **weekly))
    assert (made["due_date"], made["recurrence"]["next"]) == (day(15), day(29))


MOVE = """
UPDATE tasks SET recurrence = recurrence || %(later)s WHERE user_id = %(user)s;
UPDATE changes SET after = jsonb_set(after, '{recurrence}', after -> 'recurrence' || %(later)s)
    WHERE user_id = %(user)s AND before IS NULL
"""


@pytest.mark.parametrize("way", WAYS)
def test_days_of_another_occurrence_are_not_taken(user, way):
    task = user.create(**recurring())
    use_up(user, task)
    later = f'{{"occurrence": "{day(7)}", "upcoming": ["{day(8)}", "{day(9)}"]}}'
    parameters = {"later": later, "user": user.user_id}
    made = complete_while(user, task, way, lambda: run_sql(user.url, MOVE, parameters))
    assert made["due_date"] == day(8)


@pytest.mark.parametrize("way", WAYS)
def test_series_that_has_ended_meanwhile_has_no_next(user, way):
    task = user.create(**recurring())
    use_up(user, task)
    assert complete_while(user, task, way, lambda: user.put(task, recurrence=None)) is None
    assert [(each["completed"], each["recurrence"]) for each in user.tasks()] == [(True, None)]


EDITS = {
    "completed": lambda user, task: user.complete(task),
    "ended": lambda user, task: user.put(task, recurrence=None),
    "later": lambda user, task: user.put(task, **recurs("FREQ=DAILY", day(1), time_zone="UTC", **{"from": "due_date"})),
}


@pytest.mark.parametrize("edit", EDITS)
def test_task_whose_days_are_not_missing_any_more_is_found(user, edit):
    """A single write reads them only after a first attempt."""
    task = user.create(**recurring())
    use_up(user, task)
    made = complete_while(user, task, "single", lambda: EDITS[edit](user, task), after=1)
    assert made == (user.tasks()[-1] if edit == "later" else None)
    assert [each["due_date"] for each in user.tasks(status="pending")] == ([] if edit == "ended" else [day(2)])
    assert user.get(task)["completed"]


@pytest.mark.parametrize("way", WAYS)
def test_days_that_are_missing_again_are_looked_for_again(user, way):
    task = user.create(**recurring())
    use_up(user, task)
    early = recurs("FREQ=DAILY", day(-100), time_zone="UTC", **{"from": "due_date"})
    made = complete_while(user, task, way, lambda: user.put(task, **early))
    assert made["due_date"] in {day(0), day(1)}
