"""Hosts in the URLs of webhooks: which of them are refused when a URL is stored.

A name may resolve to anything, at any time, so its addresses are checked whenever it is called. What is refused here
could never be called: it tells the user at once.
"""

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from taskapp.tasks.webhooks.errors import InvalidUrl

NAME_LENGTH = 253
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
# https://url.spec.whatwg.org/#ends-in-a-number-checker: what browsers and C libraries read as an IPv4 address, such as
# 2130706433, 0x7f.1 and 127.1.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Networks whose addresses contain an IPv4 address, which a router or the kernel may call: IPv4-compatible and -mapped,
# -translated (RFC 7915), NAT64 (RFC 6052, RFC 8215), Teredo (RFC 4380), and 6to4 (RFC 3056).
_TRANSLATED = tuple(
    map(
        IPv6Network,
        ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16"),
    )
)
# RFC 6761, RFC 6762, RFC 8375, RFC 9476, and names that are usual in private networks.
_PRIVATE_SUFFIXES = frozenset(
    ("alt", "corp", "home", "internal", "intranet", "invalid", "lan", "local", "localdomain", "localhost", "private")
)
_PRIVATE_DOMAIN = "home.arpa"

_BAD_NAME = "Must have a valid host name."
_BAD_ADDRESS = "Must have an IP address in its usual form: four decimal numbers, or IPv6 in brackets."
_PRIVATE_ADDRESS = "Must not have the address of a private or special network."
_PRIVATE_NAME = "Must have a public host name, such as hooks.example.com."


def check_host(host: str, *, allow_private: bool) -> None:
    """Accept a host of a URL: a public name, or a public IP address in its usual form.

    Args:
        host: the host in lower case and ASCII, an IPv6 address in brackets.
        allow_private: whether it may be in a private network.

    Raises:
        InvalidUrl: it is another host.
    """
    if host.startswith("["):
        _check_address(_parse_ipv6(host), allow_private=allow_private)
    elif _NUMBER.fullmatch(host.removesuffix(".").rpartition(".")[2]):
        _check_address(_parse_ipv4(host), allow_private=allow_private)
    else:
        _check_name(host, allow_private=allow_private)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an address is one of the public internet, and not one that stands for another address."""
    if address.is_multicast or not address.is_global:
        return False
    if isinstance(address, IPv4Address):
        return True
    return not (address.is_site_local or any(address in network for network in _TRANSLATED))


def _parse_ipv6(host: str) -> IPv6Address:
    try:
        address = ip_address(host[1:-1])
    except ValueError:
        raise InvalidUrl(_BAD_ADDRESS) from None
    if not isinstance(address, IPv6Address) or address.scope_id:
        raise InvalidUrl(_BAD_ADDRESS)
    return address


def _parse_ipv4(host: str) -> IPv4Address:
    try:
        return IPv4Address(host)
    except ValueError:
        raise InvalidUrl(_BAD_ADDRESS) from None


def _check_address(address: IPv4Address | IPv6Address, *, allow_private: bool) -> None:
    if not (allow_private or is_public(address)):
        raise InvalidUrl(_PRIVATE_ADDRESS)


def _check_name(name: str, *, allow_private: bool) -> None:
    labels = name.split(".")
    if len(name) > NAME_LENGTH or not all(map(_LABEL.fullmatch, labels)):
        raise InvalidUrl(_BAD_NAME)
    is_private = len(labels) == 1 or labels[-1] in _PRIVATE_SUFFIXES or f".{name}".endswith(f".{_PRIVATE_DOMAIN}")
    if is_private and not allow_private:
        raise InvalidUrl(_PRIVATE_NAME)
