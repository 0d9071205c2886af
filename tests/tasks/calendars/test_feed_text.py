"""Any text in a feed: the library icalendar reads back what was written, and every line is as RFC 5545 has it."""

import re
from datetime import UTC, date, datetime

import icalendar
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from taskapp.tasks.calendars.feed import Event, Settings, write_feed
from tests.support.calendars import names

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC).replace(tzinfo=None)
# All that fields of tasks may contain, and more often what iCalendar or a reader treats specially.
SPECIAL = st.sampled_from(
    [*'\\,;:"\n\r\t\v\f\x85\u2028\u2029\x01\x1f\x7f\xa0\u200f\u202e', "\\n", "\r\n", "👩‍👩‍👧", "é", "א"]
)
CHARACTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
TEXT = st.lists(SPECIAL | CHARACTERS, max_size=120).map("".join)
LINE_END = re.compile("\r\n|[\n\r\v\f\x85\u2028\u2029]")
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


def as_read(text):
    """A text without controls, with one kind of line end."""
    return CONTROL.sub("", LINE_END.sub("\n", text))


def event(**fields):
    defaults = {"uid": "u", "title": "t", "description": None, "priority": 4, "tags": [], "due_time": None}
    rest = {"version": 1, "updated_at": AT, "due_date": date(2026, 12, 24), "due_at": None, "morning": AT}
    return Event(**{**defaults, **rest, **fields})


def assert_well_formed(feed):
    assert feed.endswith(b"END:VCALENDAR\r\n")
    for line in feed.split(b"\r\n"):
        assert len(line) <= 75
        line.decode()  # No character is cut.
        assert not re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", line)
    assert len(feed.decode().splitlines()) == feed.count(b"\r\n")


@settings(deadline=None)
@given(
    title=TEXT, description=TEXT, tags=st.lists(TEXT, max_size=3), name=TEXT, kind=st.sampled_from(["events", "todos"])
)
@example(title="x" * 68, description="é" * 40, tags=["a" * 66], name="\U0001f4c5" * 25, kind="events")
@example(title="\\" * 80, description=";" * 80, tags=["\\n", "\\,"], name="\n" * 80, kind="todos")
def test_every_text_is_read_back(title, description, tags, name, kind):
    feed = write_feed(
        Settings(name, "UTC", kind, 0), [event(title=title, description=description, tags=tags, due_at=AT), event()]
    )
    assert_well_formed(feed)
    calendar = icalendar.Calendar.from_ical(feed)
    component, other = calendar.subcomponents
    assert names(calendar) == [as_read(name)] * 2
    assert str(component["SUMMARY"]) == str(component.subcomponents[0]["DESCRIPTION"]) == as_read(title)
    assert str(component.get("DESCRIPTION", "")) == as_read(description)
    assert [str(each) for each in component["CATEGORIES"].cats] == [*map(as_read, tags)] if tags else True
    assert str(other["SUMMARY"]) == "t"


@pytest.mark.parametrize("character", ["x", "é", "€", "\U0001f4c5"])
def test_lines_of_every_length_are_folded(character):
    titles = [character * length for length in range(155)]
    feed = write_feed(Settings("n", "UTC", "events", None), [event(title=title) for title in titles])
    assert_well_formed(feed)
    assert [str(each["SUMMARY"]) for each in icalendar.Calendar.from_ical(feed).subcomponents] == titles


def test_lines_are_as_long_as_possible():
    feed = write_feed(Settings("n", "UTC", "events", None), [event(title="x" * 300)])
    folded = [line for line in feed.split(b"\r\n") if line.startswith((b"SUMMARY", b" "))]
    assert [len(line) for line in folded] == [75, 75, 75, 75, 12]


@pytest.mark.parametrize("line", ["x\r\nEND:VEVENT\r\nBEGIN:VEVENT", "x\nATTENDEE:mailto:a@b", "x\rURL:https://evil"])
def test_no_text_adds_a_property(line):
    feed = write_feed(Settings(line, "UTC", "events", 5), [event(title=line, description=line, tags=[line])])
    calendar = icalendar.Calendar.from_ical(feed)
    (component,) = calendar.subcomponents
    expected = {"UID", "DTSTAMP", "SEQUENCE", "DTSTART", "TRANSP", "SUMMARY", "DESCRIPTION", "CATEGORIES"}
    assert component.keys() == expected
    assert len(component.subcomponents) == 1
    assert AT.replace(tzinfo=UTC) == component["DTSTAMP"].dt
