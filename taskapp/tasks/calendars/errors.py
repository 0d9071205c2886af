"""Errors of operations on calendars. They know no HTTP status."""


class CalendarNotFound(Exception):
    """The user has no such calendar."""


class TooManyCalendars(Exception):
    """The user has as many calendars as possible."""
