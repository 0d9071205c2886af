"""The serializers of requests and responses."""

from typing import Any

from rest_framework import serializers

from tasks.models import Task


class TaskSerializer(serializers.ModelSerializer):
    """A task."""

    due_at = serializers.DateTimeField(read_only=True)

    class Meta:
        model = Task
        fields = (
            *("id", "uid", "user_id", "title", "description", "completed", "completed_at", "priority", "tags"),
            *("due_date", "due_time", "time_zone", "due_at", "created_at", "updated_at"),
        )
        read_only_fields = ("user_id",)
        extra_kwargs = {"due_time": {"format": "%H:%M", "input_formats": ["%H:%M"]}}
        validators = []

    def validate_tags(self, tags: list[str]) -> list[str]:
        """Return tags as a sorted set."""
        if len(set(tags)) < len(tags):
            raise serializers.ValidationError("Contains a tag twice.")
        return sorted(tags)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Reject a time without a day and a zone, and a zone without a day."""
        due = {name: getattr(self.instance, name, None) for name in ("due_date", "due_time", "time_zone")} | attrs
        if (due["due_time"] is not None and not due["time_zone"]) or (due["time_zone"] and not due["due_date"]):
            raise serializers.ValidationError("due_time needs due_date and time_zone.")
        return attrs


class CompletionSerializer(serializers.Serializer):
    """The body of ``complete``."""

    completed = serializers.BooleanField()
