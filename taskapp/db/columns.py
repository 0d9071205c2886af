"""Column types and limits that the tables of several packages share."""

from datetime import datetime
from typing import Annotated

from sqlalchemy import DateTime, String, func
from sqlalchemy.orm import mapped_column

USER_ID_LENGTH = 255
# The largest bigint, so the largest possible id of a row.
MAXIMUM_ID = 2**63 - 1

# Compared by code point, so that keys compare the same in every database and no locale update breaks an index.
UserId = Annotated[str, mapped_column(String(USER_ID_LENGTH, collation="C"))]
# Set by the database when a row is inserted.
InsertedAt = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]
