"""The command ``flask mcp``. It loads the SDK only if it runs, so the service needs no package of it."""

import os
from collections.abc import Mapping
from typing import Any

import click
from flask import current_app
from flask.cli import ScriptInfo, with_appcontext

from taskapp.settings import LAST_PORT

_MISSING = "The MCP server needs more packages than the service. Run: pip install -r requirements-mcp.txt"


class Address(click.ParamType[tuple[str, int]]):
    """A host and a port: ``127.0.0.1:8001``, ``[::1]:8001``."""

    name = "host:port"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Parse the text of the option."""
        if isinstance(value, tuple):
            return value
        host, _, port = str(value).rpartition(":")
        if not host or not (port.isascii() and port.isdecimal()) or not 0 < int(port) <= LAST_PORT:
            self.fail(f"{value!r} is not a host and a port, such as 127.0.0.1:8001.", param, ctx)
        return host.removeprefix("[").removesuffix("]"), int(port)


class SDKCommand(click.Command):
    """A command that needs the packages of ``requirements-mcp.txt``. Without them, it ends in a sentence.

    Raises:
        ClickException: a package is missing.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] in {"mcp", "mcp_types", "httpx2", "anyio", "starlette", "uvicorn"}:
                raise click.ClickException(_MISSING) from None
            raise


@click.command("mcp", cls=SDKCommand)
@click.option("--http", "address", type=Address(), help="Serve streamable HTTP on this address, instead of stdio.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Worker processes of --http.  [default: 1]")
@click.option("--read-only", is_flag=True, help="Offer no tool that writes.")
@click.pass_context
@with_appcontext
def mcp(context: click.Context, address: tuple[str, int] | None, workers: int, *, read_only: bool) -> None:
    """Serve tasks to agents (Model Context Protocol).

    Over stdio, it uses the service at TASKAPP_URL with the token TASKAPP_TOKEN, both from the environment.
    TASKAPP_TIME_ZONE is the user's time zone. With --http, it uses the database, and the tokens of its callers.
    """
    environment: Mapping[str, str] = os.environ
    time_zone = environment.get("TASKAPP_TIME_ZONE") or None
    if address is None:
        from taskapp.mcp.stdio import run_stdio  # noqa: PLC0415 # See the docstring of the module.

        run_stdio(environment, current_app.config["JWT_USER_CLAIM"], time_zone, read_only=read_only)
    else:
        from taskapp.mcp.http import Options, run_http  # noqa: PLC0415

        options = Options(context.ensure_object(ScriptInfo).app_import_path, *address, time_zone, read_only)
        run_http(current_app._get_current_object(), options, workers)  # type: ignore[attr-defined] # noqa: SLF001
