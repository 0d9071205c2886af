"""The prefix of the service's URLs, if it is not at the root of its host, such as ``/todo`` in ``/todo/api/…``.

The setting SCRIPT_NAME has it if the proxy forwards whole paths. A proxy that removes the prefix from the path sends it
in the header ``X-Forwarded-Prefix``. All URLs in responses start with the prefix, as ``Request.root_path`` has it.
"""

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
    """Moves the prefix of a request from ``PATH_INFO`` or ``X-Forwarded-Prefix`` to ``SCRIPT_NAME``.

    Args:
        prefix: the setting SCRIPT_NAME.
        allowed: the setting FORWARDED_ALLOW_IPS.
    """

    def __init__(self, prefix: str, allowed: str) -> None:
        self._prefix, self._allowed = prefix, allowed
        # It only changes the environment. gunicorn reads X-Forwarded-Proto. URLs have the host that the client
        # named, and the log has the address of the peer.
        self._proxy_fix = ProxyFix(lambda _environ, _start: [], x_for=0, x_proto=0, x_prefix=1)

    def apply(self, environ: Environ) -> None:
        """Change the WSGI environment of a request. An invalid header is recorded as the reason to reject it."""
        if "HTTP_X_FORWARDED_PREFIX" in environ and is_trusted(environ.get("REMOTE_ADDR"), self._allowed):
            self._read_header(environ)
        prefix, path = self._prefix, environ.get("PATH_INFO", "")
        if prefix and f"{path}/".startswith(f"{prefix}/"):
            environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + prefix
            environ["PATH_INFO"] = path[len(prefix) :]

    def _read_header(self, environ: Environ) -> None:
        mounted_at = environ.get("SCRIPT_NAME", "")
        environ["SCRIPT_NAME"] = ""
        self._proxy_fix(environ, _start_nothing)
        forwarded = environ["SCRIPT_NAME"].rstrip("/")
        if forwarded and not is_prefix(forwarded):
            environ[REJECTED], forwarded = _INVALID, ""
        environ["SCRIPT_NAME"] = forwarded + mounted_at


def _start_nothing(*_: Any) -> Any:
    """Stand in for the ``start_response`` of a server."""


def init_app(app: App) -> None:
    """Serve the application under its prefix. Paths outside of it do not exist; see ``App.create_url_adapter``."""
    app.prefix = app.config["SCRIPT_NAME"]
    app.apply_prefix = Prefix(app.prefix, app.config["FORWARDED_ALLOW_IPS"]).apply
