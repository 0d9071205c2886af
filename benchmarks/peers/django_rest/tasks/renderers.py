"""The envelope around what goes out."""

from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import exception_handler


class EnvelopeRenderer(JSONRenderer):
    """Writes a task under ``data``, and an error under ``error``; a list has its envelope already."""

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        """Write the answer."""
        if renderer_context["response"].exception:
            data = {"error": data}
        elif "pagination" not in data:
            data = {"data": data}
        return super().render(data, accepted_media_type, renderer_context)


def handle_exception(error: Exception, context: Any) -> Response | None:
    """Answer as REST framework does, but what breaks a rule with 422."""
    response = exception_handler(error, context)
    if isinstance(error, ValidationError):
        response.status_code = 422
    return response
