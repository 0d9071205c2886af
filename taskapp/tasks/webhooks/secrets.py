"""The secrets that sign deliveries, in the form of Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, section "Signature scheme":
24 to 64 random bytes, in base64 with a prefix.
"""

import base64
import secrets

from taskapp.tasks.webhooks.models import SECRET_BYTES

PREFIX = "whsec_"


def make_secret() -> bytes:
    """Return the bytes of a new secret."""
    return secrets.token_bytes(SECRET_BYTES)


def write_secret(secret: bytes) -> str:
    """Return a secret as text, as libraries of Standard Webhooks read it."""
    return PREFIX + base64.b64encode(secret).decode()
