"""Tasks with reminders, and what the table has of them."""

from tests.support.postgres import run_sql

DUE = {"due_date": "2035-12-24", "due_time": "17:00", "time_zone": "Europe/Berlin"}
HALF_AN_HOUR = {"minutes_before": 30}
# As text in UTC: of the two above.
HALF_PAST_FOUR = "2035-12-24T15:30:00"
PAST = {"at": "2020-01-01T00:00:00.000000Z"}
FUTURE = {"at": "2035-01-01T00:00:00.000000Z"}


def remind_at(url, user_id, task):
    """The instant of the reminder of a task, as text in UTC without its time zone; None if there is none."""
    text = "to_char(remind_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS')"
    ((instant,),) = run_sql(url, f"SELECT {text} FROM tasks WHERE user_id = %s AND id = %s", [user_id, task["id"]])
    return instant


def feed(client, after=0):
    """The changes of a user after a number."""
    return client.request("GET", f"{client.changes}?after={after}&limit=1000").data
