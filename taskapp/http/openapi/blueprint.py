"""A blueprint that documents its views without any cost per request."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from flask_smorest import Blueprint as SmorestBlueprint

from taskapp.http.error_body import name_of

View = TypeVar("View", bound=Callable[..., Any])


def unwrap(text: str | None) -> str:
    """Return the text of a docstring with each paragraph on one line."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in (text or "").split("\n\n")).strip()


def without_wrapper(decorate: Callable[[Any], Any]) -> Callable[[View], View]:
    """Keep the documentation that a flask-smorest decorator adds, without its wrapper around the view.

    The views return a ``Response``, so the wrapper would do nothing on each request.
    """

    def document(view: Any) -> Any:
        view._apidoc = decorate(view)._apidoc  # noqa: SLF001 # flask-smorest stores documentation here.
        return view

    return document


class DocumentedBlueprint(SmorestBlueprint):
    """A flask-smorest blueprint that completes the documentation of its operations.

    Args:
        errors: the error statuses that every operation may return.
        options: passed to flask-smorest.
    """

    def __init__(self, *args: Any, errors: Sequence[HTTPStatus] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self._errors = errors
        self._prepare_doc_cbks.append(self._complete)

    def _complete(self, doc: dict[str, Any], doc_info: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Add the parameters and responses that all operations share. Strings are names of components."""
        # Removed here, because flask-smorest would replace all other parameters with those from ``doc``.
        by_hand = doc_info.get("manual_doc", {}).pop("parameters", [])
        parameters = [*doc.get("parameters", []), *by_hand, "X-Request-ID", "traceparent"]
        responses = {**{int(status): status.name for status in self._errors}, **doc.get("responses", {})}
        # flask-smorest names statuses as the version of Python does.
        responses = {
            status: name_of(HTTPStatus(int(status))) if isinstance(response, str) else response
            for status, response in responses.items()
        }
        return {**doc, "parameters": parameters, "responses": dict(sorted(responses.items()))}

    def add_url_rule(self, rule: str, endpoint: Any = None, view_func: Any = None, *args: Any, **options: Any) -> None:
        """Add a route. Its operation takes its id from the view's name and its text from the view's docstring."""
        summary, _, description = view_func.__doc__.partition("\n\n")
        names = {"operationId": view_func.__name__, "summary": unwrap(summary).rstrip(".")}
        self.doc(**names, description=unwrap(description))(view_func)
        super().add_url_rule(rule, endpoint, view_func, *args, **options)

    def response(self, *args: Any, **options: Any) -> Callable[[View], View]:
        """Document the success response of a view."""
        return without_wrapper(super().response(*args, **options))

    def alt_response(self, *args: Any, **options: Any) -> Callable[[View], View]:
        """Document an alternative response of a view."""
        return without_wrapper(super().alt_response(*args, **options))

    @staticmethod
    def doc(**options: Any) -> Callable[[View], View]:
        """Document other attributes of an operation, named as in OpenAPI."""
        return without_wrapper(SmorestBlueprint.doc(**options))
