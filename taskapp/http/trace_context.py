"""W3C Trace Context (https://www.w3.org/TR/trace-context-2/): the trace id in the request header ``traceparent``."""

import re
from collections.abc import Mapping
from typing import Any

HEADER = "traceparent"
# The key in the WSGI environment. Servers join repeated headers with commas, which makes them invalid, as it should.
_VARIABLE = "HTTP_TRACEPARENT"
# Section 3.2.2: version 00 ends after the flags. Later versions may continue after a hyphen, with visible characters of
# ASCII other than commas. ff is no version, and ids that consist of zeros are invalid.
_VALID = re.compile(
    r"(?:00(?=.{53}\Z)|(?!00|ff)[0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-[\x21-\x2b\x2d-\x7e]*)?"
)


def read_trace_id(traceparent: str) -> str | None:
    """Return the trace id in a value of ``traceparent``, or None if the value is invalid."""
    match = _VALID.fullmatch(traceparent)
    return match and match[1]


def trace_id_of(environ: Mapping[str, Any]) -> str | None:
    """Return the trace id of a request, or None without a valid ``traceparent``."""
    return read_trace_id(environ.get(_VARIABLE, ""))
