"""Microsoft To Do: tasks as Microsoft Graph returns them."""

import pytest

from taskapp.tasks.transfer.importers.report import WrongFile
from tests.support.converting import converted, only

TASK = {"id": "1", "title": "t"}
THURSDAY = "2026-12-24"


def due(text, zone="UTC"):
    return {"dueDateTime": {"dateTime": text, "timeZone": zone}}


def recurring(day=THURSDAY, limits=None, **pattern):
    recurrence = {"pattern": {"interval": 1, **pattern}, "range": {"type": "noEnd", **(limits or {})}}
    return {"value": [TASK | due(f"{day}T00:00:00.0000000") | {"recurrence": recurrence}]}


@pytest.mark.parametrize(
    ("text", "zone", "day"),
    [
        ("2026-12-24T00:00:00.0000000", "UTC", "2026-12-24"),
        ("2026-12-23T23:00:00.0000000", "UTC", "2026-12-24"),
        ("2026-12-24T00:00:00", "Eastern Standard Time", "2026-12-24"),
        ("2026-12-24T17:30:00", "W. Europe Standard Time", "2026-12-24"),
        ("2026-12-24T17:30:00", "Asia/Tokyo", "2026-12-24"),
    ],
)
def test_due_dates_are_days(text, zone, day):
    line = only("microsoft", {"value": [TASK | due(text, zone)]}, time_zone="Europe/Berlin")
    assert (line["due_date"], line["due_time"], line["time_zone"]) == (day, None, None)


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Auckland", None])
def test_midnight_in_utc_is_that_day_in_every_zone(zone):
    line = only("microsoft", {"value": [TASK | due("2026-12-24T00:00:00.0000000")]}, time_zone=zone)
    assert line["due_date"] == "2026-12-24"


def test_midnight_of_somebody_in_utc_needs_a_time_zone():
    with pytest.raises(WrongFile, match=r"^file, item 1: The due date is an instant\. .* --time-zone"):
        converted("microsoft", {"value": [TASK | due("2026-12-23T23:00:00.0000000")]})


@pytest.mark.parametrize(
    ("pattern", "day", "rule"),
    [
        ({"type": "daily", "interval": 3}, THURSDAY, "FREQ=DAILY;INTERVAL=3"),
        ({"type": "weekly", "daysOfWeek": ["thursday"], "firstDayOfWeek": "monday"}, THURSDAY, "FREQ=WEEKLY;BYDAY=TH"),
        ({"type": "absoluteMonthly", "dayOfMonth": 24}, THURSDAY, "FREQ=MONTHLY;BYMONTHDAY=24"),
        ({"type": "absoluteMonthly", "dayOfMonth": 31}, "2026-12-31", "FREQ=MONTHLY;BYMONTHDAY=-1"),
        (
            {"type": "relativeMonthly", "daysOfWeek": ["thursday"], "index": "fourth"},
            THURSDAY,
            "FREQ=MONTHLY;BYDAY=4TH",
        ),
        (
            {"type": "relativeMonthly", "daysOfWeek": ["thursday", "friday"], "index": "last"},
            "2026-12-31",
            "FREQ=MONTHLY;BYDAY=TH,FR;BYSETPOS=-1",
        ),
        ({"type": "absoluteYearly", "dayOfMonth": 24, "month": 12}, THURSDAY, "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24"),
        ({"type": "absoluteYearly", "dayOfMonth": 29, "month": 2}, "2028-02-29", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1"),
        (
            {"type": "relativeYearly", "daysOfWeek": ["thursday"], "index": "last", "month": 12},
            "2026-12-31",
            "FREQ=YEARLY;BYMONTH=12;BYDAY=-1TH",
        ),
    ],
)
def test_patterns(pattern, day, rule):
    line = only("microsoft", recurring(day, **pattern), time_zone="Europe/Berlin")
    assert line["recurrence"] == {"rule": rule, "from": "due_date"}


@pytest.mark.parametrize(
    ("limits", "rule"),
    [
        ({"type": "endDate", "endDate": "2027-12-31"}, "FREQ=DAILY;UNTIL=20271231"),
        ({"type": "numbered", "numberOfOccurrences": 5, "startDate": THURSDAY}, "FREQ=DAILY;COUNT=5"),
    ],
)
def test_ranges(limits, rule):
    line = only("microsoft", recurring(limits=limits, type="daily"), time_zone="Europe/Berlin")
    assert line["recurrence"]["rule"] == rule


@pytest.mark.parametrize(
    ("pattern", "limits", "reason"),
    [
        ({"type": "hourly"}, {}, 'The pattern "hourly" is unknown.'),
        ({"type": "weekly"}, {}, "The pattern has no days of the week."),
        ({"type": "absoluteMonthly", "dayOfMonth": 30}, {}, "Day 30 is the last day of shorter months there"),
        (
            {"type": "relativeYearly", "daysOfWeek": ["monday", "friday"], "month": 1},
            {},
            "One of several weekdays in a month of each year is not supported.",
        ),
        (
            {"type": "daily"},
            {"type": "numbered", "numberOfOccurrences": 5, "startDate": "2026-12-01"},
            "It ends after a number of occurrences, of which it does not say how many are left.",
        ),
        ({"type": "weekly", "daysOfWeek": ["monday"]}, {}, "2026-12-24 is a Thursday; the rule has BYDAY=MO."),
    ],
)
def test_other_recurrences_are_reported(pattern, limits, reason):
    (line,), (note,) = converted("microsoft", recurring(limits=limits, **pattern), time_zone="Europe/Berlin")
    assert line["recurrence"] is None
    assert line["description"].startswith("Repeats: ")
    assert reason in note


@pytest.mark.parametrize(("importance", "word"), [("high", "high"), ("normal", None), ("low", "low"), (None, None)])
def test_importance(importance, word):
    assert only("microsoft", {"value": [TASK | {"importance": importance}]})["priority"] == word


def test_html_becomes_text():
    html = '<html><head><style>p {}</style></head><body><p>Call &amp; <a href="https://a.example">ask</a></p><br>now</body>'
    line = only("microsoft", {"value": [TASK | {"body": {"content": html, "contentType": "html"}}]})
    assert line["description"] == "Call & ask (https://a.example)\nnow"


def test_lists_with_their_tasks_become_tags():
    line = only("microsoft", [{"displayName": "Home", "tasks": [TASK | {"categories": ["a", 1, None]}]}])
    assert line["tags"] == ["Home", "a", "1"]


def test_states_links_attachments_and_further_pages():
    link = {"applicationName": "Mail", "displayName": "The offer", "webUrl": "https://a.example"}
    task = TASK | {"status": "waitingOnOthers", "linkedResources": [link], "hasAttachments": True}
    (line,), notes = converted("microsoft", {"value": [task], "@odata.nextLink": "https://a.example"})
    assert line["description"] == "Link: Mail The offer https://a.example\nStatus: waiting on others"
    assert notes == [
        "file: There are more tasks, at the URL in @odata.nextLink. Convert them, too.",
        "hasAttachments: Left out. (1x)",
    ]


@pytest.mark.parametrize("document", [{}, {"value": {}}, 1, None])
def test_other_json_is_refused(document):
    with pytest.raises(WrongFile, match="has no tasks"):
        converted("microsoft", document)
