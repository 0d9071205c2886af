"""The terms that a client puts on a write, in headers: which version it is for, and that it happens only once."""

import hashlib
import re
from typing import NamedTuple

from taskapp.http.context import this_request
from taskapp.http.errors import InvalidInput

# RFC 9110, section 8.8.3: a tag is a string in quotes, preceded by W/ where it is weak.
_TAG = r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"'
# Section 5.6.1.2: lists may have empty elements. Nothing once matched is given back (+), because white space that could
# belong to either side of a comma would otherwise be tried in every way.
_TAGS = re.compile(rf"[ \t]*+(,[ \t]*+)*+{_TAG}([ \t]*+,[ \t]*+({_TAG})?)*+[ \t]*+")
_VERSION = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
# RFC 9651, section 3.3.3: within quotes only a quote and a backslash are escaped.
_QUOTED_KEY = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')


class Terms(NamedTuple):
    """Terms of a write.

    Attributes:
        versions: the versions of the task that the write is for, or None for any.
        key: what makes a repetition of the write known, or None.
        fingerprint: what the write is: repetitions are alike. Without a key it is empty.
    """

    versions: tuple[int, ...] | None = None
    key: str | None = None
    fingerprint: bytes = b""


NO_TERMS = Terms()


def etag(version: int) -> str:
    """Write the version of a task as its entity tag."""
    return f'"{version}"'


def read_terms() -> Terms:
    """Read the terms of the request.

    Raises:
        InvalidInput: a header of them is malformed.
    """
    environ = this_request().environ
    if_match, key = environ.get("HTTP_IF_MATCH"), environ.get("HTTP_IDEMPOTENCY_KEY")
    versions = None if if_match is None else _read_if_match(if_match)
    return Terms(versions) if key is None else Terms(versions, _read_idempotency_key(key), _fingerprint())


def _read_if_match(header: str) -> tuple[int, ...] | None:
    """Return the versions that If-Match names, or None where it asks for none in particular.

    Its comparison is the strong one (RFC 9110, section 13.1.1), so a weak tag is one of no version.
    """
    if header.strip() == "*":
        return None
    if not _TAGS.fullmatch(header):
        raise InvalidInput(details={"If-Match": ["Must be * or a list of entity tags, each in quotes."]})
    strong = (tag for weak, tag in re.findall(_TAG, header) if not weak)
    return tuple(int(tag) for tag in strong if _VERSION.fullmatch(tag))


def _read_idempotency_key(header: str) -> str:
    quoted = _QUOTED_KEY.fullmatch(header)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else header
    if not _KEY.fullmatch(key) or (header.startswith('"') and not quoted):
        raise InvalidInput(details={"Idempotency-Key": ["Must be 1 to 255 visible ASCII characters, quoted or not."]})
    return key


def _fingerprint() -> bytes:
    request, what = this_request(), hashlib.sha256()
    for part in (request.method.encode(), request.path.encode(), request.get_data()):
        what.update(len(part).to_bytes(8) + part)
    return what.digest()
