"""A blueprint whose views declare their input. The declarations document the input and validate it."""

from collections.abc import Callable, Mapping
from typing import Any

from taskapp.http.concurrency import limit_concurrency
from taskapp.http.content import PATCH_MEDIA_TYPES
from taskapp.http.input import describe_size, read_input
from taskapp.http.input_schema import InputSchema
from taskapp.http.openapi import DocumentedBlueprint, ErrorEnvelope, describe_too_large, without_wrapper
from taskapp.http.request import MAXIMUM_BODY

# Maps the locations of flask-smorest to the parameters of a view.
_PARAMETERS = {"json": "body", "query": "query"}


def _document_patch_media_types(doc: dict[str, Any], _doc_info: Any, method: str, **_: Any) -> dict[str, Any]:
    if method == "patch" and "requestBody" in doc:
        body = doc["requestBody"]["content"]["application/json"]
        doc["requestBody"]["content"] = dict.fromkeys(PATCH_MEDIA_TYPES, body)
    return doc


class Blueprint(DocumentedBlueprint):
    """A blueprint with a guard, whose views accept only the input that they declare.

    Args:
        args: the arguments of flask-smorest's blueprint.
        guard: the hook that admits only the user in the path. It runs before every view of the blueprint.
        options: the keyword arguments of :class:`DocumentedBlueprint`.
    """

    def __init__(self, *args: Any, guard: Callable[[], None], **options: Any) -> None:
        super().__init__(*args, **options)
        self._prepare_doc_cbks.append(_document_patch_media_types)
        self.before_request(guard)
        self.before_request(limit_concurrency)
        self.before_request(read_input)

    def arguments(
        self,
        schema: type[InputSchema],
        *,
        location: str = "json",
        maximum_body: int = MAXIMUM_BODY,
        **options: Any,
    ) -> Callable[[Any], Any]:
        """Declare an input of a view, as in flask-smorest. The view receives it as ``body`` or ``query``.

        Args:
            schema: the schema of the input, instantiated once.
            location: ``json`` for the body, or ``query``.
            maximum_body: the maximum length of the body in bytes. The guard runs before the body is read.
            options: more arguments of flask-smorest's ``arguments``, for the document.
        """
        loader = schema()
        document = without_wrapper(super().arguments(loader, location=location, **options))

        def decorator(view: Any) -> Any:
            view.input_schemas = {_PARAMETERS[location]: loader, **getattr(view, "input_schemas", {})}
            return document(self._limit(view, maximum_body))

        return decorator

    def _limit(self, view: Any, maximum_body: int) -> Any:
        if maximum_body == MAXIMUM_BODY:
            return view
        view.maximum_body = maximum_body
        too_large = describe_too_large(f"The body exceeds {describe_size(maximum_body)}.")
        return self.alt_response(413, schema=ErrorEnvelope, **too_large)(view)

    def file(self, content: Mapping[str, Mapping[str, Any]], *, maximum_body: int) -> Callable[[Any], Any]:
        """Declare that the body of a view is a text file. The view receives it as ``text``.

        Args:
            content: the media types that it may have, each with its description as in OpenAPI.
            maximum_body: the maximum length of the body in bytes.
        """

        def decorator(view: Any) -> Any:
            view.media_types = tuple(content)
            body = {"required": True, "content": content}
            return self.doc(requestBody=body)(self._limit(view, maximum_body))

        return decorator
