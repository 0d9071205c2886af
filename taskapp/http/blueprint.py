"""A blueprint whose views declare their input: it is documented, and read strictly."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from marshmallow import Schema

from taskapp.http.input import PATCH_MEDIA_TYPES, load_input
from taskapp.http.openapi import DocumentedBlueprint, without_wrapper


def _document_patch_media_types(doc: dict[str, Any], _doc_info: Any, method: str, **_: Any) -> dict[str, Any]:
    if method == "patch" and "requestBody" in doc:
        body = doc["requestBody"]["content"]["application/json"]
        doc["requestBody"]["content"] = dict.fromkeys(PATCH_MEDIA_TYPES, body)
    return doc


class Blueprint(DocumentedBlueprint):
    """A blueprint whose views read the request strictly, and remember what they declare."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._prepare_doc_cbks.append(_document_patch_media_types)

    def arguments(self, schema: type[Schema], *, location: str = "json", **options: Any) -> Callable[[Any], Any]:
        """Declare what a view reads, as in flask-smorest; the view is called with it.

        Args:
            schema: what it must be; made once, not for each request.
            location: ``json``, the body, or ``query``.
            options: what is documented besides the schema.
        """
        loader = schema()
        document = without_wrapper(super().arguments(loader, location=location, **options))

        def decorator(view: Any) -> Any:
            @wraps(view)
            def load_and_call(*args: Any, **kwargs: Any) -> Any:
                return view(load_input(loader, location), *args, **kwargs)

            load_and_call.declared_input = {location, *getattr(view, "declared_input", ())}  # type: ignore[attr-defined]
            return document(load_and_call)

        return decorator
