"""docs/fields.md lists every field, and its example is a response of the service."""

import json
import re

from taskapp.tasks.models import PRIORITIES
from taskapp.tasks.representation import CREATABLE_FIELDS, FIELDS, READ_ONLY_FIELDS, WRITABLE_FIELDS
from tests.support.documents import code, read, rows

PAGE, API = read("fields"), read("api")
EXAMPLE = json.loads(code(PAGE, "json"))


def test_every_field_is_in_one_of_the_tables():
    names = [row[0] for row in rows(PAGE, "The fields of a task")]
    second = names.index("field", 1)
    assert set(names[1:second]) == {*WRITABLE_FIELDS, *CREATABLE_FIELDS}
    assert set(names[second + 1 :]) == {*READ_ONLY_FIELDS, "user_id"} - set(CREATABLE_FIELDS)


def test_every_priority_is_in_the_table_the_most_urgent_first():
    assert [row[0] for row in rows(PAGE, "Priority")[1:]] == [word or "null" for word in PRIORITIES]


def test_example_is_a_task_of_the_service(alice):
    sent = {name: EXAMPLE[name] for name in (*WRITABLE_FIELDS, *CREATABLE_FIELDS)}
    created = alice.create(**sent)
    own = ("id", "user_id", "created_at", "updated_at")
    assert list(created) == list(EXAMPLE) == list(FIELDS)
    assert {**created, **{name: EXAMPLE[name] for name in own}} == EXAMPLE


def test_example_of_the_reference_has_every_field():
    example = json.loads(re.search(r"^## The task object\n\n((?:    .+\n)+)", API, re.MULTILINE)[1])
    assert example == {**EXAMPLE, "description": None}
