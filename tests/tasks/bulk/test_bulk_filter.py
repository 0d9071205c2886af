"""The filter of many writes: every filter of lists, with its rules, as in a query string or as in JSON."""

import pytest

from taskapp.tasks.list_schema import ListQuery
from tests.support.bulk import EMPTY, load, matching, of_filter

NEEDS_CONDITION = 'Needs at least one condition. {"status": "all"} selects all tasks.'
ZONED = {"overdue": "true", "time_zone": "Europe/Berlin"}


@pytest.mark.parametrize(
    ("query", "as_json"),
    [
        ({"status": "all"}, None),
        ({"q": "milk", "due_from": "2026-11-01", "due_before": "2026-12-01"}, None),
        (ZONED, {**ZONED, "overdue": True}),
        ({"priority": "low,none,high"}, {"priority": ["low", "none", "high"]}),
        *(
            ({name: "b,a", "tagged": "true"}, {name: ["b", "a"], "tagged": True})
            for name in ("tags_all", "tags_any", "tags_none")
        ),
        ({"tagged": "false"}, {"tagged": False}),
        ({"updated_from": "2026-11-26T10:30:00+01:00", "completed_before": "2026-11-26T09:30:00Z"}, None),
    ],
)
def test_filters_are_loaded_as_by_a_list(query, as_json):
    of_list = ListQuery().load(query)
    expected = {name: of_list[name] for name in query}
    for sent in (query, as_json or query):
        assert load(matching(sent)) == {"filter": expected, "op": "delete", "max_affected": 10}


def test_every_filter_of_lists_is_one_here():
    others = {"sort", "fields", "limit", "cursor", "count", "as_of", "bom", "user_id"}
    names = ListQuery().fields.keys()
    found = of_filter({name: [] for name in names})
    assert {name for name, sentence in found.items() if sentence.startswith("Unknown field.")} == others
    assert found.keys() == names


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {"": NEEDS_CONDITION}),
        ({"q": ""}, {"q": EMPTY}),
        ({"tags_any": []}, {"tags_any": EMPTY}),
        ({"tags_any": ""}, {"tags_any": EMPTY}),
        ({"priority": []}, {"priority": EMPTY}),
        ({"tags_all": ["a,b"]}, {"tags_all": "Tag 1 must not contain a comma."}),
        ({"tags_all": [1]}, {"tags_all": "Tag 1 not a valid string."}),
        ({"tags_all": ["a", "a"]}, {"tags_all": "Must not contain a tag twice."}),
        ({"priority": ["low", "low"]}, {"priority": "Must not contain a word twice."}),
        *(
            ({"priority": value}, {"priority": "Must be one or more of: urgent, high, medium, low, none."})
            for value in (["low,high"], [None], [["low"]], ["Low"])
        ),
        ({"overdue": False}, {"overdue": "Must be true."}),
        *(({"tagged": value}, {"tagged": "Must be true or false."}) for value in (1, 0, [True], {})),
        ({"overdue": 1}, {"overdue": "Must be true."}),
        *(
            ({name: value}, {name: "Must be an array of strings, or a string with commas between."})
            for name in ("priority", "tags_all", "tags_any", "tags_none")
            for value in (1, True, {"home": 1})
        ),
        ({"tagged": "True"}, {"tagged": "Must be true or false."}),
        ({"status": True}, {"status": "Not a valid string."}),
        ({"status": None}, {"status": "Field may not be null."}),
        ({"overdue": True}, {"time_zone": "Is needed with overdue."}),
        ({"time_zone": "UTC"}, {"time_zone": "Is used only with overdue."}),
        ({"due_from": "2026-12-01", "due_before": "2026-12-01"}, {"due_before": "Must be later than due_from."}),
        ({"tagged": False, "tags_any": ["a"]}, {"tags_any": "Must not be sent together with tagged=false."}),
        ({"tags": ["home"]}, {"tags": "Unknown field. Did you mean tags_any?"}),
    ],
)
def test_rules_of_the_filter(query, expected):
    assert of_filter(query) == expected
