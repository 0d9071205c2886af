"""The OpenAPI parts of the routes of calendars other than schemas, and the responses to their errors."""

from http import HTTPStatus
from typing import Any

from taskapp.http.errors import ErrorResponse
from taskapp.http.openapi import QUOTA, describe_error, headers
from taskapp.tasks.calendars.queries import MAXIMUM_CALENDARS
from taskapp.tasks.examples import CREATED_AT

CALENDAR_NOT_FOUND = ErrorResponse(HTTPStatus.NOT_FOUND, "CALENDAR_NOT_FOUND", "Calendar not found.")
TOO_MANY_CALENDARS = ErrorResponse(
    HTTPStatus.CONFLICT, "CONFLICT", f"You have {MAXIMUM_CALENDARS} calendars, which is the maximum. Delete one first."
)
NO_KEY = (
    "Is not supported here, because the stored response would contain the secret URL. If there was no response, delete "
    "the new calendar, and create another one."
)

_EXAMPLE: dict[str, Any] = {
    "id": 3,
    "name": "Tasks",
    "time_zone": "Europe/Berlin",
    "as": "events",
    "alarm_minutes": 15,
    "created_at": CREATED_AT,
}
# Not a token: those are longer.
_URL = "https://tasks.example/calendars/ZGVtbw.k3Jv0m1x.ics"
_FEED = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//taskapp//tasks//EN\r
CALSCALE:GREGORIAN\r
NAME:Tasks\r
X-WR-CALNAME:Tasks\r
X-WR-TIMEZONE:Europe/Berlin\r
REFRESH-INTERVAL;VALUE=DURATION:PT1H\r
X-PUBLISHED-TTL:PT1H\r
BEGIN:VEVENT\r
UID:0b9e6f0e-6c0e-4b57-9d0a-6a4d1c0e8f11\r
DTSTAMP:20261122T093000Z\r
SEQUENCE:1\r
DTSTART:20261224T160000Z\r
DURATION:PT15M\r
TRANSP:TRANSPARENT\r
SUMMARY:Buy milk\r
DESCRIPTION:Two litres\\, not the sour kind\r
CATEGORIES:errand,home\r
PRIORITY:3\r
END:VEVENT\r
END:VCALENDAR\r
"""

CALENDAR_ID = {"in": "path", "name": "calendar_id", "description": "The `id` of the calendar.", "example": 3}
TOKEN = {
    "in": "path",
    "name": "token",
    "description": "The secret of the calendar, as in its `url`.",
    "schema": {"type": "string", "minLength": 1},
    "example": "ZGVtbw.k3Jv0m1x",
}
IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "description": "Return 304 if the feed still has one of these entity tags.",
    "schema": {"type": "string", "examples": ['"3f786850e387550fdab836ed7e6dc881"']},
}
_TAG = {
    "description": "The entity tag of the feed. It changes with its content.",
    "required": True,
    "schema": {"type": "string", "pattern": '^"[0-9a-f]{32}"$', "examples": ['"3f786850e387550fdab836ed7e6dc881"']},
}

CREATED: dict[str, Any] = {
    "description": "The new calendar, with its secret URL.",
    "example": {"data": {**_EXAMPLE, "url": _URL}},
    "headers": headers(*QUOTA, "Location"),
}
CALENDAR: dict[str, Any] = {
    "description": "The calendar.",
    "example": {"data": _EXAMPLE},
    "headers": headers(*QUOTA),
}
CALENDARS: dict[str, Any] = {**CALENDAR, "description": "All calendars.", "example": {"data": [_EXAMPLE]}}
DELETED: dict[str, Any] = {
    **CALENDAR,
    "description": "The calendar was deleted. Its URL is a 404 from now on.",
    "example": {"data": {"success": True, "message": "Calendar deleted"}},
}
TOO_MANY = describe_error(409, {"TooManyCalendars": TOO_MANY_CALENDARS}, "The user has the maximum of calendars.")
FEED: dict[str, Any] = {
    "description": "The calendar (RFC 5545).",
    "example": _FEED,
    "headers": {**headers(*QUOTA), "ETag": _TAG},
}
UNCHANGED: dict[str, Any] = {
    "description": "The feed has not changed since the entity tag in `If-None-Match`.",
    "headers": {**headers(*QUOTA), "ETag": _TAG},
}
NO_FEED = describe_error(404, {}, "No calendar has this URL.")
