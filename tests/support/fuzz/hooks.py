"""Tells Schemathesis what the document cannot: values that depend on the user and on earlier requests."""

import os
import re
import uuid

import schemathesis
from marshmallow import ValidationError, fields

from taskapp.http.fields import has_visible_character
from taskapp.tasks.bulk.filter_schema import FilterIn
from taskapp.tasks.fields import Day, Tag, Tags, TimeZone
from taskapp.tasks.list_schema import ListQuery
from taskapp.tasks.recurrence.schemas import PATTERN
from taskapp.tasks.reminders.schemas import ReminderIn
from taskapp.tasks.transfer.openapi import FILES
from taskapp.tasks.webhooks.errors import InvalidUrl
from taskapp.tasks.webhooks.urls import normalize_url

USER_ID = re.compile(r"[^/\0]{1,255}")
KEY = re.compile(r'[!#-~][!-~]{0,254}|"[!#-\[\]-~]{1,255}"')
LIST = ListQuery()
FILTER = FilterIn()
RULE = re.compile(PATTERN)
TAG = re.compile(r'(W/)?"[!#-~]*"')
TAGS = re.compile(rf"{TAG.pattern}( *, *{TAG.pattern})*")


def is_valid(field: fields.Field, value: object) -> bool:
    try:
        field.deserialize(value)
    except ValidationError:
        return False
    return True


def repair_recurrence(body):
    """Choose a rule that has every day, and days that exist: the document does not say which parts go together."""
    # The task may recur, and then needs its day.
    if body.get("due_date", "") is None:
        body.setdefault("recurrence", None)
    recurrence = body.get("recurrence")
    if isinstance(recurrence, dict) and isinstance(rule := recurrence.get("rule"), str) and RULE.fullmatch(rule):
        recurrence["rule"] = "FREQ=DAILY"
        for name in ("occurrence", "next", "last"):
            if isinstance(recurrence.get(name), str) and not is_valid(Day(), recurrence[name]):
                recurrence[name] = "2026-12-24"


def repair_reminder(body):
    """Choose a time that exists, and give minutes before a time that the task may not have what they count from."""
    reminder = body.get("reminder")
    if not isinstance(reminder, dict):
        # The task may have such a reminder, and then needs its time.
        if None in (body.get("due_date", ""), body.get("due_time", "")):
            body.setdefault("reminder", None)
        return
    if isinstance(reminder.get("at"), str) and not is_valid(ReminderIn().fields["at"], reminder["at"]):
        reminder["at"] = "2028-02-29T12:00:00Z"
    if isinstance(reminder.get("minutes_before"), float):  # As in repair_bulk.
        reminder["minutes_before"] = int(reminder["minutes_before"])
    if "minutes_before" in reminder:
        body["due_time"] = body.get("due_time") or "12:00"


def repair(body):
    """Make valid what the document calls valid although the service cannot accept it."""
    # The pattern of a title cannot list all invisible characters.
    if isinstance(body.get("title"), str) and not has_visible_character(body["title"]):
        body["title"] = "visible"
    # The document does not list the days of each month and the time zones.
    if isinstance(body.get("due_date"), str) and not is_valid(Day(), body["due_date"]):
        body["due_date"] = "2026-12-24"
    if isinstance(body.get("time_zone"), str) and not is_valid(TimeZone(), body["time_zone"]):
        body["time_zone"] = "Pacific/Apia"
    repair_reminder(body)
    # A change may need a day that the task does not have, or clear a time zone that it needs.
    if "due_time" in body or "time_zone" in body:
        body["due_date"] = body.get("due_date") or "2028-02-29"
        body["time_zone"] = body.get("time_zone") or "Asia/Kathmandu"
    repair_recurrence(body)
    if isinstance(body.get("name"), str) and not is_valid(Tag(), body["name"]):
        body["name"] = "home"
    # Two tags may be equal without surrounding white space. The tags of a task leave room for one that is added.
    for name in ("tags", "remove_tags"):
        if isinstance(body.get(name), list):
            body[name] = body[name][:19] if is_valid(Tags(), body[name]) else ["home"]
    if body.get("add_tags"):
        body["add_tags"] = ["errand"]
        body["remove_tags"] = [tag for tag in body.get("remove_tags", []) if tag.strip() != "errand"]


def repair_calendar(body):
    """Do the same for a calendar."""
    if isinstance(body.get("name"), str) and not has_visible_character(body["name"]):
        body["name"] = "visible"
    if isinstance(body.get("time_zone"), str) and not is_valid(TimeZone(), body["time_zone"]):
        body["time_zone"] = "Pacific/Apia"
    if isinstance(body.get("alarm_minutes"), float):  # As in repair_bulk.
        body["alarm_minutes"] = int(body["alarm_minutes"])


def repair_webhook(body):
    """Do the same for a webhook. The document does not say which hosts are public."""
    if isinstance(body.get("url"), str):
        try:
            normalize_url(body["url"])
        except InvalidUrl:
            body["url"] = "https://hooks.example.com/fuzz"
    # Of the newest change that there may be.
    if "after" in body:
        body["after"] = 0


def repair_body(label, body):
    """Repair the body of an operation."""
    if label.endswith("/bulk"):
        repair_bulk(body)
    elif "/calendars" in label:
        repair_calendar(body)
    elif "/webhooks" in label:
        repair_webhook(body)
    else:
        repair(body)


def repair_bulk(body):
    """Do the same for writes of many tasks: no two operations are on one task, and a filter has no contradiction."""
    # A number such as 65.0 is an integer of JSON Schema, but not of the service.
    for place, operation in enumerate(body.get("operations", [body])):
        repair(operation)
        operation.update({name: int(operation[name]) for name in ("version", "max_affected") if name in operation})
        if "id" in operation:
            operation["id"] = place + 1
        if "uid" in operation:
            operation["uid"] = str(uuid.uuid4())
    values = body.get("filter", {})
    while named := FILTER.validate(values).keys() & values.keys():
        for name in named:
            del values[name]
    if "filter" in body and not values:
        values["status"] = "all"


def repair_query(query):
    """Do the same for a query string, whose days come in pairs."""
    for name, field, valid in (("name", Tag(), "home"), ("time_zone", TimeZone(), "Pacific/Apia")):
        if name in query and not is_valid(field, query[name]):
            query[name] = valid
    if "from" in query or "before" in query:
        query |= {"from": "2026-11-01", "before": "2026-12-01"}


def repair_list(query):
    """Do the same for the parameters of a list: leave out what is not valid, or does not go with another."""
    if "overdue" in query:
        query["time_zone"] = "Asia/Kathmandu"
    # Few filters and orders go with a list of the past.
    if "as_of" in query and len(query.keys() - {"as_of", "status", "limit", "fields", "count"}):
        query["as_of"] = "now"

    def errors():
        sent = {name: value if isinstance(value, str) else str(value).lower() for name, value in query.items()}
        return LIST.validate(sent).keys() & sent.keys()

    while named := errors():
        for name in named:
            del query[name]


@schemathesis.serializer("application/x-ndjson", "text/csv")
def serialize_file(_context, value):
    """Send a file as it is."""
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


@schemathesis.hook
def before_call(_context, case, _kwargs):
    # The path of any other user is a 403. An invalid user id stays as it is.
    if USER_ID.fullmatch(str(case.path_parameters.get("user_id", ""))):
        case.path_parameters["user_id"] = os.environ["FUZZ_USER_ID"]
    if case.meta.generation.mode.is_positive and isinstance(case.body, dict):
        repair_body(case.operation.label, case.body)
    # The document does not say what is in a file.
    if case.meta.generation.mode.is_positive and case.operation.label.endswith("/import"):
        case.body = FILES[case.media_type]["example"]
    if case.meta.generation.mode.is_positive:
        (repair_list if case.operation.label == "GET /api/{user_id}/tasks" else repair_query)(case.query)
        # A parameter of one form of the list. The document cannot say which Accept it needs.
        if case.headers.get("Accept") != "text/csv":
            case.query.pop("bom", None)
    # A key is for one request; with another it is a 422. An invalid key stays as it is.
    if KEY.fullmatch(str(case.headers.get("Idempotency-Key", ""))):
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
    # An erasure is confirmed by the user id. The document cannot say so.
    if case.operation.label == "DELETE /api/{user_id}" and case.meta.generation.mode.is_positive:
        case.query["confirm"] = case.path_parameters["user_id"]
    # Only the service can write one.
    case.query.pop("cursor", None)
    # Half of the valid lists of tags stay, and are a 412; the others become *, so that the request succeeds.
    # Schemathesis 4.32 also takes 0 for such a list, in one scenario of its coverage phase.
    tags = case.headers.get("If-Match", "")
    if (TAGS.fullmatch(tags) and len(tags) % 2) or (case.meta.generation.mode.is_positive and tags == "0"):
        case.headers["If-Match"] = "*"
    # The preference needs one tag.
    if "merge" in case.headers.get("Prefer", "") and not TAG.fullmatch(case.headers.get("If-Match", "")):
        del case.headers["Prefer"]
