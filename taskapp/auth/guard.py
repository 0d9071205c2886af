"""The guard of every ``/api`` blueprint. It admits only the user in the path."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask, current_app, g

from taskapp.auth.errors import (
    InsufficientScope,
    InvalidToken,
    MissingToken,
    Reason,
    SigningKeyUnavailable,
    WrongUser,
)
from taskapp.auth.jwks import KeySet
from taskapp.auth.rejections import RejectionLog
from taskapp.auth.scopes import READ, WRITE, required_scope
from taskapp.auth.tokens import TokenVerifier, make_verifier
from taskapp.db.columns import USER_ID_LENGTH
from taskapp.db.request_scope import forbid_writes
from taskapp.http.errors import ErrorResponse, InvalidInput, map_error
from taskapp.http.request import Request, current_request

# RFC 6750, section 3, defines the headers. Its section 3.1 has the only causes that a description distinguishes; the
# log has the exact reason. A token is expired only if its signature is valid.
_MISSING_TOKEN = ErrorResponse(
    HTTPStatus.UNAUTHORIZED,
    "UNAUTHORIZED",
    "The token is missing. Send it as 'Authorization: Bearer <token>'.",
    headers={"WWW-Authenticate": "Bearer"},
)
_CHALLENGE = 'Bearer error="invalid_token", error_description="The access token {}"'
_INVALID_TOKEN = ErrorResponse(
    HTTPStatus.UNAUTHORIZED,
    "UNAUTHORIZED",
    "The token is not valid for this service.",
    headers={"WWW-Authenticate": _CHALLENGE.format("is invalid")},
)
_DIFFERENCES: Mapping[Reason | None, Mapping[str, Any]] = {
    Reason.EXPIRED: {
        "message": "The token has expired.",
        "headers": {"WWW-Authenticate": _CHALLENGE.format("expired")},
    },
    Reason.MALFORMED: {
        "message": "The token is malformed.",
        "headers": {"WWW-Authenticate": _CHALLENGE.format("is malformed")},
    },
}
_WRONG_USER = ErrorResponse(HTTPStatus.FORBIDDEN, "FORBIDDEN", "The token belongs to another user.")


def _lacks(scope: str) -> dict[str, Any]:
    return {
        "message": f"The request requires the scope {scope}, which the token does not have.",
        "headers": {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
    }


_INSUFFICIENT_SCOPE = ErrorResponse(HTTPStatus.FORBIDDEN, "INSUFFICIENT_SCOPE", **_lacks(WRITE))
_SIGNING_KEY_UNAVAILABLE = ErrorResponse(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "SERVICE_UNAVAILABLE",
    "Tokens cannot be verified at the moment. Try again shortly.",
)
_MISCONFIGURED = "Tokens cannot be verified, because the service or its token issuer is misconfigured."


def bearer_token(request: Request) -> str:
    """Return the bearer token of a request (RFC 6750, section 2.1).

    Raises:
        MissingToken: the request has none.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip(" ")
    if scheme.lower() != "bearer" or not token:
        raise MissingToken
    return token


def authorize() -> None:
    """Reject the current request unless its token belongs to the user in the path, and has the scope of its method.

    A ``before_request`` hook of blueprints, so that no view can omit it. Sets ``g.user_id`` to the user of the token.
    The database rejects all writes of a request that reads, and of any request whose token does not admit writes.

    Raises:
        MissingToken, InvalidToken, SigningKeyUnavailable: the token cannot be verified.
        WrongUser: the token belongs to another user.
        InsufficientScope: it does not admit the method.
        InvalidInput: the user id is too long, or contains NUL.
    """
    request = current_request()
    verifier: TokenVerifier = current_app.extensions["token_verifier"]
    user_id = (request.view_args or {})["user_id"]
    token = bearer_token(request)
    try:
        caller, scopes = verifier.authenticate(token)
    except InvalidToken as error:
        current_app.extensions["rejection_log"].report(error)
        raise
    g.user_id = caller  # Set before the checks, for the access log.
    if caller != user_id:
        raise WrongUser
    scope = required_scope(request.method)
    if scope == READ or WRITE not in scopes:
        forbid_writes()
    _check_scope(scope, scopes)
    if len(user_id) > USER_ID_LENGTH or "\0" in user_id:
        raise InvalidInput(details={"user_id": [f"Must be 1 to {USER_ID_LENGTH} characters, without NUL."]})


def _check_scope(scope: str, scopes: frozenset[str]) -> None:
    if scope not in scopes:
        raise InsufficientScope(scope)


def _describe_unavailability(error: SigningKeyUnavailable) -> Mapping[str, Any]:
    # Without Retry-After, clients do not retry by themselves.
    return {"message": _MISCONFIGURED} if error.seconds is None else {"headers": {"Retry-After": str(error.seconds)}}


def init_app(app: Flask) -> None:
    """Create the token verifier of an application from its settings, and map the errors to responses."""
    url = app.config["JWT_JWKS_URL"]
    app.extensions["key_set"] = key_set = KeySet(url) if url else None
    app.extensions["token_verifier"] = make_verifier(app.config, key_set)
    app.extensions["rejection_log"] = RejectionLog(app)
    map_error(app, MissingToken, _MISSING_TOKEN)
    map_error(app, InvalidToken, _INVALID_TOKEN, lambda error: _DIFFERENCES.get(error.reason, {}))
    map_error(app, WrongUser, _WRONG_USER)
    map_error(app, InsufficientScope, _INSUFFICIENT_SCOPE, lambda error: _lacks(error.scope))
    map_error(app, SigningKeyUnavailable, _SIGNING_KEY_UNAVAILABLE, _describe_unavailability)
