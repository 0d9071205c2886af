"""The HTTP session of a call: it connects only to public addresses, follows no redirect, and ends in time.

requests-hardened resolves the name once, refuses addresses of private networks, and connects to that very address. This
module adds the deadline, and closes what requests leaves open. The service itself never imports it.
"""

import logging
import socket
import ssl
from collections.abc import Mapping
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from requests_hardened import Config, HTTPSession
from requests_hardened.ip_filter import InvalidIPAddress
from requests_hardened.ip_filter_adapter import IPFilterAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.ssl_ import create_urllib3_context

from taskapp.http.version import VERSION
from taskapp.tasks.webhooks.addresses import is_public
from taskapp.tasks.webhooks.delivery.deadline import watch

CALL_SECONDS = 10
USER_AGENT = f"taskapp/{VERSION}"

# Their warnings have the URLs of users.
for _name in ("requests_hardened", "urllib3"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


@cache
def _tls_context(authorities: str) -> ssl.SSLContext:
    """Return the context of all connections. Reading the certificates of the authorities takes longer than a call.

    Args:
        authorities: the file or the folder of the certificates.
    """
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.load_verify_locations(**{"capath" if Path(authorities).is_dir() else "cafile": authorities})
    return context


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return watch(super()._new_conn())


class _TLSConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return watch(super()._new_conn())


class _Adapter(HTTPAdapter):
    """Connects to any address. The deadline of the call ends the connection, also one to a proxy."""

    def build_connection_pool_key_attributes(self, request: PreparedRequest, verify: Any, cert: Any = None) -> Any:
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] == "https":
            context = _tls_context(verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH)
            pool = {**pool, "ca_certs": None, "ca_cert_dir": None, "ssl_context": context}
        return host, pool

    def cert_verify(self, *_: Any) -> None:
        """Leave the authorities to the context. requests would have them read again for this connection."""

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        pool = super().get_connection_with_tls_context(*args, **options)
        pool.ConnectionCls = _TLSConnection if pool.scheme == "https" else _Connection
        return pool


class _PublicAdapter(_Adapter, IPFilterAdapter):  # type: ignore[misc] # requests-hardened has no types.
    """Connects to public addresses only."""

    def build_connection_pool_key_attributes(self, request: PreparedRequest, verify: Any, cert: Any = None) -> Any:
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        address = ip_address(host["host"].strip("[]"))
        if not is_public(address):  # Those that the library does not know, such as IPv4-compatible ones.
            raise InvalidIPAddress(address)
        return host, pool


class _Session(HTTPSession):  # type: ignore[misc] # As above.
    """Does not look at redirects. requests would read the whole body of one that it does not follow."""

    def get_redirect_target(self, _response: Response) -> None:
        return None


def no_credentials(request: PreparedRequest) -> PreparedRequest:
    """Leave a request as it is. Without this, requests would add what the file ``.netrc`` has for the host."""
    return request


def make_session(*, allow_private: bool) -> HTTPSession:
    """Return the session of one call. The environment may name a proxy, in HTTPS_PROXY, and the authorities of
    certificates, in REQUESTS_CA_BUNDLE.

    Args:
        allow_private: whether to connect to addresses of private networks too.
    """
    session = _Session(
        Config(
            ip_filter_enable=not allow_private,
            ip_filter_allow_loopback_ips=False,
            never_redirect=True,
            default_timeout=(CALL_SECONDS, CALL_SECONDS),
            user_agent_override=USER_AGENT,
        )
    )
    for scheme, is_https in (("https://", True), ("http://", False)):
        session.mount(scheme, _Adapter() if allow_private else _PublicAdapter(is_https))
    session.headers.clear()
    # No response is read, so none needs to be compressed.
    session.headers.update({"Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close"})
    return session


def make_headers(message_id: str, timestamp: int, signature: str) -> Mapping[str, str]:
    """Return the headers of a delivery, as Standard Webhooks names them."""
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature,
    }
