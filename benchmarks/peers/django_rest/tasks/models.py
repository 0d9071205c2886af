"""The table of tasks."""

from django.db import models


class Task(models.Model):
    """A task of one user."""

    user_id = models.CharField(max_length=255, db_index=True)
    title = models.CharField(max_length=255)
    description = models.CharField(max_length=1000, null=True, blank=True)  # noqa: DJ001 # The contract requires null.
    completed = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.title
