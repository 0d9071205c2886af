"""The route of imports. It parses its input, calls a service function and returns a response."""

from collections import Counter
from collections.abc import Sequence
from io import StringIO
from types import MappingProxyType
from typing import Any

from flask import Response
from marshmallow import ValidationError

from taskapp.auth.guard import authorize
from taskapp.http.blueprint import Blueprint
from taskapp.http.concurrency import costly
from taskapp.http.errors import InvalidInput, map_error
from taskapp.http.etags import reject_if_match
from taskapp.http.idempotency_key import read_idempotency_key
from taskapp.http.input_errors import describe_errors
from taskapp.http.json_provider import json_response
from taskapp.http.json_text import without_collection
from taskapp.http.openapi import API_ERRORS, ErrorEnvelope
from taskapp.http.request import current_request
from taskapp.tasks import error_responses as task_errors
from taskapp.tasks.bulk.schemas import MAXIMUM_BODY
from taskapp.tasks.changes.header import mark_write
from taskapp.tasks.errors import InvalidChange, LinesNotImported
from taskapp.tasks.openapi import IDEMPOTENCY_KEY
from taskapp.tasks.transfer import error_responses, openapi, response_schemas, schemas, service
from taskapp.tasks.transfer.checks import CheckedLine, check_lines
from taskapp.tasks.transfer.csv_lines import read_csv
from taskapp.tasks.transfer.lines import Reader, read_ndjson

bp = Blueprint(
    "transfer",
    __name__,
    guard=authorize,
    url_prefix="/api/<user_id>/tasks/import",
    description="Files of tasks.",
    errors=API_ERRORS,
)
map_error(bp, InvalidChange, task_errors.INVALID_CHANGE, task_errors.explain_change)
map_error(bp, LinesNotImported, error_responses.NOT_IMPORTED, error_responses.explain_lines, shared=False)

_READERS = MappingProxyType[str, Reader]({"application/x-ndjson": read_ndjson, "text/csv": read_csv})


def _check(text: str, *, cut: bool) -> list[CheckedLine]:
    """Return the lines of the file in the body.

    Raises:
        InvalidInput: some are wrong.
    """
    read = _READERS[current_request().mimetype]
    try:
        with without_collection(len(text)):
            return check_lines(read(StringIO(text, newline="")), cut=cut)
    except ValidationError as error:
        raise InvalidInput(details=describe_errors(error.messages_dict, "body")) from None


def _results(imported: service.Import, lines: Sequence[CheckedLine]) -> dict[str, Any]:
    numbers = Counter(result for _, result in imported.tasks)
    each = [
        {"line": line.number, "id": task_id, "result": result, **({"cut": line.cut} if line.cut else {})}
        for line, (task_id, result) in zip(lines, imported.tasks, strict=True)
    ]
    return {**{name: numbers[name] for name in service.RESULTS}, "lines": each}


@bp.route("", methods=["POST"])
@bp.arguments(schemas.ImportQuery, location="query")
@bp.file(openapi.FILES, maximum_body=MAXIMUM_BODY)
@bp.response(200, response_schemas.ImportEnvelope, **openapi.IMPORTED)
@bp.alt_response(409, schema=ErrorEnvelope, **error_responses.NOT_IMPORTED_RESPONSE)
@bp.doc(parameters=[IDEMPOTENCY_KEY])
@costly
def import_tasks(user_id: str, query: dict[str, Any], text: str) -> Response:
    """Import tasks.

    Creates the tasks in a file of up to 1,000 lines, in newline-delimited JSON or CSV, as exported by `GET
    /api/{user_id}/tasks`. All or nothing: if a line is wrong, nothing is written, and the error names every wrong line.
    A task is found by its `uid`, so the same file can be sent again, and makes nothing twice. `created_at` and
    `completed_at` are taken as they are. `id`, `user_id`, `version`, `updated_at` and `due_at` have no effect. All of
    it is one write, which `POST /api/{user_id}/changes/{number}/undo` takes back with the number in `Change`.
    """
    request = current_request()
    reject_if_match(request, "Send existing=refuse to change no task.")
    options: dict[str, Any] = {"dry_run": query.get("dry_run", False), "existing": query["existing"]}
    key = read_idempotency_key(request)
    lines = _check(text, cut=query["long_text"] == schemas.CUT)
    imported = service.import_lines(user_id, lines, key=key, **options)
    data = {"change": imported.change, "dry_run": options["dry_run"], **_results(imported, lines)}
    return mark_write(json_response({"data": data}), imported)
