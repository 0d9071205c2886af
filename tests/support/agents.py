"""An agent: the SDK's client of the MCP server, as a user of the tools."""

import contextlib
import json
from functools import partial

import anyio
import httpx2
from anyio.from_thread import start_blocking_portal
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from taskapp.mcp.api import Api
from taskapp.mcp.http import Paths
from taskapp.mcp.server import Threads, make_server
from tests.support.client import make_token

ERAS = ["auto", "legacy"]


class Agent:
    """Calls tools on one connection.

    Args:
        target: what the SDK's client connects to.
        mode: ``auto`` for the newest protocol, ``legacy`` for the one with a handshake.
    """

    def __init__(self, target, mode="auto"):
        self._target, self._mode = target, mode
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        self._portal = self._stack.enter_context(start_blocking_portal())
        client = Client(self._target, mode=self._mode)
        self.client = self._stack.enter_context(self._portal.wrap_async_context_manager(client))
        return self

    def __exit__(self, *_):
        self._stack.close()

    def tools(self):
        return self._portal.call(self.client.list_tools).tools

    def call(self, tool, **arguments):
        """Call a tool, and return its structured result, which its text repeats."""
        return _result(self.try_to_call(tool, arguments))

    def fail(self, tool, **arguments):
        """Call a tool in a wrong way, and return what it says."""
        return _error(self.try_to_call(tool, arguments))

    def try_to_call(self, tool, arguments, meta=None):
        """Call a tool, and return whatever it returns."""
        return self._portal.call(partial(self.client.call_tool, tool, arguments, meta=meta))

    def call_at_once(self, calls):
        """Make calls at the same time, and return their results in the same order."""
        results = {}

        async def call(index, tool, arguments):
            results[index] = await self.client.call_tool(tool, arguments)

        async def call_all():
            async with anyio.create_task_group() as group:
                for index, each in enumerate(calls):
                    group.start_soon(call, index, *each)

        self._portal.call(call_all)
        return [_result(results[index]) for index in range(len(calls))]


def _result(result):
    assert not result.is_error, result.content[0].text
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content


def _error(result):
    assert result.is_error, result.structured_content
    assert result.structured_content is None
    return result.content[0].text


def local_server(app, token, user_id, *, read_only=False, time_zone="Europe/Berlin", number=4):
    """A server in this process, for one user of an application in this process."""
    http = httpx2.Client(transport=httpx2.WSGITransport(app=Paths(app)), base_url="http://localhost")
    api = Api(http, user_id, token)
    return make_server(lambda: api, time_zone, Threads(number, number), read_only=read_only)


@contextlib.asynccontextmanager
async def remote(url, token, headers=()):
    """The target for a server over HTTP."""
    headers = {"Authorization": f"Bearer {token}", **dict(headers)}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        streamable_http_client(url, http_client=http) as streams,
    ):
        yield streams


def token_for(secret, user_id, url, **claims):
    """A token for an MCP server."""
    return make_token(secret, {"sub": user_id, "exp": 4_000_000_000, "aud": url, "iss": ISSUER, **claims})


ISSUER = "https://issuer.example"


def settings_for(url):
    """The settings of an MCP server over HTTP."""
    return {"MCP_URL": url, "JWT_AUDIENCE": f"https://api.example,{url}", "JWT_ISSUER": ISSUER}
