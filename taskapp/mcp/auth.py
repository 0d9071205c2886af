"""The tokens of the MCP server over HTTP: verified as the API verifies them."""

from http import HTTPStatus

from anyio import to_thread
from flask import Flask
from mcp.server.auth.provider import AccessToken
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from taskapp.auth.errors import InvalidToken, SigningKeyUnavailable


class TokenVerifier:
    """Verifies tokens as the API does, in a thread, because the issuer's keys may have to be fetched.

    Args:
        app: the application.
    """

    def __init__(self, app: Flask) -> None:
        self._verifier = app.extensions["token_verifier"]
        self._log = app.extensions["rejection_log"]

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return the token with its user as subject, or None if it is invalid.

        Raises:
            SigningKeyUnavailable: it cannot be verified at the moment.
        """
        try:
            user_id, scopes = await to_thread.run_sync(self._verifier.authenticate, token)
        except InvalidToken as error:
            self._log.report(error)
            return None
        return AccessToken(token=token, client_id=user_id, subject=user_id, scopes=sorted(scopes))


class KeysUnavailable:
    """Responds with a 503 if a token cannot be verified, so that the client keeps it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        try:
            await self._app(scope, receive, send)
        except SigningKeyUnavailable as error:
            headers = {} if error.seconds is None else {"Retry-After": str(error.seconds)}
            text = "Tokens cannot be verified at the moment."
            await PlainTextResponse(text, HTTPStatus.SERVICE_UNAVAILABLE, headers)(scope, receive, send)
