"""Calendars in tests: how they are made, and how their feeds are read."""

from urllib.parse import urlsplit

import icalendar

from tests.support.recurring import recurs

CALENDAR = {"name": "Tasks", "time_zone": "Europe/Berlin"}


def calendars_of(client, path=""):
    return f"{client.tasks.removesuffix('/tasks')}/calendars{path}"


def create(client, **fields):
    """Create a calendar of a client, and return the response."""
    return client.request("POST", calendars_of(client), json={**CALENDAR, **fields})


def subscribe(client, **fields):
    """Create a calendar, and return the path of its feed."""
    response = create(client, **fields)
    assert response.status == 201, response.body
    return urlsplit(response.data["url"]).path


def fetch(client, path, **options):
    """Request a feed, as calendar applications do."""
    return client.request("GET", path, token=None, **options)


def read(client, path):
    """The feed at a path, as a library reads it."""
    response = fetch(client, path)
    assert (response.status, response.headers["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    return icalendar.Calendar.from_ical(response.body)


def components(calendar):
    """The events or to-dos of a calendar, by their uids."""
    found = {str(each["UID"]): each for each in calendar.subcomponents}
    assert len(found) == len(calendar.subcomponents)
    return found


def titles(client, path):
    return [str(each["SUMMARY"]) for each in read(client, path).subcomponents]


def names(calendar):
    """The two names of a calendar. The library does not know that these properties are texts."""

    def as_text(value):
        return str(icalendar.Event.from_ical(f"BEGIN:VEVENT\r\nSUMMARY:{value}\r\nEND:VEVENT")["SUMMARY"])

    return [as_text(calendar[name]) for name in ("NAME", "X-WR-CALNAME")]


def assert_feeds_keep_users_apart(alice, bob):
    """Also with the name of one user in front of the secret of the other one."""
    paths = {}
    for user in (alice, bob):
        user.create(title=user.user_id, due_date="2026-12-24")
        user.create(title=user.user_id, **recurs("FREQ=DAILY"))
        paths[user] = subscribe(user)
    for user, path in paths.items():
        assert titles(user, path) == [user.user_id] * 10
    (alices, bobs) = (path.removeprefix("/calendars/").split(".", 1) for path in paths.values())
    for swapped in ((alices[0], bobs[1]), (bobs[0], alices[1])):
        assert fetch(alice, f"/calendars/{'.'.join(swapped)}").error["code"] == "NOT_FOUND"
