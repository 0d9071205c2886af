"""The MCP server: it lists the tools, and runs each call in a thread, because the API is called synchronously."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

from anyio import CapacityLimiter, Semaphore, to_thread
from mcp.server import Server, ServerRequestContext
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
)

from taskapp.http.trace_context import HEADER, read_trace_id
from taskapp.http.version import VERSION
from taskapp.mcp.api import Api
from taskapp.mcp.arguments import read_arguments
from taskapp.mcp.definitions import INSTRUCTIONS, READING, WRITING
from taskapp.mcp.errors import ToolError
from taskapp.mcp.reads import find_tasks, get_overview
from taskapp.mcp.writes import add_tasks, complete_tasks, delete_tasks, undo_change, update_tasks

# How long clients may keep the list of tools, which changes only with the version of the service.
_TTL_MS = 300_000
# update_tasks needs it with a due_time or a recurrence, and a model would guess.
_TIME_ZONE = "Unless the user says otherwise, their time zone is {}."
_FUNCTIONS: Mapping[str, Callable[[Api, Mapping[str, Any], str | None], dict[str, Any]]] = {
    each.__name__: each
    for each in (find_tasks, get_overview, add_tasks, update_tasks, complete_tasks, delete_tasks, undo_change)
}


class Threads:
    """The threads that call the API.

    Args:
        number: how many there are.
        per_user: how many of them one user may have. Further calls of the user wait without a thread.
    """

    def __init__(self, number: int, per_user: int) -> None:
        self._limiter = CapacityLimiter(number)
        self._per_user = per_user
        self._users: WeakValueDictionary[str, Semaphore] = WeakValueDictionary()

    async def run(self, user_id: str, function: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Run a function in a thread, and return its result."""
        turn = self._users.setdefault(user_id, Semaphore(self._per_user))
        async with turn:
            return await to_thread.run_sync(function, limiter=self._limiter)


def make_server(
    find_api: Callable[[], Api], time_zone: str | None, threads: Threads, *, read_only: bool
) -> Server[Any]:
    """Return a server.

    Args:
        find_api: returns the API as the user of the current call.
        time_zone: the time zone of calls that name none, if it is known.
        threads: those that call the API.
        read_only: whether to offer only the tools that read.
    """
    tools = READING if read_only else (*READING, *WRITING)
    schemas = {tool.name: tool.input_schema for tool in tools}

    async def list_tools(_context: Any, _params: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=list(tools), ttl_ms=_TTL_MS, cache_scope="public")

    async def call_tool(context: ServerRequestContext[Any, Any], params: CallToolRequestParams) -> CallToolResult:
        api = replace(find_api(), traceparent=_traceparent_of(context))

        def call() -> dict[str, Any]:
            if params.name not in schemas:
                raise ToolError(f"There is no tool {params.name[:40]!r} here. There are: {', '.join(schemas)}.")
            arguments = read_arguments(params.arguments or {}, schemas[params.name])
            return _FUNCTIONS[params.name](api, arguments, time_zone)

        try:
            result = await threads.run(api.user_id, call)
        except ToolError as error:
            return CallToolResult(content=[TextContent(text=str(error))], is_error=True)
        text = json.dumps(result, ensure_ascii=False)
        return CallToolResult(content=[TextContent(text=text)], structured_content=result)

    return Server(
        "taskapp",
        version=VERSION,
        instructions=f"{INSTRUCTIONS} {_TIME_ZONE.format(time_zone)}" if time_zone else INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _traceparent_of(context: ServerRequestContext[Any, Any]) -> str | None:
    """Return the trace of a call: from its ``_meta``, as MCP defines it, else from its HTTP request."""
    sent: Any = (context.meta or {}).get(HEADER)
    if sent is None and context.request is not None:
        sent = ",".join(context.request.headers.getlist(HEADER))
    return sent if isinstance(sent, str) and read_trace_id(sent) else None
