"""Calendars: VTODO components (RFC 5545)."""

import pytest

from taskapp.tasks.transfer.importers.report import WrongFile
from tests.support.converting import converted, only


def calendar(*lines):
    return "\r\n".join(
        ["BEGIN:VCALENDAR", "BEGIN:VTODO", "UID:u", "SUMMARY:t", *lines, "END:VTODO", "END:VCALENDAR", ""]
    )


@pytest.mark.parametrize(
    ("due", "fields"),
    [
        ("DUE;VALUE=DATE:20261224", ("2026-12-24", None, None)),
        ("DUE:20261224", ("2026-12-24", None, None)),
        ("DUE:20261224T170000", ("2026-12-24", "17:00", "Asia/Tokyo")),
        ("DUE:20261224T170000Z", ("2026-12-25", "02:00", "Asia/Tokyo")),
        ("DUE;TZID=Europe/Berlin:20261224T170000", ("2026-12-24", "17:00", "Europe/Berlin")),
        ("DUE;TZID=Asia/Calcutta:20261224T170000", ("2026-12-24", "17:00", "Asia/Kolkata")),
        ('DUE;TZID="W. Europe Standard Time":20261224T170000', ("2026-12-24", "17:00", "Europe/Berlin")),
        (
            "DUE;TZID=/softwarestudio.org/Olson_1/Europe/Berlin:20261224T170000",
            ("2026-12-24", "17:00", "Europe/Berlin"),
        ),
    ],
)
def test_due_is_a_day_or_a_time_in_a_zone_in_utc_or_on_any_clock(due, fields):
    line = only("calendar", calendar(due), time_zone="Asia/Tokyo")
    assert (line["due_date"], line["due_time"], line["time_zone"]) == fields


def test_time_in_utc_stays_there_without_a_zone():
    line = only("calendar", calendar("DUE:20261224T170000Z"))
    assert (line["due_time"], line["time_zone"]) == ("17:00", "UTC")


def test_time_on_any_clock_needs_a_time_zone():
    with pytest.raises(WrongFile, match=r"^file, line 2: The task has a time without a time zone. .* --time-zone"):
        converted("calendar", calendar("DUE:20261224T170000"))


@pytest.mark.parametrize("due", ["20261324", "20261224T17", "tomorrow", "20260230T000000Z"])
def test_wrong_due_is_reported(due):
    (line,), notes = converted("calendar", calendar(f"DUE:{due}"))
    assert (line["due_date"], notes) == (None, [f'file, line 2 "t": DUE "{due}" is neither a day nor a time.'])


def test_own_zone_of_a_program_is_reported():
    (line,), notes = converted("calendar", calendar("DUE;TZID=Mine:20261224T170000"), time_zone="Europe/Berlin")
    assert line["time_zone"] == "Europe/Berlin"
    assert notes == ['file, line 2 "t": "Mine" is no known time zone. That of --time-zone was used.']


@pytest.mark.parametrize(
    ("status", "completed", "description"),
    [
        ("NEEDS-ACTION", False, None),
        ("COMPLETED", True, None),
        ("IN-PROCESS", False, "Status: in process"),
        ("CANCELLED", True, "Status: cancelled"),
    ],
)
def test_status(status, completed, description):
    line = only("calendar", calendar(f"STATUS:{status}"))
    assert (line["completed"], line["description"]) == (completed, description)


def test_task_without_a_status_is_done_if_it_says_when():
    assert only("calendar", calendar("COMPLETED:20261103T080000Z"))["completed"] is True
    assert only("calendar", calendar())["completed"] is False


@pytest.mark.parametrize(
    ("numbers", "word"), [("0", None), ("1", "urgent"), ("234", "high"), ("5", "medium"), ("6789", "low")]
)
def test_priority(numbers, word):
    for number in numbers:
        assert only("calendar", calendar(f"PRIORITY:{number}"))["priority"] == word


def test_categories_are_tags():
    (line,), notes = converted("calendar", calendar("CATEGORIES:a,b\\,c", "CATEGORIES;LANGUAGE=en:d"))
    assert (line["tags"], notes) == (["a", "b c", "d"], ['"b,c" became the tag "b c". (1x)'])


@pytest.mark.parametrize(
    ("rule", "taken"),
    [
        ("FREQ=DAILY;INTERVAL=1", "FREQ=DAILY"),
        ("freq=weekly;byday=th;", "FREQ=WEEKLY;BYDAY=TH"),
        ("FREQ=WEEKLY;UNTIL=20271231T225959Z", "FREQ=WEEKLY;UNTIL=20271231"),
        ("FREQ=WEEKLY;UNTIL=20271231T235959Z", "FREQ=WEEKLY;UNTIL=20280101"),
        ("FREQ=WEEKLY;UNTIL=20271231T235959", "FREQ=WEEKLY;UNTIL=20271231"),
        ("FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"),
        ("FREQ=MONTHLY;BYDAY=4TH;WKST=SU", "FREQ=MONTHLY;BYDAY=4TH"),
    ],
)
def test_rules(rule, taken):
    line = only("calendar", calendar("DUE;TZID=Europe/Berlin:20261224T170000", f"RRULE:{rule}"))
    assert line["recurrence"] == {"rule": taken, "from": "due_date"}


def test_rule_with_one_day_is_none():
    line = only("calendar", calendar("DUE;TZID=Europe/Berlin:20261224T170000", "RRULE:FREQ=DAILY;COUNT=1"))
    assert (line["recurrence"], line["description"]) == (None, None)


def test_rule_of_a_day_needs_a_time_zone():
    with pytest.raises(WrongFile, match="The task recurs, but has no time zone"):
        converted("calendar", calendar("DUE;VALUE=DATE:20261224", "RRULE:FREQ=DAILY"))


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["RRULE:FREQ=HOURLY", "DUE:20261224T170000Z"], "FREQ must be DAILY, WEEKLY, MONTHLY or YEARLY."),
        (["RRULE:FREQ=DAILY"], "The task has no due date."),
        (["RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY", "DUE:20261224T170000Z"], "It is not one rule."),
        (["RRULE:FREQ", "DUE:20261224T170000Z"], "It is not a rule of RFC 5545."),
        (["RRULE:FREQ=DAILY;UNTIL=20261332T000000Z", "DUE:20261224T170000Z"], "UNTIL must be a day"),
    ],
)
def test_other_rules_stay_in_the_description(lines, reason):
    (line,), (note,) = converted("calendar", calendar(*lines))
    assert line["description"].startswith("Repeats: FREQ")
    assert f"The recurrence is only in the description. {reason}" in note


def test_what_has_no_place_is_counted_and_what_is_wrong_is_named():
    lines = (
        "GEO:1;2",
        "X-COLOR:red",
        "EXDATE:20261225",
        "PRIORITY:x",
        "no property",
        "BEGIN:VALARM",
        "X-A:b",
        "END:VALARM",
    )
    (line,), notes = converted("calendar", calendar(*lines, "RELATED-TO;RELTYPE=SIBLING:x", "ATTACH:" + "x" * 501))
    assert (line["priority"], line["description"]) == (None, None)
    assert notes == [
        'file, line 2: "no property" is no property.',
        'file, line 2: PRIORITY "x" is not 0 to 9.',
        *(
            f"{name}: Left out. (1x)"
            for name in ("ATTACH", "EXDATE", "GEO", "RELATED-TO with SIBLING", "VALARM", "X-COLOR")
        ),
    ]


def test_changed_occurrence_is_a_task_of_its_own():
    both = calendar("RRULE:FREQ=DAILY", "DUE:20261224T170000Z") + calendar("RECURRENCE-ID:20261225T170000Z")
    lines, notes = converted("calendar", both)
    assert (len({line["uid"] for line in lines}), notes) == (2, [])


def test_same_task_in_two_calendars_is_one():
    lines, notes = converted("calendar", calendar() + calendar())
    assert (len(lines), notes) == (1, ['file, line 8 "t": Left out. A task before it has the same id.'])


def test_events_and_journals_are_counted():
    others = ("BEGIN:VEVENT\nSUMMARY:e\nEND:VEVENT\n", "BEGIN:VJOURNAL\nEND:VJOURNAL\n")
    lines, notes = converted("calendar", f"BEGIN:VCALENDAR\n{others[0] * 2}{others[1]}END:VCALENDAR\n")
    assert (lines, notes) == ([], ["VEVENT: Left out. (2x)", "VJOURNAL: Left out. (1x)"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "file is no calendar"),
        ("BEGIN:VTODO\nEND:VTODO\n", "file is no calendar"),
        ("BEGIN:VCALENDAR\nBEGIN:VTODO\nSUMMARY:t\n", "file, line 2: The task that begins here does not end."),
        ("BEGIN:VCALENDAR\nBEGIN:VTODO\nBEGIN:VTODO\nEND:VTODO\n", "file, line 2: The task that begins here does not"),
    ],
)
def test_other_files_are_refused(text, reason):
    with pytest.raises(WrongFile, match=f"^{reason}"):
        converted("calendar", text)
