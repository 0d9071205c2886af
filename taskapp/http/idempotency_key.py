"""The header Idempotency-Key (draft-ietf-httpapi-idempotency-key-header)."""

import hashlib
import re

from taskapp.db.idempotency import RequestKey
from taskapp.http.errors import InvalidInput
from taskapp.http.request import Request

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
# RFC 9651, section 3.3.3: only the quote and the backslash can be escaped.
_QUOTED_KEY = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')


def read_idempotency_key(request: Request) -> RequestKey | None:
    """Return the idempotency key and the fingerprint of a request; None if it has no key.

    Raises:
        InvalidInput: the header is malformed.
    """
    header: str | None = request.environ.get("HTTP_IDEMPOTENCY_KEY")
    if header is None:
        return None
    quoted = _QUOTED_KEY.fullmatch(header)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else header
    if not _KEY.fullmatch(key) or (header.startswith('"') and not quoted):
        raise InvalidInput(
            details={"Idempotency-Key": ["Must be 1 to 255 visible ASCII characters, optionally quoted."]}
        )
    return RequestKey(key, _fingerprint(request))


def _fingerprint(request: Request) -> bytes:
    fingerprint = hashlib.sha256()
    parts = [request.method.encode(), request.path.encode(), request.get_data()]
    if request.query_string:  # Earlier versions stored results without it.
        parts.append(request.query_string)
    for part in parts:
        fingerprint.update(len(part).to_bytes(8) + part)
    return fingerprint.digest()
