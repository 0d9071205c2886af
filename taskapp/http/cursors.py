"""Cursors: places in a list, signed so that clients can send them back and nobody can make one up.

A cursor is signed for one list: its user and all parameters that decide what is in it. The key to sign with is the same
for every worker and host, and nothing more to configure: the token secret or, if an issuer's public keys are used, the
database URL. While a second token secret is accepted, so are the cursors signed with it.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from flask import Flask, current_app
from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import make_url

from taskapp.http.errors import InvalidInput


def _serializer(user_id: str, parameters: Mapping[str, Any]) -> URLSafeSerializer:
    salt = orjson.dumps([user_id, parameters], option=orjson.OPT_SORT_KEYS)
    return URLSafeSerializer(current_app.extensions["cursor_keys"], salt, serializer=orjson)


def sign_cursor(cursor: tuple[Any, ...], user_id: str, parameters: Mapping[str, Any]) -> str:
    """Sign a place in a list.

    Args:
        cursor: the values that the list is ordered by, as JSON has them or as times in UTC without a zone.
        user_id: whose list.
        parameters: those that decide what is in the list, and in which order.
    """
    signed = _serializer(user_id, parameters).dumps(cursor)
    return signed.decode() if isinstance(signed, bytes) else signed


def read_cursor(signed: str, user_id: str, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the values of a signed cursor; times among them are text that PostgreSQL reads.

    Raises:
        InvalidInput: it was not signed for this list.
    """
    try:
        return tuple(_serializer(user_id, parameters).loads(signed))
    except BadData:
        *first, last = parameters
        sentence = f"Is not the next_cursor of a list with the same {', '.join(first)} and {last}."
        raise InvalidInput(details={"cursor": [sentence]}) from None


def init_app(app: Flask) -> None:
    """Take the keys to sign with from the settings. As itsdangerous wants them, the one that signs comes last."""
    config = app.config
    keys = [secret for secret in (config["JWT_SECRET_FALLBACK"], config["JWT_SECRET"]) if secret]
    url = make_url(config["SQLALCHEMY_DATABASE_URI"])
    # Not among the settings: SECRET_KEY would make Flask read a session from the cookies of every request.
    app.extensions["cursor_keys"] = keys or [url.render_as_string(hide_password=False)]
