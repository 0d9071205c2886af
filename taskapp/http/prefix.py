"""The prefix of the service's URLs, if it is not at the root of its host, such as ``/todo`` in ``/todo/api/…``.

The setting SCRIPT_NAME has it if the proxy forwards whole paths. A proxy that removes the prefix from the path sends it
in the header ``X-Forwarded-Prefix``. All URLs in responses start with the prefix, as ``Request.root_path`` has it.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

from werkzeug.middleware.proxy_fix import ProxyFix

from taskapp.http.app import REJECTED, App, Environ
from taskapp.settings import is_prefix

_INVALID = "The header X-Forwarded-Prefix must be a path like /todo."


@lru_cache(maxsize=256)
def is_trusted(address: str | None, allowed: str) -> bool:
    """Return whether the peer of a connection is a trusted proxy, by the rules of gunicorn.

    Args:
        address: the address of the peer, as servers write it to ``REMOTE_ADDR``; for a Unix socket, not an IP address.
        allowed: the setting FORWARDED_ALLOW_IPS.
    """
    if address is None or allowed == "*":
        return address is not None
    try:
        peer = ip_address(address)
    except ValueError:
        return True
    return any(peer in ip_network(network.strip()) for network in allowed.split(","))


class Prefix:
    """WSGI middleware that moves the prefix from ``PATH_INFO`` or ``X-Forwarded-Prefix`` to ``SCRIPT_NAME``.

    Args:
        app: the application; its ``wsgi_app`` is called.
        prefix: the setting SCRIPT_NAME.
        allowed: the setting FORWARDED_ALLOW_IPS.
    """

    def __init__(self, app: App, prefix: str, allowed: str) -> None:
        self._wsgi_app = app.wsgi_app
        self._prefix, self._allowed = prefix, allowed
        # gunicorn reads X-Forwarded-Proto. No URL contains a host, and the log has the address of the peer.
        self._proxy_fix = ProxyFix(self._validate, x_for=0, x_proto=0, x_prefix=1)

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Handle a request."""
        if "HTTP_X_FORWARDED_PREFIX" in environ and is_trusted(environ.get("REMOTE_ADDR"), self._allowed):
            return self._proxy_fix(environ, start_response)
        return self._split(environ, start_response)

    def _validate(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Reject a header that would make other URLs than paths of this host."""
        forwarded, original = environ["SCRIPT_NAME"].rstrip("/"), environ["werkzeug.proxy_fix.orig"]["SCRIPT_NAME"]
        if forwarded and not is_prefix(forwarded):
            environ[REJECTED] = _INVALID
            forwarded = ""
        environ["SCRIPT_NAME"] = forwarded + (original or "")
        return self._split(environ, start_response)

    def _split(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Move the prefix of the path. Without it, the URL does not exist; see ``App.create_url_adapter``."""
        prefix, path = self._prefix, environ.get("PATH_INFO", "")
        if prefix and f"{path}/".startswith(f"{prefix}/"):
            environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + prefix
            environ["PATH_INFO"] = path[len(prefix) :]
        return self._wsgi_app(environ, start_response)


def init_app(app: App) -> None:
    """Serve the application under its prefix."""
    app.prefix = app.config["SCRIPT_NAME"]
    app.wsgi_app = Prefix(app, app.prefix, app.config["FORWARDED_ALLOW_IPS"])  # type: ignore[method-assign]
