"""Recurring tasks in writes of many: how they are made, completed, and left without days."""

from datetime import UTC, datetime, timedelta

from tests.support.postgres import run_sql

ZONE = "UTC"


def day(days):
    """A day from now. A constant would be another one after midnight."""
    return str(datetime.now(UTC).date() + timedelta(days))


def recurring(rule="FREQ=DAILY", days=1, origin="due_date", **fields):
    """The fields of a task that recurs."""
    return {
        "title": "t",
        "due_date": day(days),
        "time_zone": ZONE,
        "recurrence": {"rule": rule, "from": origin},
        **fields,
    }


def complete(task, *, completed=True):
    return {"op": "complete", "id": task["id"], "completed": completed}


def stored_recurrence(user, task):
    statement = "SELECT recurrence FROM tasks WHERE user_id = %s AND id = %s"
    return run_sql(user.url, statement, [user.user_id, task["id"]])[0][0]


def use_up(user, *tasks, days=()):
    """Leave new tasks only some of their stored days, also in the log."""
    left = str(list(days)).replace("'", '"')
    statement = """WITH used AS (
            UPDATE tasks SET recurrence = recurrence || jsonb_build_object('upcoming', %s::jsonb, 'all', false)
            WHERE user_id = %s AND id = ANY(%s) RETURNING *)
        UPDATE changes SET after = after || jsonb_build_object('recurrence', recurrence) FROM used
            WHERE changes.user_id = used.user_id AND task_id = id RETURNING id"""
    run_sql(user.url, statement, [left, user.user_id, [task["id"] for task in tasks]])
