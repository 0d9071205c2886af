"""A list of tasks as somebody might have it, for pictures of the example front end."""

from datetime import UTC, datetime

# A Friday, half past ten in Berlin. The page's clock stands still at this time, so the pictures do not age.
NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
ZONE = {"time_zone": "Europe/Berlin"}
TASKS = [
    {"title": "Send the invoice to the agency", "due_date": "2026-11-25", "priority": "urgent", "tags": ["work"]},
    {"title": "Renew the parking permit", "due_date": "2026-11-26"},
    {"title": "Call the dentist", "due_date": "2026-11-27", "due_time": "14:00", **ZONE, "priority": "high"},
    {
        "title": "Water the plants",
        "due_date": "2026-11-27",
        **ZONE,
        "recurrence": {"rule": "FREQ=DAILY;INTERVAL=3", "from": "completion"},
        "tags": ["home"],
    },
    {
        "title": "Lunch with Ines",
        "description": "She wants to see the new design. Bring the drafts.",
        "due_date": "2026-11-28",
        "due_time": "12:30",
        **ZONE,
    },
    {
        "title": "Plan the week",
        "due_date": "2026-11-30",
        "due_time": "09:00",
        **ZONE,
        "recurrence": {"rule": "FREQ=WEEKLY"},
        "priority": "medium",
        "tags": ["work"],
    },
    {"title": "Book the train to Vienna", "due_date": "2026-12-18", "priority": "medium", "tags": ["travel"]},
    {"title": "Read “The Left Hand of Darkness”", "tags": ["books"]},
]


def open_with_tasks(example):
    """Open the page of a user who has these tasks, at that time."""
    for fields in TASKS:
        example.client.create(**fields)
    example.page.clock.set_fixed_time(NOW)
    return example.opened()
