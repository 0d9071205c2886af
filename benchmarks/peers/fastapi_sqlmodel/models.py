"""The table of tasks, and what comes in and goes out, as SQLModel's tutorial divides them."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import StringConstraints
from sqlalchemy import DateTime
from sqlmodel import Field, SQLModel

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]


def now() -> datetime:
    """Return the time, with its zone."""
    return datetime.now(UTC)


class TaskBase(SQLModel):
    """What a client says of a task, and sees of it."""

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
    """What may change; what is not sent keeps its value."""

    title: Title | None = None
    description: str | None = Field(default=None, max_length=1000)
    completed: bool | None = None


class Completion(SQLModel):
    """Whether a task is completed."""

    completed: bool


class TaskPublic(TaskBase):
    """A task as clients see it."""

    id: int
    user_id: str
    created_at: datetime
    updated_at: datetime


class TaskEnvelope(SQLModel):
    """One task."""

    data: TaskPublic


class Pagination(SQLModel):
    """Which part of the list this is."""

    limit: int
    next_cursor: str | None


class TaskPage(SQLModel):
    """A part of the list."""

    data: list[TaskPublic]
    pagination: Pagination


class Deletion(SQLModel):
    """What a deletion reports."""

    success: bool
    message: str


class DeletionEnvelope(SQLModel):
    """A task is gone."""

    data: Deletion
