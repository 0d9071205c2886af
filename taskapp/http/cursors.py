"""Cursors: positions in a list, signed so that clients cannot forge them.

A cursor is only valid for its user and for the parameters that determine the contents and the order of the list. The
signing key needs no setting of its own, and is the same for all workers and hosts: JWT_SECRET, or DATABASE_URL if
JWT_JWKS_URL is set. Cursors signed with JWT_SECRET_FALLBACK are valid too.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import orjson
from flask import Flask, Response, current_app
from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import make_url

from taskapp.http.errors import InvalidInput
from taskapp.http.json_provider import json_response
from taskapp.http.request import current_request

_FOREIGN = "Must be the next_cursor of the same list, with the same filters and sort."


def _serializer(user_id: str, parameters: Mapping[str, Any]) -> URLSafeSerializer:
    salt = orjson.dumps([user_id, parameters], option=orjson.OPT_SORT_KEYS)
    return URLSafeSerializer(current_app.extensions["cursor_keys"], salt, serializer=orjson)


def _sign_cursor(cursor: tuple[Any, ...], user_id: str, parameters: Mapping[str, Any]) -> str:
    signed = _serializer(user_id, parameters).dumps(cursor)
    return signed.decode() if isinstance(signed, bytes) else signed


def read_cursor(signed: str, user_id: str, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the values of a signed cursor. Times are returned as text, which PostgreSQL can parse.

    Args:
        signed: the cursor that the client sent.
        user_id: the owner of the list.
        parameters: the parameters that determine the contents and the order of the list.

    Raises:
        InvalidInput: the cursor was not signed for this list.
    """
    try:
        return tuple(_serializer(user_id, parameters).loads(signed))
    except BadData:
        raise InvalidInput(details={"cursor": [_FOREIGN]}) from None


def next_link(**position: Any) -> str:
    """Return the Link header (RFC 8288) of the next page: the current URL with other parameters of the position."""
    request = current_request()
    return f'<{request.encoded_path}?{urlencode({**request.args, **position})}>; rel="next"'


def sign_next(after: tuple[Any, ...] | None, user_id: str, parameters: Mapping[str, Any]) -> str | None:
    """Return the signed cursor of the page after a position, or None if no page follows.

    Args:
        after: the position: JSON values, or naive datetimes in UTC. None if no page follows.
        user_id: the owner of the list.
        parameters: as for :func:`read_cursor`.
    """
    return None if after is None else _sign_cursor(after, user_id, parameters)


def link_next(response: Response, cursor: str | None) -> Response:
    """Add the URL of the next page to the response of a page, if a page follows; return it."""
    if cursor:
        response.headers["Link"] = next_link(cursor=cursor)
    return response


def page_response(
    data: Sequence[Any],
    after: tuple[Any, ...] | None,
    user_id: str,
    parameters: Mapping[str, Any],
    *,
    limit: int,
    beside: Mapping[str, Any] = MappingProxyType({}),
    **more: Any,
) -> Response:
    """Return a page of a list as a response, with the cursor and the URL of the next page.

    Args:
        data: the items of the page.
        after: the position of its last item, as for :func:`sign_next`.
        user_id: the owner of the list.
        parameters: as for :func:`read_cursor`.
        limit: the maximum number of items.
        beside: further members of the response.
        more: further members of ``pagination``.
    """
    cursor = sign_next(after, user_id, parameters)
    body = {"data": data, **beside, "pagination": {"limit": limit, "next_cursor": cursor, **more}}
    return link_next(json_response(body), cursor)


def init_app(app: Flask) -> None:
    """Derive the signing keys from the settings. itsdangerous signs with the last key and verifies with all."""
    config = app.config
    keys = [secret for secret in (config["JWT_SECRET_FALLBACK"], config["JWT_SECRET"]) if secret]
    url = make_url(config["SQLALCHEMY_DATABASE_URI"])
    # Not SECRET_KEY, with which Flask would look for a session cookie in every request.
    app.extensions["cursor_keys"] = keys or [url.render_as_string(hide_password=False)]
