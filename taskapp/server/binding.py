"""The addresses that gunicorn listens on: checks before the start, and their URLs for the banner.

gunicorn takes them from HOST and PORT, from its option ``-b``, or from systemd as open sockets.
"""

import os
import shlex
import socket
import stat
import sys
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

from gunicorn import sock, systemd, util

# gunicorn's form of an address: host and port, the path of a Unix socket, or the number of a file descriptor.
Address = tuple[str, int] | str | int


def can_share_ports(cfg: Any) -> bool:
    """Return whether each worker can bind a socket of its own to the same address, with SO_REUSEPORT.

    Linux allows that only for TCP. A socket that was passed, or a port that the kernel chooses, exists only once.
    """
    return not _passed_by_systemd() and all(isinstance(address, tuple) and address[1] for address in cfg.address)


def check(cfg: Any, remedy: str) -> None:
    """Check that gunicorn can listen on its addresses.

    gunicorn itself would start, and each worker would try for five seconds and exit, again and again.

    Args:
        cfg: gunicorn's configuration.
        remedy: a sentence that says what to change.

    Raises:
        SystemExit: an address is taken or invalid, or the certificate of TLS cannot be used.
    """
    addresses: list[Address] = [] if _passed_by_systemd() else cfg.address
    passed = [address for address in addresses if isinstance(address, int)]
    for address in passed or addresses:  # If there are passed sockets, gunicorn ignores all other addresses.
        try:
            _try(address)
        except (OSError, OverflowError) as error:
            sys.exit(f"taskapp: cannot listen on {_name(address)}: {_reason(error)}. {remedy}")
    if cfg.is_ssl:
        try:
            sock.ssl_context(cfg)
        except (OSError, ValueError) as error:
            sys.exit(f"taskapp: cannot use --certfile and --keyfile: {_reason(error)}.")


def _passed_by_systemd() -> bool:
    return bool(systemd.listen_fds(unset_environment=False))


def _try(address: Address) -> None:
    """Bind a socket as gunicorn will, and close it. With SO_REUSEPORT, a second server would share a taken port."""
    if isinstance(address, int):
        with closing(socket.socket(fileno=os.dup(address))) as passed:
            passed.getsockname()
    elif isinstance(address, str):
        _try_path(address)
    else:
        family = socket.AF_INET6 if util.is_ipv6(address[0]) else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)


def _try_path(path: str) -> None:
    """Bind a Unix socket and remove it. gunicorn replaces an existing one, even if another server listens on it."""
    with socket.socket(socket.AF_UNIX) as client, suppress(FileNotFoundError, ConnectionRefusedError):
        if not stat.S_ISSOCK(Path(path).stat().st_mode):
            raise OSError("the file exists and is not a socket")
        client.connect(path)
        raise OSError("another server listens on it")
    with socket.socket(socket.AF_UNIX) as probe:
        Path(path).unlink(missing_ok=True)
        probe.bind(path)
        Path(path).unlink()


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).rstrip(".")


def _name(address: Address) -> str:
    if isinstance(address, int):
        return f"the file descriptor {address}"
    return f"the Unix socket {address}" if isinstance(address, str) else f"{address[0]} port {address[1]}"


class Endpoint(NamedTuple):
    """Where a client reaches the service.

    Attributes:
        url: the URL of the service, without a slash at its end.
        curl: the options that curl needs for it, each followed by a space.
        note: what a person has to know in addition, or an empty string.
    """

    url: str
    curl: str = ""
    note: str = ""


def endpoints(listeners: Iterable[Any], cfg: Any) -> list[Endpoint]:
    """Return the endpoint of each listener of a worker.

    Args:
        listeners: gunicorn's sockets, which are bound.
        cfg: gunicorn's configuration.
    """
    scheme = "https" if cfg.is_ssl else "http"
    return [_endpoint(listener, scheme) for listener in listeners]


def _endpoint(listener: Any, scheme: str) -> Endpoint:
    name = listener.getsockname()
    if listener.FAMILY == socket.AF_UNIX:
        text = os.fsdecode(name)
        if text.startswith("\0"):  # The abstract namespace of Linux, which has no files.
            return Endpoint(f"{scheme}://localhost", f"--abstract-unix-socket {shlex.quote(text[1:])} ", f"@{text[1:]}")
        path = shlex.quote(str(Path(text).absolute()))
        return Endpoint(f"{scheme}://localhost", f"--unix-socket {path} ", path)
    everywhere = name[0] in ("0.0.0.0", "::")  # noqa: S104 # Compared, not bound.
    host = "127.0.0.1" if everywhere else listener.cfg_addr[0]
    return Endpoint(f"{scheme}://{f'[{host}]' if ':' in host else host}:{name[1]}")
