"""The MCP server over stdio, for one user of a service that it reaches over HTTP. It needs no database."""

import signal
from collections.abc import Mapping
from functools import partial
from typing import Any

import anyio
import httpx2
import jwt
from marshmallow import ValidationError
from mcp.server import Server
from mcp.server.stdio import stdio_server

from taskapp.mcp.api import Api
from taskapp.mcp.server import Threads, make_server
from taskapp.settings import StartupError, is_http_url

# A worker of the service handles four requests of a user at a time; more would only wait there, and may be a 429.
_CALLS_AT_ONCE = 4
# Longer than REQUEST_TIMEOUT and CLIENT_TIMEOUT by default, so that the service decides.
_SECONDS = 35


def run_stdio(environment: Mapping[str, str], user_claim: str, time_zone: str | None, *, read_only: bool) -> None:
    """Serve until standard input ends. Nothing but the protocol is written to standard output.

    Args:
        environment: has TASKAPP_URL and TASKAPP_TOKEN.
        user_claim: the claim of the token that contains the user id.
        time_zone: the user's time zone, if it is known.
        read_only: whether to offer only the tools that read.

    Raises:
        StartupError: a variable is missing or invalid.
    """
    url, token = environment.get("TASKAPP_URL", "").strip(), environment.get("TASKAPP_TOKEN", "").strip()
    if not url or not token:
        raise StartupError(
            "Set TASKAPP_URL to the URL of the service, and TASKAPP_TOKEN to a token of the user. See docs/agents.md."
        )
    try:
        is_http_url(url)
    except ValidationError as error:
        raise StartupError(f"TASKAPP_URL {' '.join(map(str, error.messages))}") from None
    client = httpx2.Client(base_url=url.rstrip("/"), timeout=_SECONDS)
    api = Api(client, _user_of(token, user_claim), token)
    threads = Threads(_CALLS_AT_ONCE, _CALLS_AT_ONCE)
    server = make_server(lambda: api, time_zone, threads, read_only=read_only)
    # Python would wait for the thread that reads standard input, so Ctrl-C would end nothing.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    anyio.run(partial(_serve, server))


async def _serve(server: Server[Any]) -> None:
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


def _user_of(token: str, claim: str) -> str:
    """Return the user id in a token. Only the service can verify the token, and does."""
    try:
        user_id = jwt.decode(token, options={"verify_signature": False}).get(claim)
    except jwt.PyJWTError:
        raise StartupError("TASKAPP_TOKEN is not a JWT. 'flask token USER_ID' prints one.") from None
    if not user_id or not isinstance(user_id, str):
        raise StartupError(f"TASKAPP_TOKEN has no user id in the claim {claim}. JWT_USER_CLAIM names another claim.")
    return user_id
