"""JSON text is parsed in one way, whether it is short or long."""

import json
import random

import pytest

from taskapp.http.json_text import DuplicateName, InvalidJSON, parse_object

# Longer than any text for which another parser is tried first.
LONG = " " * 5_000
NAMES = ["a", "b", "\\u0061", 'a\\":', "", "é", ":"]
VALUES = ['"x"', '"x\\": 1"', '"\\ud83d\\ude00"', '"\\ud800"', "1", "-0", "1.0", "1e400", "9" * 30, "null", "true"]
VALUES += ["[]", '["x", "y"]', '[":", "\\":"]', "{}", '{"a": 1}', '[{"a": 1, "a": 2}]', "NaN", "01", '"\t"']
COLONS = [":", " : ", "\n:\t"]


def result(text):
    """What comes out: the object as text with the types of its values, or the error."""
    try:
        return json.dumps(parse_object(text))
    except DuplicateName as error:
        return f"twice: {error.name}"
    except InvalidJSON as error:
        return f"invalid: {error}"


def test_short_objects_are_parsed_as_long_ones():
    seeded = random.Random(20261127)
    parsed = 0
    for _ in range(3_000):
        pairs = (seeded.choice(NAMES) for _ in range(seeded.randrange(4)))
        members = (f'"{name}"{seeded.choice(COLONS)}{seeded.choice(VALUES)}' for name in pairs)
        text = "{" + ",".join(members) + "}"
        assert result(text) == result(text + LONG), text
        parsed += result(text).startswith("{")
    assert parsed > 500


@pytest.mark.parametrize(
    "text", ['{"a": 1, "a": 2}', '{"a": 1, "\\u0061": 2}', '{"a": "\\":", "a": 2}', '{"a":1,"a" :2}']
)
def test_a_name_that_appears_twice_is_found_in_a_short_object(text):
    with pytest.raises(DuplicateName, match="a"):
        parse_object(text)


@pytest.mark.parametrize("text", ["", "[]", "1", '"x"', '{"a": 1}}', '{"a": 1,}', "{'a': 1}", "\ufeff{}"])
def test_short_text_that_is_no_object_is_an_error(text):
    with pytest.raises(InvalidJSON):
        parse_object(text)
