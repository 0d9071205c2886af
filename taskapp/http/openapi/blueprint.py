"""A blueprint whose views are documented in full, and cost nothing more for it."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from flask_smorest import Blueprint as SmorestBlueprint

View = TypeVar("View", bound=Callable[..., Any])


def unwrap(text: str | None) -> str:
    """Return a text of a docstring with each paragraph on one line."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in (text or "").split("\n\n")).strip()


def without_wrapper(decorate: Callable[[Any], Any]) -> Callable[[View], View]:
    """Take what a decorator of flask-smorest documents, but not the wrapper that it calls for every request.

    Our views return a ``Response``, so that the wrapper would do nothing.
    """

    def document(view: Any) -> Any:
        view._apidoc = decorate(view)._apidoc  # noqa: SLF001 # Where flask-smorest keeps what it documents.
        return view

    return document


class DocumentedBlueprint(SmorestBlueprint):
    """flask-smorest's blueprint.

    Args:
        errors: the error statuses that each of its operations may have.
        options: those of flask-smorest's.
    """

    def __init__(self, *args: Any, errors: Sequence[HTTPStatus] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self._errors = errors
        self._prepare_doc_cbks.append(self._complete)

    def _complete(self, doc: dict[str, Any], doc_info: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Add what all operations have; strings are names of components."""
        # Taken out, because flask-smorest would put what ``doc`` said in the place of all others.
        by_hand = doc_info.get("manual_doc", {}).pop("parameters", [])
        parameters = [*doc.get("parameters", []), *by_hand, "X-Request-ID"]
        responses = {**{int(status): status.name for status in self._errors}, **doc.get("responses", {})}
        return {**doc, "parameters": parameters, "responses": dict(sorted(responses.items()))}

    def add_url_rule(self, rule: str, endpoint: Any = None, view_func: Any = None, *args: Any, **options: Any) -> None:
        """Add a route, whose operation has the name of its view, and what the view says of itself."""
        summary, _, description = view_func.__doc__.partition("\n\n")
        names = {"operationId": view_func.__name__, "summary": unwrap(summary).rstrip(".")}
        self.doc(**names, description=unwrap(description))(view_func)
        super().add_url_rule(rule, endpoint, view_func, *args, **options)

    def response(self, *args: Any, **options: Any) -> Callable[[View], View]:
        """Document how a view answers where all is well."""
        return without_wrapper(super().response(*args, **options))

    def alt_response(self, *args: Any, **options: Any) -> Callable[[View], View]:
        """Document how else a view may answer."""
        return without_wrapper(super().alt_response(*args, **options))

    @staticmethod
    def doc(**options: Any) -> Callable[[View], View]:
        """Document something else of an operation, in the words of OpenAPI."""
        return without_wrapper(SmorestBlueprint.doc(**options))
