"""Cursors: places in a list, written so that a client can bring them back and nobody can make one up.

A cursor is signed for its user, status, q and sort together, and holds with no others. The key to sign with is the same
for every worker and host, and nothing more to configure: the token secret or, where an issuer's public keys are used,
the database URL. While a second token secret is accepted, so are the cursors signed with it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from flask import Flask
from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import make_url

from taskapp.http.context import this_app
from taskapp.http.errors import InvalidInput
from taskapp.tasks.service import Position

_TIMES = ("created_at", "updated_at")


def _serializer(user_id: str, listed: Mapping[str, Any]) -> URLSafeSerializer:
    salt = orjson.dumps([user_id, listed], option=orjson.OPT_SORT_KEYS)
    return URLSafeSerializer(this_app().extensions["cursor_keys"], salt, serializer=orjson)


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
    if listed["sort"].removeprefix("-") in _TIMES:
        value = datetime.fromisoformat(value).replace(tzinfo=UTC)
    return value, task_id


def init_app(app: Flask) -> None:
    """Take the keys to sign with from the settings: as itsdangerous wants them, the one that signs is the last."""
    config = app.config
    keys = [secret for secret in (config["JWT_SECRET_FALLBACK"], config["JWT_SECRET"]) if secret]
    url = make_url(config["SQLALCHEMY_DATABASE_URI"])
    # Not among the settings: SECRET_KEY would make Flask read a session from the cookies of every request.
    app.extensions["cursor_keys"] = keys or [url.render_as_string(hide_password=False)]
