"""The session of an agent: it plans a week, reschedules what is overdue, completes tasks, and undoes that."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")


def day(days):
    """A day, so many days from today in Berlin."""
    return str(datetime.now(BERLIN).date() + timedelta(days=days))


def titles(tasks):
    return [task["title"] for task in tasks]


def plan_a_week(agent):
    """The session of a new user in Berlin."""
    planned = agent.call(
        "add_tasks",
        tasks=[
            {"title": "Pay the rent", "due_date": day(-3), "priority": "high"},
            {"title": "Call the bank", "due_date": day(-1), "tags": ["phone"]},
            {"title": "Dentist", "due_date": day(0)},
            {"title": "Water the plants", "due_date": day(2), "recurrence": {"rule": "FREQ=DAILY;INTERVAL=7"}},
            {"title": "Next month", "due_date": day(30)},
        ],
    )
    assert planned["tasks"][3]["time_zone"] == "Europe/Berlin"
    seen = agent.call("get_overview")
    assert titles(seen["overdue"]) == ["Pay the rent", "Call the bank"]
    assert titles(seen["due_today"]) == ["Dentist"]
    assert titles(seen["due_next_7_days"]) == ["Water the plants"]
    assert seen["tags"] == [{"name": "phone", "pending": 1, "total": 1}]
    assert (seen["counts"]["overdue"], seen["counts"]["due_today"], seen["today"]) == (2, 1, day(0))

    late = agent.call("find_tasks", overdue=True, sort="due")
    moved = agent.call(
        "update_tasks",
        tasks=[{"id": task["id"], "version": task["version"], "due_date": day(1)} for task in late["tasks"]],
    )
    assert [task["due_date"] for task in moved["tasks"]] == [day(1)] * 2
    assert agent.call("find_tasks", overdue=True)["total"] == 0

    plants, rent = planned["tasks"][3]["id"], planned["tasks"][0]["id"]
    done = agent.call("complete_tasks", ids=[plants, rent])
    assert [task["due_date"] for task in done["next_occurrences"]] == [day(9)]
    assert agent.call("get_overview")["counts"]["completed_today"] == 2

    assert str(done["change"]) in done["undo"]
    undone = agent.call("undo_change", change=done["change"])
    assert {task["id"]: task.get("completed") for task in undone["tasks"]} == {
        plants: False,
        rent: False,
        done["next_occurrences"][0]["id"]: None,
    }
    assert agent.call("find_tasks", status="completed")["total"] == 0
    assert agent.call("undo_change", change=undone["change"])["change"] > undone["change"]
    assert agent.call("find_tasks", status="completed")["total"] == 2
