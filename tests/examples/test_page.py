"""The example front end: what a user does with tasks, on the real service and in a real browser."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

pytestmark = pytest.mark.slow

# A Friday, before noon in Berlin.
NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)


def today(example):
    """The day that it is for the reader, and stays, even if it is nearly midnight."""
    noon = datetime.now(ZoneInfo("Europe/Berlin")).replace(hour=12)
    example.page.clock.set_fixed_time(noon)
    return noon.date()


def test_list_shows_when_tasks_are_due(new_example, example_site):
    example = new_example(example_site)
    zone = {"time_zone": "Europe/Berlin"}
    for title, fields in {
        "Pay rent": {"due_date": "2026-11-25", "priority": "urgent"},
        "Stand-up": {"due_date": "2026-11-27", "due_time": "09:15", **zone},
        "Call Ann": {"due_date": "2026-11-27", "due_time": "17:00", **zone, "tags": ["home", "calls"]},
        "Buy milk": {"due_date": "2026-11-27"},
        # On the 28th in Tokyo is still today in Berlin.
        "Mail Tokyo": {"due_date": "2026-11-28", "due_time": "07:00", "time_zone": "Asia/Tokyo"},
        "Water the plants": {"due_date": "2026-11-28", **zone, "recurrence": {"rule": "FREQ=DAILY"}},
        "Gym": {"due_date": "2026-12-01"},
        "Tax": {"due_date": "2027-05-31"},
        "Read": {},
    }.items():
        example.client.create(title=title, **fields)
    example.page.clock.set_fixed_time(NOW)
    example.opened()
    assert example.shown() == {
        "Overdue": ["Pay rent | overdue by 2 days | Urgent priority", "Stand-up | overdue since 09:15"],
        "Today": ["Call Ann | today 17:00 | #calls #home", "Buy milk | today", "Mail Tokyo | today 23:00"],
        "Tomorrow": ["Water the plants | tomorrow | Every day"],
        "Next 7 days": ["Gym | Tuesday"],
        "Later": ["Tax | Mon 31 May 2027"],
        "Without a date": ["Read"],
    }


def test_days_are_those_of_the_reader(new_example, example_site):
    """In Auckland it is Friday evening, and in Los Angeles early on Friday. The words are in the browser's language."""
    client = example_site[1].client()
    client.create(title="Call", due_date="2026-11-27", due_time="12:00", time_zone="Europe/Berlin")
    client.create(title="Day", due_date="2026-11-27")
    client.create(title="Gym", due_date="2026-12-01")
    expected = {
        ("Pacific/Auckland", "en-NZ"): {
            "Today": ["Day | today"],
            "Tomorrow": ["Call | tomorrow 12:00 am"],
            "Next 7 days": ["Gym | Tuesday"],
        },
        ("America/Los_Angeles", "de-DE"): {
            "Today": ["Call | heute 03:00", "Day | heute"],
            "Next 7 days": ["Gym | Dienstag"],
        },
    }
    for (zone, locale), shown in expected.items():
        example = new_example(example_site, client, timezone_id=zone, locale=locale)
        example.page.clock.set_fixed_time(NOW)
        assert example.opened().shown() == shown


def test_add_with_everything(example):
    tomorrow = today(example) + timedelta(days=1)
    example.add("Water", due_date=tomorrow.isoformat(), time="17:30", priority="High", repeats="Every week")
    example.wait_for_toast("Added: Water.")
    assert example.shown() == {"Tomorrow": ["Water | tomorrow 17:30 | Every week | High priority"]}
    task = example.tasks()["Water"]
    assert (task["due_date"], task["due_time"], task["time_zone"]) == (tomorrow.isoformat(), "17:30", "Europe/Berlin")
    assert (task["recurrence"]["rule"], task["priority"]) == ("FREQ=WEEKLY", "high")
    assert example.focused() == "Title"
    assert example.page.locator("#add [name=title]").input_value() == ""


def test_complete_shows_the_next_occurrence(example):
    example.add("Water", due_date=today(example).isoformat(), repeats="Every day")
    example.wait_for_toast("Added: Water.")
    example.role("checkbox", "Water").click()
    example.wait_for_toast("Done: Water. Next: tomorrow.")
    assert example.shown() == {"Tomorrow": ["Water | tomorrow | Every day"]}
    example.role("button", "Undo").click()
    example.wait_for_status("All changes saved")
    assert example.shown() == {"Today": ["Water | today | Every day"]}
    assert [task["completed"] for task in example.client.get().data] == [False]


def test_edit_sends_only_what_was_changed(example):
    example.client.create(title="Buy milk", description="Two\r\nlitres", due_date="2026-12-24", tags=["home"])
    example.page.reload()
    example.row("Buy milk").get_by_role("button", name="Edit Buy milk").click()
    assert example.dialog().get_by_label("Notes").input_value() == "Two\nlitres"
    example.save(title="Buy oat milk", priority="Low")
    example.wait_for_toast("Saved: Buy oat milk.")
    (change,) = example.client.request("GET", f"{example.client.changes}?after=1").data
    assert change["changed"] == {
        "title": {"from": "Buy milk", "to": "Buy oat milk"},
        "priority": {"from": None, "to": "low"},
    }
    assert example.focused() == "Edit Buy oat milk"
    example.role("button", "Undo").click()
    example.wait_for_titles("Buy milk")


def test_edit_without_a_change_sends_nothing(example):
    recurrence = {"rule": "FREQ=MONTHLY;BYDAY=-1FR", "from": "due_date"}
    example.client.create(title="Report", due_date="2026-12-25", time_zone="Asia/Tokyo", recurrence=recurrence)
    example.page.reload()
    example.role("button", "Edit Report").click()
    assert example.dialog().locator(".hint").inner_text() == "The time is on the clock of Asia/Tokyo."
    example.save()
    assert example.tasks()["Report"]["version"] == 1
    example.role("button", "Edit Report").click()
    example.save(title="The report")
    example.wait_for_toast("Saved: The report.")
    assert example.tasks()["The report"]["recurrence"]["rule"] == recurrence["rule"]


def test_delete_and_undo(example):
    for title in ("one", "two", "three"):
        example.client.create(title=title)
    example.page.reload()
    example.role("button", "Delete two").click()
    example.wait_for_titles("one", "three")
    example.wait_for_toast("Deleted: two.")
    assert example.focused() == "three"
    example.role("button", "Undo").click()
    example.wait_for_titles("one", "two", "three")
    assert example.focused() == "two"
    example.wait_for_status("All changes saved")
    assert sorted(example.tasks()) == ["one", "three", "two"]


def test_undo_of_what_others_changed_is_explained(example):
    example.add("Buy milk")
    example.wait_for_toast("Added: Buy milk.")
    example.role("checkbox", "Buy milk").click()
    example.wait_for_toast("Done: Buy milk.")
    example.client.patch(f"/{example.tasks()['Buy milk']['id']}/complete", json={"completed": False})
    example.role("button", "Undo").click()
    example.wait_for_toast("This cannot be undone: The task was changed since.")
    assert example.status() == "All changes saved"


def test_filters_and_search(example):
    for title, fields in {
        "Late": {"due_date": "2026-01-01"},
        "Café": {"description": "ÉCLAIRS"},
        "Finished": {"completed": True},
    }.items():
        example.client.create(title=title, **fields)
    example.page.reload()
    example.wait_for_titles("Late", "Café")
    assert [radio.inner_text() for radio in example.page.locator("search fieldset label").all()] == [
        "Open 2",
        "Overdue 1",
        "Done 1",
    ]
    example.page.locator("search").get_by_text("Overdue").click()
    example.wait_for_titles("Late")
    example.page.locator("search").get_by_text("Done").click()
    example.wait_for_titles("Finished")
    example.page.locator("search").get_by_text("Open").click()
    example.role("searchbox", "Search tasks").fill("éclair")
    example.wait_for_titles("Café")
    example.role("searchbox", "Search tasks").fill("nothing like that")
    assert example.page.locator("#empty").inner_text() == "Nothing found."


def test_errors_are_at_the_fields(example):
    example.add("   ", due_date="2026-11-28", repeats="Every weekday")
    title = example.page.locator("#add [name=title]")
    repeats = example.page.locator("#add [name=recurrence]")
    title.and_(example.page.locator("[aria-invalid]")).wait_for()
    described = example.page.locator(f"#{title.get_attribute('aria-describedby')}")
    assert described.inner_text() == "Must be 1 to 255 characters, excluding surrounding white space."
    title.fill("Work")
    title.press("Enter")
    repeats.and_(example.page.locator("[aria-invalid]")).wait_for()
    assert "2026-11-28 is a Saturday" in example.page.locator("#add .error").inner_text()
    assert title.input_value() == "Work"
    repeats.select_option(label="Every week")
    title.press("Enter")
    example.wait_for_toast("Added: Work.")
    assert example.page.locator(".error").count() == 0
    example.role("button", "Edit Work").click()
    example.save(due_date="")
    error = example.dialog().locator(".error")
    assert "due_date" in error.inner_text()
    example.save(repeats="Never")
    example.wait_for_toast("Saved: Work.")
    assert example.tasks()["Work"]["recurrence"] is None


@pytest.mark.parametrize(
    "title",
    ["<img src=x onerror=alert(1)>", "</span><script>alert(1)</script>", "\"'><svg onload=alert(1)>", "&lt;b&gt;"],
)
def test_titles_are_only_text(example, title):
    dialogs = []
    example.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    example.add(title)
    example.wait_for_titles(title)
    example.role("checkbox", title).click()
    example.wait_for_toast(f"Done: {title}.")
    example.page.get_by_role("button", name="Undo").click()
    example.role("button", f"Edit {title}").click()
    assert example.dialog().get_by_label("Title").input_value() == title
    assert example.page.locator("img, main script, main svg").count() == 0
    assert dialogs == []
