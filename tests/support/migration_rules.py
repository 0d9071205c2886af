"""Rules that hold for migrations of distributed tables."""

import contextlib
import re

from sqlalchemy import Engine, event

# A comment, a body of a function or of DO, and a quoted value. No semicolon in them ends a statement.
_QUOTED = re.compile(r"--[^\n]*|(\$\w*\$).*?\1|'(?:[^']|'')*'", re.DOTALL)
_DDL = re.compile(r"\s*(CREATE|ALTER|DROP|GRANT|REVOKE|COMMENT|TRUNCATE|RENAME)\b", re.IGNORECASE)


def ddl_commands(text):
    """The DDL commands of a text that is sent as one message."""
    return [part.strip() for part in _QUOTED.sub(" ", text).split(";") if _DDL.match(part)]


@contextlib.contextmanager
def texts_sent():
    """Collects the text of each message that SQLAlchemy sends in this process."""
    texts = []

    def record(_connection, _cursor, statement, *_):
        texts.append(statement)

    event.listen(Engine, "before_cursor_execute", record)
    try:
        yield texts
    finally:
        event.remove(Engine, "before_cursor_execute", record)
