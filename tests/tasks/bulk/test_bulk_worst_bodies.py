"""Whatever is in a body of 1 MiB: its check takes bounded time, and its errors have a bounded length."""

from contextlib import suppress

import pytest

from taskapp.http.errors import InvalidInput
from taskapp.http.json_text import DuplicateName, InvalidJSON, loads_object
from taskapp.tasks.schemas import TaskChangesIn
from tests.support.bulk import DELETION, MISSING, errors, load, of_operation
from tests.support.processor import processor_time


def test_ten_different_unknown_names_are_explained_wherever_they_are():
    names = [f"titl{letter}" for letter in "abcdfghijkl"]
    found = errors({"operations": [{"op": "create", "title": "x", name: 1} for name in [*names, names[0]]]})
    explained = "Unknown field. Did you mean title?"
    assert list(found.values()) == [*[explained] * 10, "Unknown field.", explained]


def test_unknown_names_beyond_ten_in_an_operation_are_counted():
    found = of_operation({"op": "create", "title": "x", **{f"{n:03}": 1 for n in range(1012)}})
    assert len(found) == 11
    assert found[""] == "Contains 1,002 more unknown fields."


def test_a_hundred_invalid_operations_are_enough():
    found = errors({"operations": [DELETION, *[{"op": "delete"}] * 999]})
    assert len(found) == 101
    assert found["operations.100.id"] == MISSING
    assert found["operations"] == "Checked only to operations.100: 100 operations are invalid."
    assert len(errors({"operations": [{"op": "delete"}] * 100})) == 100


# Seconds of the processor.
QUICK = 0.5

_BIG = {name: {} for name in TaskChangesIn().fields if name != "user_id"}
WORST = {
    "all wrong": [{"op": "update", **_BIG, "add_tags": [1] * 20, "remove_tags": [1] * 20}] * 1000,
    "unknown names": [{"op": "create", **{f"{n:03}": 1 for n in range(100)}}] * 1000,
    "one object": [{"op": "create", **{f"{n:06}": 1 for n in range(80_000)}}],
    "similar names": [{"op": "create", f"{n:03}{'complated' * 4}": 1} for n in range(1000)],
    "tags": [
        {"op": "update", "id": n, "add_tags": [f"é{tag}" for tag in range(20)], "remove_tags": [f"ü{n}"] * 1}
        for n in range(1, 1001)
    ],
    "invisible": [{"op": "create", "title": "\u200b" * 250 + "x"}] * 1000,
    "duplicates": [DELETION] * 1000,
}


@pytest.mark.parametrize("operations", WORST.values(), ids=WORST)
def test_the_worst_bodies_take_bounded_time(operations):
    def attempt():
        with suppress(InvalidInput):
            load({"operations": operations})

    assert processor_time(attempt) < QUICK  # Around 0.1 s on a machine with nothing else to do.


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"a": 1, "a": 2}', "a"),
        (b'{"operations": [{"op": "create", "title": "a"}, {"op": "delete", "id": 1, "id": 2}]}', "operations.1.id"),
        (b'{"filter": {"q": "a", "q": "b"}, "op": "delete"}', "filter.q"),
        (b'{"operations": [{"a": [[0, {"b": {"c": 1, "c": 1}}]]}]}', "operations.0.a.0.1.b.c"),
        (b'{"operations": [{"a": {"b": 1, "b": 1}}], "operations": []}', "operations"),
        (b'{"a": {"b": [], "b": {}}, "c": {"d": 1, "d": 1}}', "a.b"),
        (b'[{"a": 1, "a": 2}]', "a"),
    ],
)
def test_a_duplicate_name_comes_with_its_place(body, place):
    with pytest.raises(DuplicateName) as caught:
        loads_object(body)
    assert caught.value.name == place


@pytest.mark.parametrize("rest", [b"", b"]", b', {"id": NaN}]}'])
def test_a_body_that_is_not_json_after_a_duplicate_name_is_not_json(rest):
    with pytest.raises(InvalidJSON):
        loads_object(b'{"operations": [{"id": 1, "id": 2}' + rest)


@pytest.mark.parametrize("item", [b"{},", b'{"a":1},', b"[0],", b'{"%s":[[0]]},' % (b"a" * 500)])
def test_a_duplicate_name_is_found_in_bounded_time(item):
    body = b'{"%s":[' % (b"k" * 1000) + item * ((1024 * 1024 - 1100) // len(item)) + b'{"a":1,"a":1}]}'

    def find():
        with pytest.raises(DuplicateName, match=r"\.a$"):
            loads_object(body)

    assert processor_time(find) < QUICK


@pytest.mark.parametrize("value", [b"[" * 400 + b"]" * 400, b'{"a":' * 150 + b"1" + b"}" * 150, b"[[],[],[]]"])
def test_nested_values_are_parsed_in_bounded_time(value):
    item = b'{"op":"create","x":' + value + b"},"
    body = b'{"operations":[' + (item * (1024 * 1024 // len(item)))[:-1] + b"]}"
    assert processor_time(lambda: loads_object(body)) < QUICK
