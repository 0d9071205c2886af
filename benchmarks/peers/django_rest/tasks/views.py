"""The task routes."""

from typing import Any

from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.viewsets import ModelViewSet

from tasks.models import Task
from tasks.serializers import CompletionSerializer, TaskSerializer


class TaskViewSet(ModelViewSet):
    """The tasks of the user in the path."""

    serializer_class = TaskSerializer

    def get_queryset(self) -> Any:
        """Return the tasks of the user."""
        return Task.objects.filter(user_id=self.kwargs["user_id"])

    def perform_create(self, serializer: TaskSerializer) -> None:
        """Save a task of the user."""
        serializer.save(user_id=self.kwargs["user_id"])

    def update(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """Update a task. Omitted fields stay unchanged."""
        return super().update(request, *args, **{**kwargs, "partial": True})

    def destroy(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """Delete a task."""
        super().destroy(request, *args, **kwargs)
        return Response({"success": True, "message": "Task deleted successfully"})

    @action(detail=True, methods=["patch"])
    def complete(self, request: Any, **_: Any) -> Response:
        """Set ``completed`` to the value in the body. Without a body, toggle it."""
        task = self.get_object()
        if request.data:
            completion = CompletionSerializer(data=request.data)
            completion.is_valid(raise_exception=True)
            task.completed = completion.validated_data["completed"]
        else:
            task.completed = not task.completed
        task.save()
        return Response(self.get_serializer(task).data)
