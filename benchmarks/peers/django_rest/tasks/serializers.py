"""The serializers of requests and responses."""

from rest_framework import serializers

from tasks.models import Task


class TaskSerializer(serializers.ModelSerializer):
    """A task."""

    class Meta:
        model = Task
        fields = ("id", "user_id", "title", "description", "completed", "created_at", "updated_at")
        read_only_fields = ("user_id",)


class CompletionSerializer(serializers.Serializer):
    """The body of ``complete``."""

    completed = serializers.BooleanField()
