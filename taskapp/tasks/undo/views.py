"""The routes of single writes. Each one parses its input, calls one service function and returns a response."""

from typing import Any

from flask import Response

from taskapp.auth.guard import authorize
from taskapp.http.blueprint import Blueprint
from taskapp.http.cursors import page_response, read_cursor
from taskapp.http.errors import map_error
from taskapp.http.id_converter import InvalidId
from taskapp.http.idempotency_key import read_idempotency_key
from taskapp.http.json_provider import json_response
from taskapp.http.openapi import API_ERRORS
from taskapp.http.request import current_request
from taskapp.tasks import error_responses
from taskapp.tasks.changes.header import mark_write
from taskapp.tasks.errors import ChangeNotFound, TooManyAffected, UndoConflict
from taskapp.tasks.list_schema import PageQuery
from taskapp.tasks.openapi import IDEMPOTENCY_KEY
from taskapp.tasks.undo import openapi, schemas, service

bp = Blueprint(
    "undo",
    __name__,
    guard=authorize,
    url_prefix="/api/<user_id>/changes/<id:number>",
    description="The writes of a user, and undo.",
    errors=API_ERRORS,
)
map_error(bp, ChangeNotFound, error_responses.CHANGE_NOT_FOUND)
map_error(bp, InvalidId, error_responses.CHANGE_NOT_FOUND, shared=False)
map_error(bp, UndoConflict, error_responses.UNDO_CONFLICT, error_responses.explain_conflict, shared=False)
map_error(bp, TooManyAffected, error_responses.TOO_MANY_AFFECTED, shared=False)


@bp.route("", methods=["GET"], parameters=[openapi.NUMBER])
@bp.arguments(PageQuery, location="query")
@bp.response(200, schemas.WriteEnvelope, **openapi.WRITE)
@bp.alt_response(404, "NOT_FOUND")
def get_write(user_id: str, number: int, query: dict[str, Any]) -> Response:
    """Get the changes of a write.

    A write of many tasks has many numbers, one after the other, and is named by the first. Every write that can be
    undone fits on two pages.
    """
    limit, cursor = query["limit"], query["cursor"]
    of_list = {"write": number}
    after = None if cursor is None else read_cursor(cursor, user_id, of_list)[0]
    page = service.get_write(user_id, number, limit=limit, after=after)
    last = None if page.next is None else (page.next,)
    return page_response(page.entries, last, user_id, of_list, limit=limit)


@bp.route("/undo", methods=["POST"], parameters=[openapi.NUMBER])
@bp.arguments(schemas.UndoQuery, location="query")
@bp.response(200, schemas.UndoEnvelope, **openapi.UNDONE)
@bp.alt_response(404, "NOT_FOUND")
@bp.alt_response(409, schema=schemas.UndoConflictEnvelope, **error_responses.UNDO_CONFLICTS)
@bp.doc(parameters=[IDEMPOTENCY_KEY])
def undo_write(user_id: str, number: int, query: dict[str, Any]) -> Response:
    """Undo a write.

    Takes back all changes of the write, or none. A change is taken back if the fields that it changed still have the
    values that it gave them, whatever else has changed since. An undo is a write too, so undoing it redoes the first
    write.
    """
    dry_run = query.get("dry_run", False)
    undo = service.undo_write(user_id, number, dry_run=dry_run, key=read_idempotency_key(current_request()))
    data = {"change": undo.change, "undoes": number, "dry_run": dry_run, "results": undo.results}
    return mark_write(json_response({"data": data}), undo)
