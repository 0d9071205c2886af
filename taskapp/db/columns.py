"""Column types and limits that tables of several rooms share."""

from datetime import datetime
from typing import Annotated

from sqlalchemy import DateTime, String, func
from sqlalchemy.orm import mapped_column

USER_ID_LENGTH = 255
# The largest bigint, and so the largest id that a row can have.
MAXIMUM_ID = 2**63 - 1

# By code point, so that keys compare alike in every database, and no update of a locale breaks an index.
UserId = Annotated[str, mapped_column(String(USER_ID_LENGTH, collation="C"))]
# Set by the database when a row is inserted.
InsertedAt = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]
