"""The response of a list, in each form."""

from collections.abc import Mapping
from typing import Any

from flask import Response

from taskapp.http.cursors import link_next
from taskapp.http.json_provider import JSONResponse, json_response
from taskapp.tasks.pages import Page
from taskapp.tasks.representation import FIELDS
from taskapp.tasks.transfer.formats import Form


def list_response(page: Page, cursor: str | None, form: Form | None, options: Mapping[str, Any]) -> Response:
    """Return a page of tasks as a response.

    Args:
        page: the page.
        cursor: the signed cursor of the next page, or None.
        form: the form of the body, or None for JSON.
        options: ``limit``, and ``fields`` if the client chose them.
    """
    if form is None:
        response = _as_json(page, cursor, options["limit"])
    else:
        response = _as_file(page, form, options.get("fields", FIELDS))
    response.headers["Vary"] = "Accept"  # RFC 9110, section 12.5.5.
    return link_next(response, cursor)


def _as_json(page: Page, cursor: str | None, limit: int) -> Response:
    beside = {} if page.as_of is None else {"as_of": page.as_of}
    total = {} if page.total is None else {"total": page.total}
    return json_response({"data": page.tasks, **beside, "pagination": {"limit": limit, "next_cursor": cursor, **total}})


def _as_file(page: Page, form: Form, fields: tuple[str, ...]) -> Response:
    """Return the tasks alone. What else a page has goes into headers, because every line of a file is a task."""
    response = JSONResponse(form.write(page.tasks, fields), content_type=form.content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{form.file_name}"'
    for name, number in (("Total-Count", page.total), ("As-Of", page.as_of)):
        if number is not None:
            response.headers[name] = str(number)
    return response
