"""The envelope of responses."""

from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import exception_handler


class EnvelopeRenderer(JSONRenderer):
    """Wraps a task in ``data`` and an error in ``error``. A list already has its envelope."""

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        """Render the response."""
        if renderer_context["response"].exception:
            data = {"error": data}
        elif "pagination" not in data:
            data = {"data": data}
        return super().render(data, accepted_media_type, renderer_context)


def handle_exception(error: Exception, context: Any) -> Response | None:
    """Return the response of REST framework, with 422 for validation errors."""
    response = exception_handler(error, context)
    if isinstance(error, ValidationError):
        response.status_code = 422
    return response
