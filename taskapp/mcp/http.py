"""The MCP server over streamable HTTP. It calls the API within its process, as the user of the caller's token.

API and MCP server are one resource server (RFC 9728) with one audience, so no token is passed on to anybody else. The
server is stateless: any worker can handle any request.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import click
import httpx2
import uvicorn
from flask import Flask
from flask.cli import ScriptInfo
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware, get_access_token
from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend, RequireAuthMiddleware
from mcp.server.auth.routes import build_resource_metadata_url, create_protected_resource_routes
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl, ConfigDict, TypeAdapter
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.supervisors import Multiprocess

from taskapp.auth.scopes import ALL
from taskapp.mcp.api import Api
from taskapp.mcp.auth import KeysUnavailable, TokenVerifier
from taskapp.mcp.server import Threads, make_server
from taskapp.settings import StartupError

# As for many writes at once in the API.
_MAXIMUM_BODY = 1024 * 1024
_MAXIMUM_CONNECTIONS = 1000
_SECONDS_TO_STOP = 30
# A worker responds to no check while it imports the SDK, which takes seconds on a busy machine.
_SECONDS_TO_START = 60
_DEFAULT_PORTS = {"http": 80, "https": 443}
# Clients compare URLs as text, so none may get a slash.
_url = TypeAdapter(AnyHttpUrl, config=ConfigDict(url_preserve_empty_path=True)).validate_python


@dataclass(frozen=True)
class Options:
    """What a worker is started with. It is pickled for each.

    Attributes:
        import_path: where the application is, as ``flask --app`` names it; None for the default.
        host, port: the address to listen on.
        time_zone: the time zone of calls that name none, if it is known.
        read_only: whether to offer only the tools that read.
    """

    import_path: str | None
    host: str
    port: int
    time_zone: str | None
    read_only: bool


class Paths:
    """Passes requests on to a WSGI application, with the path as PEP 3333 requires it: bytes, decoded as Latin-1.

    httpx2 decodes it as UTF-8, which changes the ids of users that are not ASCII.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Handle a request."""
        environ["PATH_INFO"] = environ["PATH_INFO"].encode().decode("latin-1")
        return self._app.wsgi_app(environ, start_response)


class PostOnly:
    """Rejects other methods. The SDK would keep a stream open for each GET, although this server never uses one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["method"] == "POST":
            await self._app(scope, receive, send)
        else:
            response = PlainTextResponse("Use POST.", HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "POST"})
            await response(scope, receive, send)


def make_asgi_app(app: Flask, options: Options) -> Starlette:
    """Return the ASGI application.

    Args:
        app: the application of the service.
        options: how it is started.

    Raises:
        StartupError: a setting is missing.
    """
    # The SDK's warnings quote what clients sent.
    logging.getLogger("mcp").setLevel(logging.ERROR)
    url, issuers = _check_settings(app)
    manager = _make_manager(app, url, options)
    scopes = sorted(ALL) if app.config["JWT_SCOPES"] else None
    endpoint = RequireAuthMiddleware(PostOnly(StreamableHTTPASGIApp(manager)), [], build_resource_metadata_url(url))
    asgi_app = Starlette(
        routes=[Route(url.path or "/", endpoint), *create_protected_resource_routes(url, issuers, scopes)],
        middleware=[
            Middleware(KeysUnavailable),
            Middleware(AuthenticationMiddleware, backend=BearerAuthBackend(TokenVerifier(app))),
            Middleware(AuthContextMiddleware),
        ],
        lifespan=lambda _app: manager.run(),
    )
    # A redirect to the path without a slash would lead away from https, because the proxy terminates TLS.
    asgi_app.router.redirect_slashes = False
    return asgi_app


def _make_manager(app: Flask, url: AnyHttpUrl, options: Options) -> StreamableHTTPSessionManager:
    """Return what handles the requests of the protocol, and calls the API within this process."""
    base_url = f"http://localhost{app.config['SCRIPT_NAME']}"
    client = httpx2.Client(transport=httpx2.WSGITransport(app=Paths(app)), base_url=base_url)
    number: int = app.config["THREADS"]
    # One user has at most a quarter of the threads, as in the service.
    server = make_server(
        partial(_find_api, client),
        options.time_zone,
        Threads(number, max(1, number // 4)),
        read_only=options.read_only,
    )
    return StreamableHTTPSessionManager(
        app=server,
        json_response=True,
        stateless=True,
        security_settings=_allowed(url, options),
        max_request_body_size=_MAXIMUM_BODY,
    )


def _find_api(client: httpx2.Client) -> Api:
    """Return the API as the caller of the current request, whose token is verified."""
    token = get_access_token()
    if token is None or token.subject is None:
        raise RuntimeError("A request without a token has reached a tool")
    return Api(client, token.subject, token.token)


def _check_settings(app: Flask) -> tuple[AnyHttpUrl, list[AnyHttpUrl]]:
    """Return the URL of the MCP server, and those of the issuers."""
    if not app.config["MCP_URL"]:
        raise StartupError("--http requires MCP_URL, the URL at which clients reach the MCP server.")
    issuers = [issuer for issuer in app.config["JWT_ISSUER"] if issuer.startswith(("https://", "http://"))]
    if not issuers:
        raise StartupError("--http requires the URL of an issuer in JWT_ISSUER. Clients get their tokens there.")
    return _url(app.config["MCP_URL"]), list(map(_url, issuers))


def _allowed(url: AnyHttpUrl, options: Options) -> TransportSecuritySettings:
    """Return the hosts and origins that requests may name: those of MCP_URL, and the address that is listened on.

    A page whose host was rebound to this address (DNS rebinding) names another one.
    """
    parts = urlsplit(str(url))
    host = f"[{options.host}]" if ":" in options.host else options.host
    named = f"{parts.hostname}:{parts.port or _DEFAULT_PORTS[parts.scheme]}"
    return TransportSecuritySettings(
        allowed_hosts=[parts.netloc, named, f"{host}:{options.port}", f"localhost:{options.port}"],
        allowed_origins=[f"{parts.scheme}://{parts.netloc}"],
    )


def make_worker_app(options: Options) -> Starlette:
    """Return the ASGI application of a worker, which loads the service by itself."""
    return make_asgi_app(ScriptInfo(app_import_path=options.import_path).load_app(), options)


def run_http(app: Flask, options: Options, workers: int) -> None:
    """Serve until the process is told to stop.

    Args:
        app: the application of the service.
        options: how it is started.
        workers: the number of processes.

    Raises:
        StartupError: a setting is missing.
    """
    asgi_app: Any = make_asgi_app(app, options)
    if workers > 1:
        asgi_app = partial(make_worker_app, options)
    config = uvicorn.Config(
        asgi_app,
        options.host,
        options.port,
        factory=workers > 1,
        workers=workers,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_MAXIMUM_CONNECTIONS,
        timeout_graceful_shutdown=_SECONDS_TO_STOP,
        timeout_worker_healthcheck=_SECONDS_TO_START,
    )
    sockets = [config.bind_socket()]
    click.echo(f"MCP server of {app.config['MCP_URL']} on port {options.port}", err=True)
    if workers > 1:
        Multiprocess(config, sockets=sockets).run()
    else:
        uvicorn.Server(config).run(sockets)
