"""The form of the URLs of webhooks.

They are a part of what RFC 3986 allows, so that every parser reads the same host in them. Most attacks on services that
call URLs of others are URLs that two parsers read differently.
"""

import re

import idna

from taskapp.settings import LAST_PORT
from taskapp.tasks.webhooks.addresses import check_host
from taskapp.tasks.webhooks.errors import InvalidUrl
from taskapp.tasks.webhooks.models import URL_LENGTH

# Scheme, authority, and the rest: the path and the query (RFC 3986, appendix B).
_PARTS = re.compile(r"(https?)://([^/?#]*)([^#]*)", re.IGNORECASE)
# The host, an IPv6 address in brackets, and the port.
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^\[\]:]*)(?::([0-9]{0,5}))?")
# RFC 3986, section 3.3 and 3.4.
_REST = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")
_PRINTABLE = re.compile(r"[^\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]*")
HTTPS_PORT = 443
HTTP_PORT = 80
FIRST_PORT = 1024

TOO_LONG = f"Must be at most {URL_LENGTH:,} characters, also after encoding."


def normalize_url(url: str, *, allow_private: bool = False) -> str:
    """Return a URL for calls: its host in lower case and ASCII, its path not empty, and no default port.

    Args:
        url: what a user sent.
        allow_private: whether http and private networks are allowed, for development.

    Raises:
        InvalidUrl: it cannot be the URL of a webhook.
    """
    _check_characters(url)
    match = _PARTS.fullmatch(url)
    scheme = match[1].lower() if match else ""
    if match is None or (scheme == "http" and not allow_private):
        raise InvalidUrl(_reason(url))
    host, port = _split_authority(match[2])
    check_host(host, allow_private=allow_private)
    default = HTTPS_PORT if scheme == "https" else HTTP_PORT
    number = default if port in {"", None} else int(port)
    if number not in {HTTPS_PORT, default} and not FIRST_PORT <= number <= LAST_PORT:
        raise InvalidUrl(f"Must have the port {HTTPS_PORT}, or one from {FIRST_PORT} to {LAST_PORT}.")
    rest = match[3] if match[3].startswith("/") else f"/{match[3]}"
    if not _REST.fullmatch(rest):
        raise InvalidUrl("Must have a path and a query in ASCII. Percent-encode all other characters (RFC 3986).")
    normalized = f"{scheme}://{host}{'' if number == default else f':{number}'}{rest}"
    if len(normalized) > URL_LENGTH:
        raise InvalidUrl(TOO_LONG)
    return normalized


def _check_characters(url: str) -> None:
    if len(url) > URL_LENGTH:
        raise InvalidUrl(TOO_LONG)
    if not _PRINTABLE.fullmatch(url):
        raise InvalidUrl("Must not contain white space or control characters.")
    if "\\" in url:
        raise InvalidUrl("Must not contain a backslash.")


def _reason(url: str) -> str:
    if "#" in url and url.lower().startswith("https://"):
        return "Must not contain a fragment (#)."
    return "Must begin with https://."


def _split_authority(authority: str) -> tuple[str, str]:
    """Return the host in lower case and ASCII, and the port; empty if it has none."""
    if "@" in authority:
        raise InvalidUrl("Must not contain a user or a password.")
    match = _AUTHORITY.fullmatch(authority)
    if match is None or not match[1]:
        raise InvalidUrl("Must have a host, and a port in digits if it has one.")
    return _to_ascii(match[1]), match[2] or ""


def _to_ascii(host: str) -> str:
    """Return a host in lower case and ASCII, as browsers do (https://www.unicode.org/reports/tr46/)."""
    if host.isascii():
        return host.lower()
    try:
        return idna.encode(host, uts46=True).decode().lower()
    except (idna.IDNAError, UnicodeError):
        raise InvalidUrl("Must have a valid host name.") from None
