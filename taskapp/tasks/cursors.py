"""Cursors: places in a list, written so that a client can bring them back and nobody can make one up.

A cursor is signed for its user, status, q and sort together, and holds with no others.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from flask import current_app
from itsdangerous import BadData, URLSafeSerializer

from taskapp.errors import InvalidInput
from taskapp.tasks.service import Position

_TIMES = ("created_at", "updated_at")


def _serializer(user_id: str, listed: Mapping[str, Any]) -> URLSafeSerializer:
    salt = orjson.dumps([user_id, listed], option=orjson.OPT_SORT_KEYS)
    return URLSafeSerializer(current_app.config["CURSOR_SECRET"], salt, serializer=orjson)


def write_cursor(position: Position, user_id: str, listed: Mapping[str, Any]) -> str:
    """Write a place in the list of a user that ``listed`` (its status, q and sort) describes."""
    cursor = _serializer(user_id, listed).dumps(position)
    return cursor.decode() if isinstance(cursor, bytes) else cursor


def read_cursor(cursor: str, user_id: str, listed: Mapping[str, Any]) -> Position:
    """Read the place that a cursor stands for.

    Raises:
        InvalidInput: it was not written for this list.
    """
    try:
        value, task_id = _serializer(user_id, listed).loads(cursor)
    except BadData:
        sentence = "Is not the next_cursor of a list with the same status, q and sort."
        raise InvalidInput(details={"cursor": [sentence]}) from None
    return (datetime.fromisoformat(value) if listed["sort"].removeprefix("-") in _TIMES else value), task_id
