"""The header Prefer, as RFC 7240 has it."""

import pytest

from taskapp.http.preferences import read_preferences


@pytest.mark.parametrize(
    "header",
    [
        "merge=disjoint",
        "Merge=disjoint",
        " MERGE = disjoint ",
        'merge="disjoint"',
        'merge = "disjoint" ; because="of, this"',
        "merge=disjoint;wait=1; x",
        "return=minimal, merge=disjoint",
        "respond-async, wait=100,,merge=disjoint, handling=lenient",
        'foo="a, b; c", merge=disjoint',
        r'foo="a\", merge=x", merge=disjoint',
        "merge=disjoint, merge=other",
    ],
)
def test_preference_is_found(header):
    assert read_preferences(header)["merge"] == "disjoint"


@pytest.mark.parametrize(
    "header",
    [
        "",
        ",",
        ";",
        "=",
        "merge",
        "merge=",
        'merge=""',
        "merge=other",
        "merge=disjoint2",
        "merge=other, merge=disjoint",
        "merges=disjoint",
        "x-merge=disjoint",
        "return=minimal",
        'foo="a, merge=disjoint"',
        'foo="a; merge=disjoint"',
        "foo; merge=disjoint",
        'foo="a, merge=disjoint',
        'merge="disjoint; x"',
        'merge="disjoint',
        "merge==disjoint",
        "merge disjoint",
        "merge;=disjoint",
        "m\xe9rge=disjoint",
    ],
)
def test_anything_else_is_another_preference_or_none(header):
    assert read_preferences(header).get("merge") != "disjoint"


def test_names_without_values_and_first_ones():
    expected = {"respond-async": "", "wait": "10", "return": "minimal"}
    assert read_preferences('respond-async, Wait="10"; x=1, return=minimal, WAIT=20') == expected
