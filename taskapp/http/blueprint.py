"""A blueprint whose views declare their input, which is then documented and read strictly."""

from collections.abc import Callable
from typing import Any

from marshmallow import Schema

from taskapp.http.input import PATCH_MEDIA_TYPES, read_input
from taskapp.http.openapi import DocumentedBlueprint, without_wrapper

# From the location that flask-smorest knows to the parameter of a view.
_PARAMETERS = {"json": "body", "query": "query"}


def _document_patch_media_types(doc: dict[str, Any], _doc_info: Any, method: str, **_: Any) -> dict[str, Any]:
    if method == "patch" and "requestBody" in doc:
        body = doc["requestBody"]["content"]["application/json"]
        doc["requestBody"]["content"] = dict.fromkeys(PATCH_MEDIA_TYPES, body)
    return doc


class Blueprint(DocumentedBlueprint):
    """A blueprint behind a guard, whose views get the input that they declare, and no other.

    Args:
        guard: the hook that lets only the user of the path pass. It comes first, so that no view can forget it.
    """

    def __init__(self, *args: Any, guard: Callable[[], None], **options: Any) -> None:
        super().__init__(*args, **options)
        self._prepare_doc_cbks.append(_document_patch_media_types)
        self.before_request(guard)
        self.before_request(read_input)

    def arguments(self, schema: type[Schema], *, location: str = "json", **options: Any) -> Callable[[Any], Any]:
        """Declare what a view reads, as in flask-smorest. The view is called with it as ``body`` or ``query``.

        Args:
            schema: what it must be; made once, not for each request.
            location: ``json``, the body, or ``query``.
            options: what is documented besides the schema.
        """
        loader = schema()
        document = without_wrapper(super().arguments(loader, location=location, **options))

        def decorator(view: Any) -> Any:
            view.input_schemas = {_PARAMETERS[location]: loader, **getattr(view, "input_schemas", {})}
            return document(view)

        return decorator
