"""The operations on calendars, one function each. They are independent of HTTP."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg2
from sqlalchemy import Executable

from taskapp.db.execute import execute, execute_in_turn
from taskapp.http.json_provider import with_microseconds
from taskapp.tasks.calendars import queries
from taskapp.tasks.calendars.errors import CalendarNotFound, TooManyCalendars
from taskapp.tasks.calendars.feed import Event, Settings, write_feed
from taskapp.tasks.calendars.tokens import make_token, read_token
from taskapp.tasks.errors import UnknownTimeZone

_FIELDS = ("id", *queries.CHANGEABLE, "created_at")


class Feed(NamedTuple):
    """A feed.

    Attributes:
        user_id: the user whose tasks it has.
        body: the calendar.
    """

    user_id: str
    body: bytes


def list_calendars(user_id: str) -> list[dict[str, Any]]:
    """Return the calendars of the user, oldest first.

    Raises:
        DatabaseUnavailable: see :func:`taskapp.db.execute.execute`. All functions of this module may raise it.
    """
    return [*map(_to_dict, execute(queries.LIST_CALENDARS, {}, user_id=user_id, can_retry=True))]


def get_calendar(user_id: str, calendar_id: int) -> dict[str, Any]:
    """Return a calendar of the user.

    Raises:
        CalendarNotFound: there is none with this id.
    """
    return _only(execute(queries.GET_CALENDAR, {"calendar_id": calendar_id}, user_id=user_id, can_retry=True))


def create_calendar(user_id: str, **fields: Any) -> tuple[dict[str, Any], str]:
    """Create a calendar, and return it with the token of its feed, which nothing returns again.

    Args:
        user_id: the acting user.
        fields: each of :data:`taskapp.tasks.calendars.queries.CHANGEABLE`.

    Raises:
        TooManyCalendars: the user has as many as possible.
        UnknownTimeZone: the database does not know the time zone.
        UserBusy: see :func:`taskapp.db.execute.execute_in_turn`.
    """
    token = make_token(user_id)
    parameters = {"digest": read_token(token).digest, **_parameters(fields)}
    rows = _write(queries.CREATE_CALENDAR, parameters, user_id)
    if not rows:
        raise TooManyCalendars
    return _to_dict(rows[0]), token


def update_calendar(user_id: str, calendar_id: int, **fields: Any) -> dict[str, Any]:
    """Change some fields of a calendar, and return it. Its token stays.

    Raises:
        CalendarNotFound, UnknownTimeZone, UserBusy: as above.
    """
    parameters = {"calendar_id": calendar_id, **_parameters(fields)}
    return _only(_write(queries.update_calendar(frozenset(fields)), parameters, user_id))


def delete_calendar(user_id: str, calendar_id: int) -> None:
    """Delete a calendar. From then on, its token yields nothing.

    Raises:
        CalendarNotFound, UserBusy: as above.
    """
    if not execute_in_turn(queries.DELETE_CALENDAR, {"calendar_id": calendar_id}, user_id=user_id):
        raise CalendarNotFound


def read_feed(token: str) -> Feed:
    """Return the feed of a token.

    Raises:
        CalendarNotFound: there is no calendar with this token.
    """
    user_id, digest = read_token(token)
    rows = execute(queries.READ_FEED, {"digest": digest}, user_id=user_id, can_retry=True)
    if not rows:
        raise CalendarNotFound
    count = len(Settings._fields)
    settings, events = Settings(*rows[0][:count]), (Event(*row[count:]) for row in rows)
    return Feed(user_id, write_feed(settings, (event for event in events if event.uid)))


def _write(statement: Executable, parameters: dict[str, Any], user_id: str) -> Sequence[tuple[Any, ...]]:
    try:
        return execute_in_turn(statement, parameters, user_id=user_id)
    except psycopg2.errors.InvalidParameterValue:
        raise UnknownTimeZone from None


def _parameters(fields: dict[str, Any]) -> dict[str, Any]:
    return {f"new_{name}": value for name, value in fields.items()}


def _only(rows: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    if not rows:
        raise CalendarNotFound
    return _to_dict(rows[0])


def _to_dict(row: tuple[Any, ...]) -> dict[str, Any]:
    calendar = dict(zip(_FIELDS, row, strict=True))
    return {**calendar, "created_at": with_microseconds(calendar["created_at"])}
