"""The guard of every ``/api`` blueprint. It admits only the user in the path."""

from http import HTTPStatus

from flask import Flask, current_app, g

from taskapp.auth.errors import InvalidToken, MissingToken, SigningKeyUnavailable, WrongUser
from taskapp.auth.tokens import TokenVerifier, make_verifier
from taskapp.db.columns import USER_ID_LENGTH
from taskapp.http.errors import ErrorResponse, InvalidInput, map_error
from taskapp.http.request import Request, current_request

# The headers are defined in RFC 6750, section 3.
_MISSING_TOKEN = ErrorResponse(
    HTTPStatus.UNAUTHORIZED,
    "UNAUTHORIZED",
    "The token is missing. Send it as 'Authorization: Bearer <token>'.",
    headers={"WWW-Authenticate": "Bearer"},
)
_INVALID_TOKEN = ErrorResponse(
    HTTPStatus.UNAUTHORIZED,
    "UNAUTHORIZED",
    "The token is malformed, expired, or not from a trusted issuer.",
    headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
)
_WRONG_USER = ErrorResponse(HTTPStatus.FORBIDDEN, "FORBIDDEN", "The token belongs to another user.")
_SIGNING_KEY_UNAVAILABLE = ErrorResponse(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "SERVICE_UNAVAILABLE",
    "Tokens cannot be verified at the moment. Try again shortly.",
)


def bearer_token(request: Request) -> str:
    """Return the bearer token of a request (RFC 6750, section 2.1).

    Raises:
        MissingToken: the request has none.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise MissingToken
    return token.strip()


def authorize() -> None:
    """Reject the current request unless its token belongs to the user in the path.

    A ``before_request`` hook of blueprints, so that no view can omit it. Sets ``g.user_id`` to the user of the token.

    Raises:
        MissingToken, InvalidToken, SigningKeyUnavailable: the token cannot be verified.
        WrongUser: the token belongs to another user.
        InvalidInput: the user id is too long, or contains NUL.
    """
    request = current_request()
    verifier: TokenVerifier = current_app.extensions["token_verifier"]
    user_id = (request.view_args or {})["user_id"]
    g.user_id = caller = verifier.authenticate(bearer_token(request))  # Set before the checks, for the access log.
    if caller != user_id:
        raise WrongUser
    if len(user_id) > USER_ID_LENGTH or "\0" in user_id:
        raise InvalidInput(details={"user_id": [f"Must be 1 to {USER_ID_LENGTH} characters, without NUL."]})


def init_app(app: Flask) -> None:
    """Create the token verifier of an application from its settings, and map the errors to responses."""
    app.extensions["token_verifier"] = make_verifier(app.config)
    map_error(app, MissingToken, _MISSING_TOKEN)
    map_error(app, InvalidToken, _INVALID_TOKEN)
    map_error(app, WrongUser, _WRONG_USER)
    map_error(
        app,
        SigningKeyUnavailable,
        _SIGNING_KEY_UNAVAILABLE,
        lambda error: {"headers": {"Retry-After": str(error.seconds)}},
    )
