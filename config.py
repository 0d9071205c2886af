"""The settings. They are read and validated once, from the environment and from ``.env``, and never change afterwards.

``docs/settings.md`` describes each setting, and ``taskapp/settings.py`` has their types. An empty value counts as not
set.
"""

import os
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from dotenv import dotenv_values
from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validates_schema

from taskapp import settings as types
from taskapp.settings import MEMORY, ROOT, ConfigError, available_cores, default_threads

__all__ = ["ROOT", "ConfigError", "Settings", "load_config"]


class Settings(Schema):
    """Every setting, with its validation and its default."""

    class Meta:
        unknown = EXCLUDE

    DATABASE_URL = fields.Function(deserialize=types.postgres_url, load_default=None)
    MIGRATION_DATABASE_URL = fields.Function(deserialize=types.postgres_url, load_default=None)
    INSTANCE_PATH = fields.Function(deserialize=types.folder, load_default=ROOT / "instance")
    MIGRATE_ON_START = types.boolean()

    JWT_SECRET = fields.String(load_default=None, validate=types.is_long_enough)
    JWT_SECRET_FALLBACK = fields.String(load_default=None, validate=types.is_long_enough)
    JWT_JWKS_URL = fields.String(load_default=None, validate=types.is_http_url)
    JWT_ISSUER = fields.Function(deserialize=types.values, load_default=())
    JWT_AUDIENCE = fields.Function(deserialize=types.values, load_default=())
    JWT_AUTHORIZED_PARTIES = fields.Function(deserialize=types.values, load_default=())
    JWT_USER_CLAIM = fields.String(load_default="sub")
    JWT_SCOPES = types.boolean("on or off")
    MCP_URL = fields.String(load_default=None, validate=types.is_resource_url)

    # Not less than the policy purge of the table changes allows.
    HISTORY_DAYS = types.whole_number(default=30, low=7, high=36500)

    HOST = fields.String(load_default="127.0.0.1", validate=types.is_host)
    PORT = types.whole_number(default=8000, low=1, high=types.LAST_PORT)
    SCRIPT_NAME = fields.String(load_default="", validate=types.check_prefix)
    # At least two, so that one serves while the other restarts.
    WORKERS = types.whole_number(default=max(2, available_cores()), low=1, high=1024)
    THREADS = types.whole_number(default=None, low=1, high=1024)
    REQUEST_TIMEOUT = types.seconds(default=10.0)
    CLIENT_TIMEOUT = types.seconds(default=20.0)
    FORWARDED_ALLOW_IPS = fields.String(load_default="127.0.0.1,::1", validate=types.are_addresses)
    CORS_ORIGINS = fields.Function(deserialize=types.origins, load_default=())
    RATE_LIMIT = fields.String(load_default=None, validate=types.RATE)
    RATE_LIMIT_STORAGE = fields.String(load_default=MEMORY, validate=types.is_rate_limit_storage)
    LOG_LEVEL = fields.String(load_default="info", validate=types.LOG_LEVELS)
    LOG_FORMAT = fields.String(load_default="auto", validate=types.LOG_FORMATS)
    ACCESS_LOG = types.boolean()
    METRICS_TOKEN = fields.String(load_default=None, validate=types.LONG_BEARER)
    SERVER_TIMING = types.boolean()
    DELIVER_WEBHOOKS = types.boolean()
    WEBHOOK_METRICS_PORT = types.whole_number(default=None, low=1, high=types.LAST_PORT)
    WEBHOOK_ALLOW_PRIVATE = types.boolean()

    @post_load
    def fill_in_threads(self, settings: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Derive THREADS from the number of workers if it is not set."""
        settings["THREADS"] = settings["THREADS"] or default_threads(settings["WORKERS"])
        return settings

    @validates_schema
    def check_keys(self, settings: dict[str, Any], **_: Any) -> None:
        """Reject both kinds of key at once, a database without a key, and a fallback without a different JWT_SECRET."""
        names = ("DATABASE_URL", "JWT_SECRET", "JWT_SECRET_FALLBACK", "JWT_JWKS_URL")
        url, secret, fallback, jwks = map(settings.get, names)
        if secret and jwks:
            raise ValidationError("and JWT_JWKS_URL are both set. Set only one of them.", "JWT_SECRET")
        if url and not (secret or jwks):
            raise ValidationError("requires a key to verify tokens. Set JWT_SECRET or JWT_JWKS_URL.", "DATABASE_URL")
        if fallback and secret in (None, fallback):
            raise ValidationError("requires a JWT_SECRET with a different value.", "JWT_SECRET_FALLBACK")

    @validates_schema
    def check_audience(self, settings: dict[str, Any], **_: Any) -> None:
        """Reject an MCP server that is not an audience of tokens: API and MCP server are one resource server."""
        url = settings.get("MCP_URL")
        if url and url not in settings.get("JWT_AUDIENCE", ()):
            raise ValidationError("must be one of the values of JWT_AUDIENCE.", "MCP_URL")


def _refuse_misspelt(names: Iterable[str]) -> None:
    """Refuse names that are almost the name of a setting. Other tools may use the same file, with names of their own.

    Raises:
        ConfigError: a name is misspelt; the message has the setting that it resembles.
    """
    known = Settings().fields
    for name in names:
        # At this cutoff, DATABSE_URL and LOGLEVEL are misspelt, but HOSTNAME and POSTGRES_USER are other names.
        if name not in known and (nearest := get_close_matches(name.upper(), known, n=1, cutoff=0.8)):
            raise ConfigError(f"{name} in the file .env is not a setting. Did you mean {nearest[0]}?")


def load_config() -> dict[str, Any]:
    """Read the settings. The environment takes precedence over ``.env``.

    Returns:
        The value of every setting of :class:`Settings`, by name.

    Raises:
        ConfigError: a setting is invalid; the message has one sentence for each. Or a name in ``.env`` is misspelt.
    """
    try:
        # Without interpolation, so that a password may contain a dollar sign.
        from_file = dotenv_values(ROOT / ".env", interpolate=False)
    except (UnicodeDecodeError, OSError) as error:
        reason = getattr(error, "strerror", "it is not UTF-8 text")
        raise ConfigError(f"Cannot read the file .env: {reason}.") from None
    _refuse_misspelt(from_file)
    values = {**from_file, **os.environ}
    try:
        return dict(Settings().load({name: value for name, value in values.items() if value}))
    except ValidationError as error:
        messages = error.messages_dict
        raise ConfigError(" ".join(f"{name} {text}" for name in messages for text in messages[name])) from None
