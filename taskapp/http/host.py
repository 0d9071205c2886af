"""The header ``Host`` (RFC 9112, section 3.2)."""

import re
from contextlib import suppress
from functools import lru_cache
from ipaddress import IPv6Address

# RFC 3986, section 3.2.2, with the lengths of DNS (RFC 1035, section 2.3.4). RFC 9110, section 4.2.1: not empty.
_LABEL = r"(?:[a-zA-Z0-9_~!$&'()*+,;=-]|%[0-9a-fA-F]{2}){1,63}"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?(?::[0-9]*)?")
_IPV6 = re.compile(r"\[([0-9a-fA-F:.]+)\](?::[0-9]*)?")
_MAXIMUM_LENGTH = 261  # A name of 255 characters, a colon and a port.


def is_valid_host(value: str) -> bool:
    """Return whether a value is a host with an optional port. It is case-insensitive, and has no user or path."""
    return len(value) <= _MAXIMUM_LENGTH and _is_valid(value)


@lru_cache(maxsize=256)
def _is_valid(value: str) -> bool:
    if match := _IPV6.fullmatch(value):
        with suppress(ValueError):
            return bool(IPv6Address(match[1]))
    return _NAME.fullmatch(value) is not None
