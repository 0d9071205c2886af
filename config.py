"""The settings: read once from the environment and from ``.env``, checked, and never changed again.

``.env.example`` says what each is for. An empty value counts as not set.
"""

import math
import os
import re
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from click import ClickException
from dotenv import dotenv_values
from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validates_schema
from marshmallow.validate import Length, OneOf, Range, Regexp
from psycopg2 import ProgrammingError
from psycopg2.extensions import make_dsn
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

ROOT = Path(__file__).resolve().parent

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
LOG_FORMATS = ("auto", "text", "json")
# RFC 6750, section 2.1: what a header can carry as a token. So long, nobody guesses it.
LONG_BEARER = r"[A-Za-z0-9._~+/-]{16,}=*\Z"
# RFC 7518, section 3.2: a key for HS256 is at least as long as its hash, 256 bits.
SECRET_BYTES = 32
# RFC 6454, section 7.1, with hosts as a browser writes them: a name in ASCII, or an address.
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://([a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_PORTS = 65536
# Where requests are counted unless a Redis is named: in each worker alone.
MEMORY = "memory://"


class StartupError(ClickException):
    """The service cannot start; the message is one sentence for a person.

    The ``flask`` command ends with it by itself, because it is an exception of click's.
    """


class ConfigError(StartupError):
    """A setting is wrong; the message names it and says why. It never shows a value: values may be secrets."""


class PostgresURL(fields.Field[URL]):
    """A database URL, with psycopg2 as its driver in whichever of the usual spellings it was written.

    SQLAlchemy 2.1 takes a bare ``postgresql://`` for psycopg 3 and refuses the ``postgres://`` of hosting providers.
    A password is kept where SQLAlchemy knows it for one, and hides it.
    """

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> URL:
        # Read as written, a password with an @ would end in the middle; the rest, as the host, would be in every error.
        if value.count("@") > 1:
            raise ValidationError("has more than one @: write those of a name, password or parameter as %40.")
        if "%00" in value:
            raise ValidationError("holds NUL (%00), which PostgreSQL does not take.")
        try:
            url = make_url(value)
        except (ArgumentError, ValueError):
            raise ValidationError("is not a URL like postgresql://user:password@host/database.") from None
        if url.drivername not in ("postgres", "postgresql", "postgresql+psycopg2"):
            raise ValidationError("must begin with postgresql://.")
        try:
            make_dsn(**url.query)
        except ProgrammingError:
            raise ValidationError("has a parameter that PostgreSQL's client library does not know.") from None
        password = url.query.get("password", url.password)
        if not (password is None or isinstance(password, str)):
            raise ValidationError("has more than one password.")
        return url.set(drivername="postgresql+psycopg2", password=password).difference_update_query(["password"])


class FolderPath(fields.Field[Path]):
    """A folder; a relative one begins where this file is, whatever folder a command is run in."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Path:
        try:
            return ROOT / Path(value).expanduser()
        except RuntimeError:
            raise ValidationError("begins with the home directory of a user who is not here.") from None


def available_cores(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Return how many processors this process may keep busy: those of its affinity, and of its container's quota.

    https://docs.kernel.org/admin-guide/cgroup-v2.html: ``cpu.max`` holds microseconds of a period, or ``max``.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
        return max(1, min(cores, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):
        return cores


def default_workers(cores: int) -> int:
    """Return one worker for each core, and two at least, so that while one starts again another serves."""
    return max(2, cores)


def default_threads(workers: int) -> int:
    """Return how many threads each of some workers has.

    Threads wait for the database most of the time: sixteen keep a worker busy with one that is 20 ms away. Each has a
    connection, and a PostgreSQL of default settings has 97 for all, so there are 64 together, or one for each worker.
    """
    return max(1, min(16, 64 // workers))


class Origins(fields.Field[tuple[str, ...]]):
    """Origins of pages with commas between them, as a browser writes them in the header ``Origin``; or ``*`` for any.

    A browser names no port that is its scheme's own (RFC 6454, section 6.2), and apps on telephones have schemes of
    their own.
    """

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        if value.strip() == "*":
            return ("*",)
        return tuple(dict.fromkeys(self._normalized(origin.strip().lower()) for origin in value.split(",")))

    @staticmethod
    def _normalized(origin: str) -> str:
        match = _ORIGIN.fullmatch(origin)
        if match is None:
            raise ValidationError(
                "must be origins like https://app.example, with commas between them: scheme, host, and a port where "
                "there is one, but no path and no slash at the end; or * alone, for any."
            )
        scheme, host, port = match.groups()
        if port is not None and not 0 < int(port) < _PORTS:
            raise ValidationError(f"has a port that is not from 1 to {_PORTS - 1}.")
        is_own = port is None or int(port) == {"http": 80, "https": 443}.get(scheme)
        return f"{scheme}://{host}" if is_own else f"{scheme}://{host}:{int(port)}"


def _is_rate_limit_storage(value: str) -> None:
    try:
        url = urlsplit(value)
        well_formed = value == MEMORY or (url.scheme in ("redis", "rediss") and bool(url.hostname) and url.port != 0)
    except ValueError:
        well_formed = False
    if not well_formed:
        raise ValidationError(f"must be {MEMORY}, or a URL like redis://:password@host:6379/0.")


def _is_http_url(value: str) -> None:
    # Plain HTTP is for an issuer inside the same network.
    if not value.startswith(("https://", "http://")):
        raise ValidationError("must begin with https:// (or http://).")
    if not re.fullmatch(r"https?://[^\s/?#]+[^\s]*", value):
        raise ValidationError("must name a host, and hold no space.")
    if "@" in urlsplit(value).netloc:  # Not sent, but in every error.
        raise ValidationError("must not hold a user or a password: public keys need none.")


def _are_addresses(value: str) -> None:
    try:
        for address in [] if value == "*" else value.split(","):
            ip_network(address.strip())
    except ValueError:
        raise ValidationError(
            "must be IP addresses or networks, with commas between them; or * alone, for any."
        ) from None


def _whole_number(default: int | None, low: int, high: int) -> fields.Integer:
    return fields.Integer(
        load_default=default,
        validate=Range(low, high, error="must be from {min} to {max}."),
        error_messages={"invalid": "must be a whole number."},
    )


def _seconds(default: float) -> fields.Float:
    return fields.Float(
        load_default=default,
        validate=Range(0.1, 3600, error="must be from {min} to {max} seconds."),
        error_messages={"invalid": "must be a number of seconds.", "special": "must be a number of seconds."},
    )


def _switch() -> fields.Boolean:
    return fields.Boolean(load_default=False, error_messages={"invalid": "must be true or false."})


def _is_long_enough(secret: str) -> None:
    if len(secret.encode()) < SECRET_BYTES:
        raise ValidationError(f"must be at least {SECRET_BYTES} bytes long.")


class Settings(Schema):
    """Every setting, with its rule and its default."""

    class Meta:
        unknown = EXCLUDE

    DATABASE_URL = PostgresURL(load_default=None)
    MIGRATION_DATABASE_URL = PostgresURL(load_default=None)
    INSTANCE_PATH = FolderPath(load_default=ROOT / "instance")
    MIGRATE_ON_START = _switch()

    JWT_SECRET = fields.String(load_default=None, validate=_is_long_enough)
    JWT_SECRET_FALLBACK = fields.String(load_default=None, validate=_is_long_enough)
    JWT_JWKS_URL = fields.String(load_default=None, validate=_is_http_url)
    JWT_ISSUER = fields.String(load_default=None)
    JWT_AUDIENCE = fields.String(load_default=None)
    JWT_USER_CLAIM = fields.String(load_default="sub")

    HOST = fields.String(load_default="127.0.0.1", validate=Length(min=1))
    PORT = _whole_number(8000, 1, 65535)
    WORKERS = _whole_number(default_workers(available_cores()), 1, 1024)
    THREADS = _whole_number(None, 1, 1024)
    REQUEST_TIMEOUT = _seconds(10.0)
    CLIENT_TIMEOUT = _seconds(20.0)
    FORWARDED_ALLOW_IPS = fields.String(load_default="127.0.0.1,::1", validate=_are_addresses)
    CORS_ORIGINS = Origins(load_default=())
    RATE_LIMIT = fields.String(
        load_default=None,
        validate=Regexp(
            r"[1-9][0-9]{0,8}/(second|minute|hour|day)\Z",
            error="must be a number of requests for each second, minute, hour or day, such as 100/minute.",
        ),
    )
    RATE_LIMIT_STORAGE = fields.String(load_default=MEMORY, validate=_is_rate_limit_storage)
    LOG_LEVEL = fields.String(load_default="info", validate=OneOf(LOG_LEVELS, error="must be one of {choices}."))
    LOG_FORMAT = fields.String(load_default="auto", validate=OneOf(LOG_FORMATS, error="must be one of {choices}."))
    ACCESS_LOG = _switch()
    METRICS_TOKEN = fields.String(
        load_default=None, validate=Regexp(LONG_BEARER, error="must be 16 or more of A-Z a-z 0-9 . _ ~ + / -.")
    )
    SERVER_TIMING = _switch()

    @post_load
    def fill_in_threads(self, settings: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Have as many threads as suit the workers, where nothing else is said."""
        settings["THREADS"] = settings["THREADS"] or default_threads(settings["WORKERS"])
        return settings

    @validates_schema
    def check_keys(self, settings: dict[str, Any], **_: Any) -> None:
        """Refuse two kinds of key, and a database that nobody could use for want of one."""
        if settings["JWT_SECRET"] and settings["JWT_JWKS_URL"]:
            raise ValidationError(
                "and JWT_JWKS_URL are both set; set the one that your tokens are signed with.", "JWT_SECRET"
            )
        if settings["DATABASE_URL"] and not (settings["JWT_SECRET"] or settings["JWT_JWKS_URL"]):
            raise ValidationError(
                "is set but no key to check tokens with: set JWT_SECRET or JWT_JWKS_URL.", "DATABASE_URL"
            )

    @validates_schema
    def check_fallback(self, settings: dict[str, Any], **_: Any) -> None:
        """Refuse a second secret without a first, and one that is no other."""
        fallback = settings["JWT_SECRET_FALLBACK"]
        if fallback and not settings["JWT_SECRET"]:
            raise ValidationError(
                "is set but JWT_SECRET is not: it is a second secret beside that one.", "JWT_SECRET_FALLBACK"
            )
        if fallback and fallback == settings["JWT_SECRET"]:
            raise ValidationError(
                "and JWT_SECRET are the same: set one to the old secret, one to the new.", "JWT_SECRET_FALLBACK"
            )


def load_config() -> dict[str, Any]:
    """Read the settings, the environment before ``.env``.

    Returns:
        Every setting of :class:`Settings` by its name.

    Raises:
        ConfigError: one sentence for each setting that is wrong.
    """
    try:
        # Not interpolated: a dollar sign in a password is just that.
        values = {**dotenv_values(ROOT / ".env", interpolate=False), **os.environ}
    except UnicodeDecodeError:
        raise ConfigError("The file .env is not text in UTF-8.") from None
    except OSError as error:
        raise ConfigError(f"The file .env cannot be read: {error.strerror}.") from None
    try:
        settings: dict[str, Any] = Settings().load({name: value for name, value in values.items() if value})
    except ValidationError as error:
        messages = error.messages_dict
        raise ConfigError(" ".join(f"{name} {text}" for name in messages for text in messages[name])) from None
    return settings
