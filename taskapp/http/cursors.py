"""Cursors: positions in a list, signed so that clients cannot forge them.

A cursor is only valid for its user and for the parameters that determine the contents and the order of the list. The
signing key needs no setting of its own, and is the same for all workers and hosts: JWT_SECRET, or DATABASE_URL if
JWT_JWKS_URL is set. Cursors signed with JWT_SECRET_FALLBACK are valid too.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import orjson
from flask import Flask, current_app
from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import make_url

from taskapp.http.errors import InvalidInput
from taskapp.http.request import current_request

_FOREIGN = "Must be the next_cursor of the same list, with the same filters and sort."


def _serializer(user_id: str, parameters: Mapping[str, Any]) -> URLSafeSerializer:
    salt = orjson.dumps([user_id, parameters], option=orjson.OPT_SORT_KEYS)
    return URLSafeSerializer(current_app.extensions["cursor_keys"], salt, serializer=orjson)


def sign_cursor(cursor: tuple[Any, ...], user_id: str, parameters: Mapping[str, Any]) -> str:
    """Return a position in a list as a signed string.

    Args:
        cursor: the values of the sort columns; JSON values, or naive datetimes in UTC.
        user_id: the owner of the list.
        parameters: the parameters that determine the contents and the order of the list.
    """
    signed = _serializer(user_id, parameters).dumps(cursor)
    return signed.decode() if isinstance(signed, bytes) else signed


def read_cursor(signed: str, user_id: str, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the values of a signed cursor. Times are returned as text, which PostgreSQL can parse.

    Args:
        signed: the cursor that the client sent.
        user_id: the owner of the list.
        parameters: as for :func:`sign_cursor`.

    Raises:
        InvalidInput: the cursor was not signed for this list.
    """
    try:
        return tuple(_serializer(user_id, parameters).loads(signed))
    except BadData:
        raise InvalidInput(details={"cursor": [_FOREIGN]}) from None


def next_link(cursor: str) -> str:
    """Return the Link header (RFC 8288) of the next page: the current URL with another cursor."""
    request = current_request()
    return f'<{request.encoded_path}?{urlencode({**request.args, "cursor": cursor})}>; rel="next"'


def init_app(app: Flask) -> None:
    """Derive the signing keys from the settings. itsdangerous signs with the last key and verifies with all."""
    config = app.config
    keys = [secret for secret in (config["JWT_SECRET_FALLBACK"], config["JWT_SECRET"]) if secret]
    url = make_url(config["SQLALCHEMY_DATABASE_URI"])
    # Not SECRET_KEY, with which Flask would look for a session cookie in every request.
    app.extensions["cursor_keys"] = keys or [url.render_as_string(hide_password=False)]
