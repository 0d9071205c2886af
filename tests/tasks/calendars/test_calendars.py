"""The routes of calendars."""

from urllib.parse import urlsplit

import pytest

from taskapp.tasks.calendars import service
from taskapp.tasks.errors import UnknownTimeZone
from tests.support.calendars import CALENDAR, calendars_of, create, fetch, read, subscribe
from tests.support.client import raw
from tests.support.postgres import run_sql

FULL = {"name": "Alice's tasks", "time_zone": "America/New_York", "as": "todos", "alarm_minutes": 0}


def test_calendar_is_created_with_a_url_that_no_other_response_has(alice):
    response = create(alice, **FULL)
    calendar = response.data
    url = calendar.pop("url")
    assert (response.status, {name: calendar[name] for name in FULL}) == (201, FULL)
    assert response.headers["Location"] == calendars_of(alice, f"/{calendar['id']}")
    assert alice.request("GET", response.headers["Location"]).json == {"data": calendar}
    assert alice.request("GET", calendars_of(alice)).json == {"data": [calendar]}
    assert fetch(alice, urlsplit(url).path).status == 200


def test_defaults(alice):
    calendar = create(alice).data
    assert (calendar["as"], calendar["alarm_minutes"]) == ("events", None)


def test_url_is_absolute_as_the_client_called_the_service(alice, server):
    assert create(alice).data["url"].startswith(f"http://127.0.0.1:{server.port}/calendars/")
    url = create_with(alice, {"Host": "tasks.example", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/todo"})
    assert url.startswith("https://tasks.example/todo/calendars/")


def create_with(client, headers):
    response = client.request("POST", calendars_of(client), json=CALENDAR, headers=headers)
    assert response.status == 201
    return response.data["url"]


def test_url_without_a_host_is_a_path(alice, server):
    body = b'{"name": "n", "time_zone": "UTC"}'
    head = f"POST {calendars_of(alice)} HTTP/1.0\r\nAuthorization: Bearer {alice.token}\r\n"
    about = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    assert raw(server.port, (head + about).encode() + body).data["url"].startswith("/calendars/")


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"name": ""}, "name"),
        ({"name": " \u200b"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\0"}, "name"),
        ({"name": None}, "name"),
        ({"time_zone": "Mars/Phobos"}, "time_zone"),
        ({"time_zone": None}, "time_zone"),
        ({"as": "journal"}, "as"),
        ({"as": None}, "as"),
        ({"alarm_minutes": -1}, "alarm_minutes"),
        ({"alarm_minutes": 40_321}, "alarm_minutes"),
        ({"alarm_minutes": "15"}, "alarm_minutes"),
        ({"alarm_minutes": True}, "alarm_minutes"),
        ({"url": "https://x"}, "url"),
        ({"id": 1}, "id"),
        ({"reminder": 15}, "reminder"),
        ({"user_id": "somebody"}, "user_id"),
    ],
)
def test_invalid_field_is_named(alice, fields, name):
    assert list(create(alice, **fields).error["details"]) == [name]
    calendar = create(alice).data
    changed = alice.request("PATCH", calendars_of(alice, f"/{calendar['id']}"), json=fields)
    assert list(changed.error["details"]) == [name]
    assert alice.request("GET", calendars_of(alice)).data == [{key: calendar[key] for key in calendar if key != "url"}]


def test_name_and_time_zone_are_required(alice):
    response = alice.request("POST", calendars_of(alice), json={})
    assert response.error["details"].keys() == {"name", "time_zone"}


def test_values_are_stored_as_tasks_have_them(alice):
    calendar = create(alice, name=" Tägliche \U0001f4c5 ", time_zone="Asia/Calcutta", alarm_minutes=40_320).data
    assert (calendar["name"], calendar["time_zone"]) == ("Tägliche \U0001f4c5", "Asia/Kolkata")


def test_changes_keep_the_url(alice):
    path = subscribe(alice)
    (calendar,) = alice.request("GET", calendars_of(alice)).data
    own = calendars_of(alice, f"/{calendar['id']}")
    for field, value in [*FULL.items(), ("alarm_minutes", None)]:
        calendar[field] = value
        assert alice.request("PATCH", own, json={field: value}).json == {"data": calendar}
    assert read(alice, path)["X-WR-CALNAME"] == FULL["name"]
    assert alice.request("PATCH", own, json={}).error["details"].keys() == {"body"}


def test_deleted_calendar_is_gone_at_once(alice):
    paths = [subscribe(alice), subscribe(alice)]
    first, second = alice.request("GET", calendars_of(alice)).data
    own = calendars_of(alice, f"/{first['id']}")
    assert alice.request("DELETE", own).data == {"success": True, "message": "Calendar deleted"}
    assert [fetch(alice, path).status for path in paths] == [404, 200]
    assert alice.request("GET", calendars_of(alice)).data == [second]
    for method, options in (("GET", {}), ("DELETE", {}), ("PATCH", {"json": {"name": "x"}})):
        assert alice.request(method, own, **options).error["code"] == "CALENDAR_NOT_FOUND"


@pytest.mark.parametrize("calendar_id", ["0", "-1", "x", "01", str(2**63)])
def test_invalid_id_is_a_calendar_that_does_not_exist(alice, calendar_id):
    for method, options in (("GET", {}), ("DELETE", {}), ("PATCH", {"json": {}})):
        response = alice.request(method, calendars_of(alice, f"/{calendar_id}"), **options)
        assert response.error["code"] == "CALENDAR_NOT_FOUND"


def test_a_user_has_at_most_20_calendars(alice, bob):
    for number in range(20):
        assert create(alice, name=str(number)).status == 201
    response = create(alice)
    assert (response.status, response.error["code"]) == (409, "CONFLICT")
    assert "maximum" in response.error["message"]
    calendars = alice.request("GET", calendars_of(alice)).data
    assert [each["name"] for each in calendars] == [*map(str, range(20))]
    assert create(bob).status == 201
    alice.request("DELETE", calendars_of(alice, f"/{calendars[3]['id']}"))
    assert [create(alice).status for _ in range(2)] == [201, 409]


def test_idempotency_key_is_refused_because_the_url_would_be_stored(alice, database_url):
    response = alice.request("POST", calendars_of(alice), json=CALENDAR, headers={"Idempotency-Key": "k"})
    assert (response.status, list(response.error["details"])) == (422, ["Idempotency-Key"])
    assert alice.request("GET", calendars_of(alice)).data == []
    assert run_sql(database_url, "SELECT 1 FROM idempotency_keys WHERE user_id = %s", [alice.user_id]) == []


def test_anything_else_in_the_request_is_rejected(alice):
    for method in ("GET", "POST"):
        response = alice.request(method, calendars_of(alice, "?limit=5"), json=CALENDAR if method == "POST" else ...)
        assert list(response.error["details"]) == ["limit"]


def test_time_zone_that_the_database_does_not_know(app):
    with app.app_context():
        for change in (service.create_calendar, lambda user, **fields: service.update_calendar(user, 1, **fields)):
            fields = {"name": "n", "time_zone": "Mars/Phobos", "as": "events", "alarm_minutes": None}
            try:
                change("of-mars", **fields)
            except (UnknownTimeZone, service.CalendarNotFound):  # A PATCH finds no row before it looks at the zone.
                continue
            pytest.fail("It was accepted.")
        assert service.list_calendars("of-mars") == []


def test_writes_are_not_changes_of_tasks(alice):
    """Calendars have no version, and are not in the log."""
    response = create(alice)
    assert response.headers["Change"] is None
    assert alice.request("GET", f"{alice.changes}?after=0").data == []
