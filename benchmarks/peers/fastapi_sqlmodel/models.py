"""The table of tasks and the models of requests and responses, split as in SQLModel's tutorial."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import StringConstraints
from sqlalchemy import DateTime
from sqlmodel import Field, SQLModel

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]


def now() -> datetime:
    """Return the current time with its time zone."""
    return datetime.now(UTC)


class TaskBase(SQLModel):
    """The fields shared by requests and responses."""

    title: str = Field(max_length=255)
    description: str | None = Field(default=None, max_length=1000)
    completed: bool = False


class Task(TaskBase, table=True):
    """The table."""

    id: int | None = Field(default=None, primary_key=True)
    user_id: str = Field(max_length=255, index=True)
    created_at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True))
    updated_at: datetime = Field(
        default_factory=now, sa_type=DateTime(timezone=True), sa_column_kwargs={"onupdate": now}
    )


class TaskCreate(TaskBase):
    """A new task."""

    title: Title


class TaskUpdate(SQLModel):
    """The fields to change. Omitted fields stay unchanged."""

    title: Title | None = None
    description: str | None = Field(default=None, max_length=1000)
    completed: bool | None = None


class Completion(SQLModel):
    """The body of ``complete``."""

    completed: bool


class TaskPublic(TaskBase):
    """A task in a response."""

    id: int
    user_id: str
    created_at: datetime
    updated_at: datetime


class TaskEnvelope(SQLModel):
    """A single task."""

    data: TaskPublic


class Pagination(SQLModel):
    """The position of a page in the list."""

    limit: int
    next_cursor: str | None


class TaskPage(SQLModel):
    """A page of tasks."""

    data: list[TaskPublic]
    pagination: Pagination


class Deletion(SQLModel):
    """The confirmation of a deletion."""

    success: bool
    message: str


class DeletionEnvelope(SQLModel):
    """A confirmation of a deletion."""

    data: Deletion
