"""The tokens in the URLs of feeds: whoever has one may read the feed.

A token is the base64url of the user id, a dot, and 32 random bytes in base64url (RFC 4648, section 5). With the user id
in it, the statement that looks up the calendar can act as this user. So row-level security confines it to the user's
rows, and the token of one user with the name of another one yields nothing.
"""

import base64
import hashlib
import secrets
from typing import NamedTuple

from taskapp.db.columns import USER_ID_LENGTH

_SECRET_BYTES = 32


class Token(NamedTuple):
    """What a token says.

    Attributes:
        user_id: the user that it names; empty if it names none, so that a statement sees no rows.
        digest: the SHA-256 of the whole token, as text. No other spelling of the same bytes has it.
    """

    user_id: str
    digest: bytes


def make_token(user_id: str) -> str:
    """Return a new token of a user."""
    name = base64.urlsafe_b64encode(user_id.encode()).decode().rstrip("=")
    return f"{name}.{secrets.token_urlsafe(_SECRET_BYTES)}"


def read_token(token: str) -> Token:
    """Return what a token says. Any text is read, so that the response to a wrong one takes as long as to others."""
    name, _, _ = token.partition(".")
    digest = hashlib.sha256(token.encode(errors="replace")).digest()
    try:
        user_id = base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode()
    except ValueError:  # Also the error of invalid base64, and of invalid UTF-8.
        user_id = ""
    is_valid = len(user_id) <= USER_ID_LENGTH and "\0" not in user_id
    return Token(user_id if is_valid else "", digest)
