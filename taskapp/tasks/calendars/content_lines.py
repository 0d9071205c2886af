"""The content lines of iCalendar (RFC 5545, section 3.1): escaped text, folded lines.

Written by hand, because a library takes some 20 times as long, and calendar applications poll a feed.
"""

import re
from collections.abc import Iterable

# In octets, without the line end.
_LENGTH = 75
END = "\r\n"
# A continuation of a line begins with a space.
_FOLD = f"{END} ".encode()
# RFC 3629, section 3: the first two bits of each octet of a character but its first.
_CONTINUES, _MASK = 0b1000_0000, 0b1100_0000

# Section 3.3.11. Whatever is a line end in Unicode becomes one here, because readers split lines at some of them. Other
# controls but the tab are not allowed.
_CONTROLS = dict.fromkeys((*range(0x09), *range(0x0E, 0x20), 0x7F))
_LINE_ENDS = dict.fromkeys(map(ord, "\n\r\v\f\x85\u2028\u2029"), "\\n")
_ESCAPED = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,"}) | _LINE_ENDS | _CONTROLS
# What most texts do not have.
_SPECIAL = re.compile(r"[\\;,\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")


def _escape(text: str) -> str:
    return text.replace("\r\n", "\n").translate(_ESCAPED) if _SPECIAL.search(text) else text


def _fold(line: str) -> str:
    """Return a line in pieces of at most 75 octets. No character is cut."""
    if len(line) <= _LENGTH and line.isascii():
        return line
    octets, pieces, start, room = line.encode(), [], 0, _LENGTH
    while len(octets) - start > room:
        end = start + room
        while octets[end] & _MASK == _CONTINUES:  # In the middle of a character.
            end -= 1
        pieces.append(octets[start:end])
        start, room = end, _LENGTH - 1
    return _FOLD.join([*pieces, octets[start:]]).decode()


def text_line(name: str, *values: str) -> str:
    """Return the line of a property with a text, or with a list of texts, without its end."""
    return _fold(f"{name}:{','.join(map(_escape, values))}")


def join_lines(lines: Iterable[str]) -> bytes:
    """Return lines with their ends, in UTF-8."""
    return END.join([*lines, ""]).encode()
