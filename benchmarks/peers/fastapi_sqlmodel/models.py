"""The table of tasks and the models of requests and responses, split as in SQLModel's tutorial."""

from datetime import UTC, date, datetime, time
from functools import cache
from typing import Annotated, Literal, Self
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, PlainSerializer, StringConstraints, computed_field, model_validator
from sqlalchemy import ARRAY, DateTime, String, UniqueConstraint
from sqlmodel import Field, SQLModel

time_zones = cache(available_timezones)


def now() -> datetime:
    """Return the current time with its time zone."""
    return datetime.now(UTC)


def check_zone(name: str) -> str:
    """Return the name of a time zone if it exists."""
    if name not in time_zones():
        raise ValueError("not the name of a time zone")
    return name


def as_set(tags: list[str]) -> list[str]:
    """Return tags as a sorted set."""
    if len(set(tags)) < len(tags):
        raise ValueError("contains a tag twice")
    return sorted(tags)


Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
Priority = Literal["urgent", "high", "medium", "low"]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50, pattern="^[^,]*$")]
Tags = Annotated[list[Tag], Field(max_length=20), AfterValidator(as_set)]
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2999, 12, 31))]
ClockTime = Annotated[time, PlainSerializer(lambda clock: clock.strftime("%H:%M"))]
TimeZone = Annotated[str, AfterValidator(check_zone)]


class TaskBase(SQLModel):
    """The fields shared by requests and responses."""

    title: str = Field(max_length=255)
    description: str | None = Field(default=None, max_length=1000)
    completed: bool = False
    priority: Priority | None = Field(default=None, sa_type=String(6))
    tags: list[str] = Field(default_factory=list, sa_type=ARRAY(String(50)))
    due_date: date | None = None
    due_time: ClockTime | None = None
    time_zone: str | None = Field(default=None, max_length=64)


class Task(TaskBase, table=True):
    """The table."""

    __table_args__ = (UniqueConstraint("user_id", "uid"),)

    id: int | None = Field(default=None, primary_key=True)
    uid: UUID = Field(default_factory=uuid4)
    user_id: str = Field(max_length=255, index=True)
    completed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    created_at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True))
    updated_at: datetime = Field(
        default_factory=now, sa_type=DateTime(timezone=True), sa_column_kwargs={"onupdate": now}
    )


class TaskCreate(TaskBase):
    """A new task."""

    title: Title
    tags: Tags = Field(default_factory=list)
    due_date: Day | None = None
    time_zone: TimeZone | None = None

    @model_validator(mode="after")
    def check_due(self) -> Self:
        """Reject a time without a day and a zone, and a zone without a day."""
        if (self.due_time is not None and not self.time_zone) or (self.time_zone and not self.due_date):
            raise ValueError("due_time needs due_date and time_zone")
        return self


class TaskUpdate(SQLModel):
    """The fields to change. Omitted fields stay unchanged."""

    title: Title | None = None
    description: str | None = Field(default=None, max_length=1000)
    completed: bool | None = None
    priority: Priority | None = None
    tags: Tags = Field(default_factory=list)
    due_date: Day | None = None
    due_time: ClockTime | None = None
    time_zone: TimeZone | None = None


class Completion(SQLModel):
    """The body of ``complete``."""

    completed: bool


class TaskPublic(TaskBase):
    """A task in a response."""

    id: int
    uid: UUID
    user_id: str
    completed_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @computed_field
    @property
    def due_at(self) -> datetime | None:
        """The instant of the day, the time and the time zone."""
        if not (self.due_date and self.due_time is not None and self.time_zone):
            return None
        return datetime.combine(self.due_date, self.due_time, ZoneInfo(self.time_zone)).astimezone(UTC)


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
