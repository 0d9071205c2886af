"""The input of many writes at once: each rule of each operation, named by its place; and what the service receives."""

import pytest

from taskapp.tasks.schemas import TaskChangesIn, TaskIn
from tests.support.bulk import DELETION, MISSING, errors, load, matching, of_operation

UID = "0b9e6f0e-6c0e-4b57-9d0a-6a4d1c0e8f11"
OPS, MATCHING_OPS = "Must be one of: create, update, complete, delete.", "Must be one of: update, complete, delete."
NUMBER = "Must be 1 to 1,000 operations."
ID = f"Must be an integer from 1 to {2**63 - 1}."
VERSION = f"Must be an integer from 1 to {2**53 - 1}."
MAXIMUM = "Must be an integer from 1 to 1000."
NOTHING = (
    "Send at least one of title, description, completed, priority, tags, due_date, due_time, time_zone, recurrence, "
    "reminder, add_tags and remove_tags."
)
NO_FILTER = "Is needed. Or send operations."
READ_ONLY = "Read-only. Omit it."
TOGETHER = "Must not be sent together with operations."
FULL = {
    "title": " Buy milk ",
    "description": "",
    "completed": True,
    "priority": "high",
    "tags": ["home", "errand"],
    "due_date": "2026-12-24",
    "due_time": "17:00",
    "time_zone": "Asia/Calcutta",
}


@pytest.mark.parametrize("fields", [{"title": "x"}, {**FULL, "uid": UID.upper()}, {"title": "x", "tags": None}])
def test_a_new_task_is_loaded_as_by_the_single_write(fields):
    loaded = load({"operations": [{"op": "create", **fields}]})
    assert loaded == {"operations": [{"op": "create", **TaskIn().load(fields)}]}


@pytest.mark.parametrize(
    "fields",
    [
        {"title": "x"},
        FULL,
        {"add_tags": ["b", "a"], "remove_tags": ["c"]},
        {"title": "x", "uid": UID.upper(), "updated_at": "2026-11-26T09:30:00Z", "due_at": None},
    ],
)
def test_an_update_is_loaded_as_by_the_single_write(fields):
    loaded = load({"operations": [{"op": "update", "id": 7, "version": 1042, **fields}]})
    assert loaded == {"operations": [{"op": "update", "id": 7, "version": 1042, **TaskChangesIn().load(fields)}]}


def test_other_operations_are_loaded_as_they_are():
    operations = [
        {"op": "complete", "id": 8, "completed": False},
        {"op": "complete", "id": 2**63 - 1, "version": 2**53 - 1, "completed": True},
        {"op": "delete", "id": 9, "version": 1},
        DELETION,
    ]
    assert load({"operations": operations}) == {"operations": operations}


@pytest.mark.parametrize("op", [None, "", "Create", "remove", 1, True, ["create"], {"create": 1}])
def test_an_unknown_op_is_the_only_error_of_its_operation(op):
    assert of_operation({"op": op, "id": "x", "title": 1}) == {"op": OPS}
    assert of_operation({"id": 7}) == {"op": OPS}
    assert errors(matching({}, op, title=1)) == {"op": MATCHING_OPS}


def test_a_filter_creates_nothing():
    assert errors(matching({"status": "all"}, "create", title="x")) == {"op": MATCHING_OPS}


@pytest.mark.parametrize("operations", [None, {}, "x", 1, [], [1] * 1001, {"0": DELETION}])
def test_the_number_of_operations_is_one_error(operations):
    expected = "Field may not be null." if operations is None else NUMBER
    assert errors({"operations": operations}) == {"operations": expected}


def test_a_thousand_operations_are_accepted():
    assert len(load({"operations": [{"op": "create", "title": "x"}] * 1000})["operations"]) == 1000


@pytest.mark.parametrize("item", [None, 1, "delete", [], [DELETION]])
def test_an_operation_is_an_object(item):
    expected = "Field may not be null." if item is None else "Must be an object."
    assert of_operation(item) == {"": expected}
    assert errors(matching(item)) == {"filter": expected}


@pytest.mark.parametrize("op", ["update", "complete", "delete"])
@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        *(("id", value, ID) for value in (0, -1, 2**63, 1.0, True, "1", [1], {})),
        *(("version", value, VERSION) for value in (0, 2**53, 1.5, False, "1", '"1"')),
        ("id", None, "Field may not be null."),
        ("version", None, "Field may not be null."),
    ],
)
def test_ids_and_versions_are_positive_integers(op, name, value, sentence):
    operation = {"op": op, "id": 1, **({"title": "x"} if op == "update" else {})}
    operation |= {"completed": True} if op == "complete" else {}
    assert of_operation({**operation, name: value}) == {name: sentence}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "create"}, {"title": MISSING}),
        ({"op": "create", "title": " "}, {"title": "Must be 1 to 255 characters, excluding surrounding white space."}),
        ({"op": "create", "title": "x", "id": 1, "version": 1}, {"id": READ_ONLY, "version": READ_ONLY}),
        ({"op": "create", "title": "x", "due_time": "17:00"}, {"due_time": "Needs due_date and time_zone."}),
        ({"op": "create", "title": "x", "add_tags": []}, {"add_tags": "Unknown field."}),
        ({"op": "update", "title": "x"}, {"id": MISSING}),
        ({"op": "update", "id": 1}, {"": NOTHING}),
        ({"op": "update", "id": 1, "version": 1, "uid": UID}, {"": NOTHING}),
        ({"op": "update", "id": 1, "title": None}, {"title": "Field may not be null."}),
        (
            {"op": "update", "id": 1, "tags": [], "add_tags": ["a"]},
            {"add_tags": "Must not be sent together with tags."},
        ),
        (
            {"op": "update", "id": 1, "title": "x", "created_at": "now"},
            {"created_at": "Read-only. Omit it, or send its current value."},
        ),
        ({"op": "complete", "id": 1}, {"completed": MISSING}),
        ({"op": "complete", "id": 1, "completed": "true"}, {"completed": "Not a valid boolean."}),
        ({"op": "complete", "id": 1, "completed": True, "title": "x"}, {"title": "Unknown field."}),
        ({"op": "complete", "completed": True}, {"id": MISSING}),
        ({"op": "delete"}, {"id": MISSING}),
        ({"op": "delete", "id": 1, "completed": True}, {"completed": "Unknown field."}),
        ({"op": "update", "id": 1, "done": True}, {"done": "Unknown field. Did you mean completed?"}),
        ({"op": "update", "id": 1, "_schema": 1}, {"_schema": "Unknown field."}),
    ],
)
def test_rules_of_an_operation(operation, expected):
    assert of_operation(operation) == expected


def test_every_operation_that_breaks_a_rule_is_named():
    operations = [{"op": "create"}, DELETION, {"op": "delete"}, 1]
    expected = {"operations.0.title": MISSING, "operations.2.id": MISSING, "operations.3": "Must be an object."}
    assert errors({"operations": operations}) == expected


def test_an_id_may_appear_once():
    operations = [{"op": "create", "title": "x"}, DELETION, {"op": "update", "id": 2, "title": "x"}]
    operations += [{"op": "complete", "id": 1, "completed": True}, {"op": "delete", "id": 1, "version": "x"}]
    again = "Is also the id of operations.1."
    expected = {"operations.3.id": again, "operations.4.id": again, "operations.4.version": VERSION}
    assert errors({"operations": operations}) == expected


def test_the_uid_of_a_new_task_may_appear_once():
    new = {"op": "create", "title": "x"}
    operations = [{**new, "uid": UID}, new, new, {**new, "uid": UID.upper()}]
    assert errors({"operations": operations}) == {"operations.3.uid": "Is also the uid of operations.0."}
    # That of an update is only compared with that of its task.
    load({"operations": [{**new, "uid": UID}, {"op": "update", "id": 1, "title": "x", "uid": UID}]})


def test_the_user_id_may_be_repeated(app):
    body = {"user_id": "me", "operations": [{"op": "create", "title": "x", "user_id": "me"}]}
    with app.test_request_context() as context:
        context.request.view_args = {"user_id": "me"}
        assert load(body) == {"operations": [{"op": "create", **TaskIn().load({"title": "x"})}]}
        context.request.view_args = {"user_id": "you"}
        sentence = "Must equal the user id in the path."
        assert errors(body) == {"user_id": sentence, "operations.0.user_id": sentence}
        assert errors(matching({"user_id": "you"}))["filter.user_id"] == "Unknown field."


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"operations": "Is needed. Or send filter, op and max_affected."}),
        (
            {"ops": [DELETION]},
            {
                "operations": "Is needed. Or send filter, op and max_affected.",
                "ops": "Unknown field. Did you mean operations?",
            },
        ),
        (
            {"operations": [DELETION], "filter": {}, "op": "x", "max_affected": None},
            dict.fromkeys(("filter", "op", "max_affected"), TOGETHER),
        ),
        (DELETION, {"filter": NO_FILTER, "max_affected": MISSING, "id": "Unknown field."}),
        ({"max_affected": 1}, {"op": MATCHING_OPS}),
        ({"filter": {"status": "all"}, "op": "delete"}, {"max_affected": MISSING}),
        ({"op": "delete", "max_affected": 1}, {"filter": NO_FILTER}),
        (matching({"status": "all"}, limit=1), {"limit": "Unknown field. Did you mean max_affected?"}),
        (matching({"status": "all"}, "complete"), {"completed": MISSING}),
        (matching({"status": "all"}, "update"), {"body": NOTHING}),
        (matching({"status": "all"}, "update", title="x", id=1, uid=UID), {"id": READ_ONLY, "uid": READ_ONLY}),
        (
            matching({"status": "all"}, "update", time_zone="UTC", due_date=None),
            {"time_zone": "Needs due_date."},
        ),
        *((matching({"status": "all"}) | {"max_affected": n}, {"max_affected": MAXIMUM}) for n in (0, 1001, "1", True)),
    ],
)
def test_rules_of_the_body(body, expected):
    assert errors(body) == expected
