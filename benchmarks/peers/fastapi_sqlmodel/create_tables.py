"""Create the tables before the service starts."""

import models  # noqa: F401 # Registers the table.
from dependencies import engine
from sqlmodel import SQLModel

SQLModel.metadata.create_all(engine)
