"""Recurring tasks in tests: how they are made and completed, and what is known of their series."""

from tests.support.change_log import assert_whole

# In the future, so that no completion is late. It is a Monday.
MONDAY = "2035-01-01"
WEEKLY = "FREQ=WEEKLY;BYDAY=MO"


def recurs(rule=WEEKLY, due_date=MONDAY, *, time_zone="Europe/Berlin", **recurrence):
    """The fields of a task that recurs."""
    return {"due_date": due_date, "time_zone": time_zone, "recurrence": {"rule": rule, **recurrence}}


def path_of(task):
    return f"/{task['id']}"


def complete(user, task, *, completed=True, **options):
    """Complete or reopen a task, and return the response."""
    response = user.patch(f"{path_of(task)}/complete", json={"completed": completed}, **options)
    assert response.status == 200, response.body
    return response


def following(response):
    """The next occurrence in a response, or None."""
    assert response.status == 200, response.body
    return response.json.get("next")


def days(user, status="pending"):
    """The days of the user's tasks, in the order in which they were created."""
    return [task["due_date"] for task in user.get(f"?status={status}&sort=id&limit=1000").data]


def assert_log(url, user):
    """The log of the user is whole; each completion of a recurring task and what it made are one write."""
    log = assert_whole(url, user.user_id)
    for entry in log:
        if entry["operation"] not in (None, entry["number"]):
            assert entry["operation"] == entry["number"] - 1
    return log
