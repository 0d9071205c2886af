"""The types of the settings: parsers and validators of their values, and the errors of a start.

``config.py`` lists the settings. Nothing here imports another module of taskapp, so every room may use it.
"""

import math
import os
import re
from contextlib import suppress
from functools import partial
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from click import ClickException
from marshmallow import ValidationError, fields
from marshmallow.validate import OneOf, Range, Regexp
from psycopg2 import ProgrammingError
from psycopg2.extensions import make_dsn
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

ROOT = Path(__file__).resolve().parents[1]

LOG_LEVELS = OneOf(("debug", "info", "warning", "error", "critical"), error="must be one of {choices}.")
LOG_FORMATS = OneOf(("auto", "text", "json"), error="must be one of {choices}.")
# RFC 6750, section 2.1: the characters that a token in a header may have. 16 of them are too many to guess.
LONG_BEARER = Regexp(r"[A-Za-z0-9._~+/-]{16,}=*\Z", error="must be at least 16 characters of A-Z a-z 0-9 . _ ~ + / -.")
RATE = Regexp(
    r"[1-9][0-9]{0,8}/(second|minute|hour|day)\Z",
    error="must be a number of requests per second, minute, hour or day, such as 100/minute.",
)
# RFC 7518, section 3.2: a key for HS256 must be at least as long as the hash, 256 bits.
SECRET_BYTES = 32
# RFC 6454, section 7.1. Browsers write the host as an ASCII name or as an IP address.
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://([a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_HTTP_URL = re.compile(r"https?://([^\s/?#\[\]]+|[^\s/?#\[\]]*\[[0-9a-fA-F:.]+\](?::[0-9]+)?)(?:[/?#]\S*)?")
_HOST_NAME = re.compile(r"[a-zA-Z0-9_](?:[a-zA-Z0-9_.-]*[a-zA-Z0-9_.])?")
_PREFIX = re.compile(r"(?:/[a-zA-Z0-9_~-][a-zA-Z0-9._~-]*)+")
_MAXIMUM_PREFIX = 255
LAST_PORT = 65535
# The default storage of the rate limit: each worker counts for itself.
MEMORY = "memory://"


class StartupError(ClickException):
    """The service cannot start. The message is for the operator, and the ``flask`` command prints it."""


class ConfigError(StartupError):
    """A setting is invalid. The message names it and gives the reason, but never its value, which may be a secret."""


def postgres_url(value: str) -> URL:
    """Parse a database URL in any of the usual spellings, and set psycopg2 as its driver.

    SQLAlchemy 2.1 reads ``postgresql://`` as psycopg 3, and rejects the ``postgres://`` of hosting providers.
    A password in the query moves to the place where SQLAlchemy hides it from messages.
    """
    # SQLAlchemy would end a password at its first @ and read the rest as the host, which every error shows.
    if value.count("@") > 1:
        raise ValidationError("has more than one @. Encode those in the user, password or parameters as %40.")
    if "%00" in value:
        raise ValidationError("contains NUL (%00), which PostgreSQL does not support.")
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        raise ValidationError("must be a URL like postgresql://user:password@host/database.") from None
    if url.drivername not in ("postgres", "postgresql", "postgresql+psycopg2"):
        raise ValidationError("must start with postgresql://.")
    try:
        make_dsn(**url.query)
    except ProgrammingError:
        raise ValidationError("has a parameter that libpq does not support.") from None
    password = url.query.get("password", url.password)
    if not (password is None or isinstance(password, str)):
        raise ValidationError("has more than one password.")
    return url.set(drivername="postgresql+psycopg2", password=password).difference_update_query(["password"])


def folder(value: str) -> Path:
    """Parse the path of a folder. A relative path starts at this file's folder, not at the working directory."""
    try:
        return ROOT / Path(value).expanduser()
    except RuntimeError:
        raise ValidationError("refers to the home directory of an unknown user.") from None


def available_cores(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the number of cores that this process may use, from its CPU affinity and its container's CPU quota.

    https://docs.kernel.org/admin-guide/cgroup-v2.html: ``cpu.max`` contains the quota, or ``max``, and the period.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
        return max(1, min(cores, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):
        return cores


def default_threads(workers: int) -> int:
    """Return the default number of threads per worker, from the number of workers.

    Threads mostly wait for the database. 16 keep a worker busy if the round trip to it takes 20 ms. Each thread has a
    connection, and PostgreSQL allows 97 by default, so the total is 64, or one per worker if there are more workers.
    """
    return max(1, min(16, 64 // workers))


def values(value: str) -> tuple[str, ...]:
    """Parse comma-separated values. Surrounding spaces do not belong to a value, and no value is empty."""
    found = tuple(dict.fromkeys(part.strip() for part in value.split(",")))
    if "" in found:
        raise ValidationError("must be comma-separated values, none of them empty.")
    return found


def origins(value: str) -> tuple[str, ...]:
    """Parse comma-separated origins into the form of the header ``Origin``; ``*`` allows any origin.

    Browsers omit the default port of a scheme (RFC 6454, section 6.2). Mobile apps may have their own schemes.
    """
    if value.strip() == "*":
        return ("*",)
    return tuple(dict.fromkeys(_normalize_origin(origin.strip().lower()) for origin in value.split(",")))


def _normalize_origin(origin: str) -> str:
    match = _ORIGIN.fullmatch(origin)
    if match is None:
        raise ValidationError(
            "must be comma-separated origins like https://app.example or http://localhost:3000, without a path or a "
            "trailing slash; or * for any origin."
        )
    scheme, host, port = match.groups()
    if port is not None and not 0 < int(port) <= LAST_PORT:
        raise ValidationError(f"has a port outside the range from 1 to {LAST_PORT}.")
    is_default = port is None or int(port) == {"http": 80, "https": 443}.get(scheme)
    return f"{scheme}://{host}" if is_default else f"{scheme}://{host}:{int(port)}"


def is_host(value: str) -> None:
    """Accept a host name or an IP address."""
    with suppress(ValueError):
        ip_address(value)
        return
    if not _HOST_NAME.fullmatch(value):
        raise ValidationError(
            "must be a host name or an IP address, such as 127.0.0.1, without a scheme, port, path or brackets."
        )


def is_prefix(value: str) -> bool:
    """Return whether a value is a path of this host, which needs no encoding and does not end with a slash."""
    return len(value) <= _MAXIMUM_PREFIX and _PREFIX.fullmatch(value) is not None


def check_prefix(value: str) -> None:
    """Accept a prefix of URLs."""
    if not is_prefix(value):
        raise ValidationError("must be a path like /todo, of A-Z a-z 0-9 . _ ~ -, without a slash at its end.")


def is_rate_limit_storage(value: str) -> None:
    """Accept memory:// or the URL of a Redis server."""
    with suppress(ValueError):
        url = urlsplit(value)
        if value == MEMORY or (url.scheme in ("redis", "rediss") and url.hostname and url.port != 0):
            return
    raise ValidationError(f"must be {MEMORY} or a URL like redis://:password@host:6379/0.")


def is_http_url(value: str) -> None:
    """Accept an HTTP URL without a user or a password."""
    match = _HTTP_URL.fullmatch(value)  # Plain HTTP too, because the issuer may be in the same private network.
    if match is None:
        raise ValidationError("must be an https:// or http:// URL, such as https://issuer.example/jwks.json.")
    if "@" in match[1]:  # It would not be sent, but every error would show it.
        raise ValidationError("must not contain a user or a password.")


def is_resource_url(value: str) -> None:
    """Accept an HTTP URL that identifies a resource (RFC 8707, section 2): without a query or a fragment."""
    is_http_url(value)
    if "?" in value or "#" in value:
        raise ValidationError("must not contain a query or a fragment.")


def are_addresses(value: str) -> None:
    """Accept comma-separated IP addresses and networks, or ``*``."""
    try:
        for address in [] if value == "*" else value.split(","):
            ip_network(address.strip())
    except ValueError:
        raise ValidationError("must be comma-separated IP addresses or networks, or *.") from None


def _number(kind: Any, noun: str, unit: str, *, default: float | None, low: float, high: float) -> Any:
    in_range = Range(low, high, error=f"must be from {{min}} to {{max}}{unit}.")
    invalid = dict.fromkeys(("invalid", "special"), f"must be {noun}.")
    return kind(load_default=default, validate=in_range, error_messages=invalid)


whole_number = partial(_number, fields.Integer, "a whole number", "")
seconds = partial(_number, fields.Float, "a number of seconds", " seconds", low=0.1, high=3600)


def boolean(words: str = "true or false") -> fields.Boolean:
    """Return a field for true or false; false by default.

    Args:
        words: how the setting is written. All usual words are accepted.
    """
    return fields.Boolean(load_default=False, error_messages={"invalid": f"must be {words}."})


def is_long_enough(secret: str) -> None:
    """Accept a secret of at least :data:`SECRET_BYTES` bytes."""
    if len(secret.encode()) < SECRET_BYTES:
        raise ValidationError(f"must be at least {SECRET_BYTES} bytes long.")
