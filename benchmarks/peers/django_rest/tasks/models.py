"""The table of tasks."""

import uuid
from datetime import UTC, date, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

time_zones = cache(available_timezones)
DAYS = [MinValueValidator(date(1900, 1, 1)), MaxValueValidator(date(2999, 12, 31))]


def check_zone(name: str) -> None:
    """Reject a name that is not that of a time zone."""
    if name not in time_zones():
        raise ValidationError("Not the name of a time zone.")


class Task(models.Model):
    """A task of one user."""

    class Priority(models.TextChoices):
        """How urgent a task is."""

        URGENT = "urgent"
        HIGH = "high"
        MEDIUM = "medium"
        LOW = "low"

    uid = models.UUIDField(default=uuid.uuid4, editable=False)
    user_id = models.CharField(max_length=255, db_index=True)
    title = models.CharField(max_length=255)
    description = models.CharField(max_length=1000, null=True, blank=True)  # noqa: DJ001 # The contract requires null.
    completed = models.BooleanField(default=False)
    completed_at = models.DateTimeField(null=True, editable=False)
    priority = models.CharField(max_length=6, choices=Priority, null=True, default=None)  # noqa: DJ001 # As above.
    tags = ArrayField(models.CharField(max_length=50, validators=[RegexValidator("^[^,]+$")]), size=20, default=list)
    due_date = models.DateField(null=True, default=None, validators=DAYS)
    due_time = models.TimeField(null=True, default=None)
    time_zone = models.CharField(max_length=64, null=True, default=None, validators=[check_zone])  # noqa: DJ001
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user_id", "uid"], name="tasks_task_user_id_uid")]

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the task, and note when it was completed."""
        if self.completed != (self.completed_at is not None):
            self.completed_at = timezone.now() if self.completed else None
        super().save(*args, **kwargs)

    @property
    def due_at(self) -> datetime | None:
        """The instant of the day, the time and the time zone."""
        if self.due_time is None:
            return None
        return datetime.combine(self.due_date, self.due_time, ZoneInfo(self.time_zone)).astimezone(UTC)
