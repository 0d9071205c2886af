"""The routes of calendars. Each one parses its input, calls one service function and returns a response."""

from typing import Any

from flask import Response

from taskapp.auth.guard import authorize
from taskapp.http.blueprint import Blueprint
from taskapp.http.errors import InvalidInput, map_error
from taskapp.http.id_converter import InvalidId
from taskapp.http.json_provider import json_response
from taskapp.http.openapi import API_ERRORS, ErrorEnvelope
from taskapp.http.request import current_request
from taskapp.tasks.calendars import openapi, schemas, service
from taskapp.tasks.calendars.errors import CalendarNotFound, TooManyCalendars
from taskapp.tasks.error_responses import UNKNOWN_TIME_ZONE
from taskapp.tasks.errors import UnknownTimeZone
from taskapp.tasks.response_schemas import DeletionEnvelope

bp = Blueprint(
    "calendars",
    __name__,
    guard=authorize,
    url_prefix="/api/<user_id>/calendars",
    description="Calendars of a user's tasks, to which calendar applications subscribe.",
    errors=API_ERRORS,
)
map_error(bp, CalendarNotFound, openapi.CALENDAR_NOT_FOUND)
map_error(bp, InvalidId, openapi.CALENDAR_NOT_FOUND)
map_error(bp, TooManyCalendars, openapi.TOO_MANY_CALENDARS, shared=False)
map_error(bp, UnknownTimeZone, UNKNOWN_TIME_ZONE)


@bp.route("", methods=["POST"])
@bp.arguments(schemas.CalendarIn)
@bp.response(201, schemas.NewCalendarEnvelope, **openapi.CREATED)
@bp.alt_response(409, schema=ErrorEnvelope, **openapi.TOO_MANY)
def create_calendar(user_id: str, body: dict[str, Any]) -> Response:
    """Create a calendar.

    `url` is the secret URL of its feed. Whoever has it can read your pending tasks with a day. Keep it: no other
    response has it. `Idempotency-Key` is not supported.
    """
    request = current_request()
    if "Idempotency-Key" in request.headers:
        raise InvalidInput(details={"Idempotency-Key": [openapi.NO_KEY]})
    calendar, token = service.create_calendar(user_id, **body)
    response = json_response({"data": {**calendar, "url": f"{request.base}/calendars/{token}.ics"}})
    response.status_code = 201
    response.headers["Location"] = f"{request.encoded_path}/{calendar['id']}"
    return response


@bp.route("", methods=["GET"])
@bp.response(200, schemas.CalendarListEnvelope, **openapi.CALENDARS)
def list_calendars(user_id: str) -> Response:
    """List calendars.

    Returns all of your calendars, oldest first, without their URLs.
    """
    return json_response({"data": service.list_calendars(user_id)})


@bp.route("/<id:calendar_id>", methods=["GET"], parameters=[openapi.CALENDAR_ID])
@bp.response(200, schemas.CalendarEnvelope, **openapi.CALENDAR)
@bp.alt_response(404, "NOT_FOUND")
def get_calendar(user_id: str, calendar_id: int) -> Response:
    """Get a calendar.

    Returns the calendar without its URL.
    """
    return json_response({"data": service.get_calendar(user_id, calendar_id)})


@bp.route("/<id:calendar_id>", methods=["PATCH"])
@bp.arguments(schemas.CalendarChangesIn)
@bp.response(200, schemas.CalendarEnvelope, **openapi.CALENDAR)
@bp.alt_response(404, "NOT_FOUND")
def update_calendar(user_id: str, calendar_id: int, body: dict[str, Any]) -> Response:
    """Change a calendar.

    Its URL stays, so applications that have subscribed show the change when they next fetch the feed.
    """
    return json_response({"data": service.update_calendar(user_id, calendar_id, **body)})


@bp.route("/<id:calendar_id>", methods=["DELETE"])
@bp.response(200, DeletionEnvelope, **openapi.DELETED)
@bp.alt_response(404, "NOT_FOUND")
def delete_calendar(user_id: str, calendar_id: int) -> Response:
    """Delete a calendar.

    Its URL is a 404 at once. To replace a URL that others know, delete the calendar and create another one.
    """
    service.delete_calendar(user_id, calendar_id)
    return json_response({"data": {"success": True, "message": "Calendar deleted"}})
