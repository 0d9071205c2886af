"""A subscription as calendar applications make it: a library fetches the feed of a real server again and again."""

import urllib.error
import urllib.request
from datetime import date

import icalendar
import pytest

from tests.support.calendars import calendars_of, create
from tests.support.recurring import complete, recurs

pytestmark = pytest.mark.slow


class Subscription:
    """An application that has subscribed to a URL."""

    def __init__(self, url):
        self.url, self.tag, self.calendar = url, None, None

    def refresh(self):
        """Fetch the feed if it has changed, and return the status."""
        headers = {"User-Agent": "calendar/1.0", **({"If-None-Match": self.tag} if self.tag else {})}
        request = urllib.request.Request(self.url, headers=headers)  # noqa: S310 # It is of the service.
        try:
            with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 # As above.
                self.tag = response.headers["ETag"]
                self.calendar = icalendar.Calendar.from_ical(response.read())
                return response.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def events(self):
        return [(str(event["SUMMARY"]), event["DTSTART"].dt) for event in self.calendar.events]


@pytest.fixture
def subscription(alice):
    return Subscription(create(alice).data["url"])


def test_subscription_follows_the_tasks(alice, subscription):
    task = alice.create(title="Call, then write; \\o/ ✉️", due_date="2035-02-01")
    assert [subscription.refresh() for _ in range(3)] == [200, 304, 304]
    assert subscription.events() == [(task["title"], date(2035, 2, 1))]
    alice.put(f"/{task['id']}", json={"due_date": "2035-02-02"})
    recurring = alice.create(title="r", **recurs("FREQ=DAILY;COUNT=3"))
    assert [subscription.refresh() for _ in range(2)] == [200, 304]
    days = [("r", date(2035, 1, number)) for number in (1, 2, 3)]
    assert subscription.events() == [*days, (task["title"], date(2035, 2, 2))]
    complete(alice, recurring)
    assert subscription.refresh() == 200
    assert subscription.events()[:2] == days[1:]


def test_deleted_calendar_ends_the_subscription_at_once(alice, subscription):
    assert subscription.refresh() == 200
    (calendar,) = alice.request("GET", calendars_of(alice)).data
    alice.request("DELETE", calendars_of(alice, f"/{calendar['id']}"))
    assert subscription.refresh() == 404


def test_erasure_ends_the_subscription_at_once(alice, subscription):
    assert subscription.refresh() == 200
    alice.request("DELETE", f"/api/{alice.user_id}?confirm={alice.user_id}")
    assert subscription.refresh() == 404
    alice.create(due_date="2035-01-01")
    create(alice)
    assert subscription.refresh() == 404
