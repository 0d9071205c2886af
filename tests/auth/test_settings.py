"""The settings that are lists of values."""

import pytest
from marshmallow import ValidationError

from config import Settings

NAMES = ["JWT_ISSUER", "JWT_AUDIENCE", "JWT_AUTHORIZED_PARTIES"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("written", "read"), [("a", ("a",)), ("https://a/,a", ("https://a/", "a")), (" a , b c,a ", ("a", "b c"))]
)
def test_values_are_separated_by_commas(name, written, read):
    assert Settings().load({name: written})[name] == read


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("written", [",", "a,", ",a", "a,,b", " "])
def test_no_value_is_empty(name, written):
    with pytest.raises(ValidationError) as caught:
        Settings().load({name: written})
    assert caught.value.messages == {name: ["must be comma-separated values, none of them empty."]}


def test_nothing_is_checked_by_default():
    settings = Settings().load({})
    assert [settings[name] for name in NAMES] == [(), (), ()]
