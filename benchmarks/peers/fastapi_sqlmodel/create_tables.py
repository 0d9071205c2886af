"""Make the tables, before the service starts."""

import models  # noqa: F401 # SQLModel must know the table.
from dependencies import engine
from sqlmodel import SQLModel

SQLModel.metadata.create_all(engine)
