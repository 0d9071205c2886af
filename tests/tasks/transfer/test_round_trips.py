"""Properties of what is exported and imported by another user: nothing is lost, and series go on.

A file has the same bytes again, but for what the service into which it is imported decides itself.
"""

import csv
import re
from io import StringIO

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from taskapp.tasks.transfer.csv_columns import COLUMNS
from tests.support.change_log import assert_whole
from tests.support.importing import CSV, NDJSON, OWN
from tests.support.recurrence_rules import random_rule
from tests.support.recurring import MONDAY, recurs

# A name in quotes is never part of a text, because quotes in texts are escaped.
_OWN_MEMBERS = re.compile(rb'"(id|user_id|version|updated_at)":("[^"]*"|\d+)')
ZONES = st.sampled_from(["UTC", "Asia/Kathmandu", "America/Los_Angeles", "Pacific/Kiritimati"])
TIMES = st.sampled_from([None, "00:00", "12:30", "23:59"])
# Some that are special in JSON, in CSV, in spreadsheets or to those who split lines.
SPECIAL = [*"=+-@'\",;\t\r\n\\ \u3000", "\ufeff", "\x0b", "\x1c", "\x7f", "\x85", "\u2028", "＝", "é", "\u0301", "🙂"]
CHARACTERS = st.sampled_from(SPECIAL) | st.characters(codec="utf-8", exclude_characters="\0")
ODD = ["=1+1", "'", "''=1", "-", "null", "true", "0", "1e5", '"id":1', '{"id":1}', "a\r\nb", 'a "b"', "'\n'"]
TEXTS = st.sampled_from(ODD) | st.text(CHARACTERS, max_size=8)
TITLES = TEXTS.map(lambda text: f"{text}a").map(str.strip)
TAGS = st.sampled_from(["a", "é", "-a", "=1", "'b", "''", '"', "a b", "🙂", "@x;y"])
SERIES = st.sampled_from(
    [
        recurs(),
        recurs("FREQ=DAILY;COUNT=3"),
        recurs("FREQ=DAILY;COUNT=2;INTERVAL=40"),
        recurs("FREQ=WEEKLY;BYDAY=MO,TH;UNTIL=20350108"),
        recurs("FREQ=MONTHLY;BYDAY=1MO;UNTIL=20350101"),
        recurs("FREQ=DAILY;INTERVAL=3", **{"from": "completion"}),
        recurs("FREQ=MONTHLY;BYMONTHDAY=-1", "2020-02-29"),
        recurs("FREQ=YEARLY;COUNT=40", "2000-02-29", time_zone="Pacific/Kiritimati"),
        recurs("FREQ=DAILY", "2999-12-31"),
    ]
)
ANY_SERIES = SERIES | st.randoms(use_true_random=False).map(random_rule).map(lambda rule: recurs(rule[0], str(rule[1])))


@st.composite
def tasks(draw, series=SERIES):
    """The fields of a new task, how often its series is completed, and to which day it is moved then."""
    fields = {
        "title": draw(TITLES),
        "description": draw(st.none() | st.just("") | TEXTS),
        "completed": draw(st.booleans()),
        "priority": draw(st.sampled_from([None, "low", "medium", "high", "urgent"])),
        "tags": draw(st.lists(TAGS, max_size=3, unique=True)),
    }
    kind = draw(st.sampled_from(["undated", "day", "zone", "series", "series"]))
    if kind == "series":
        fields |= {**draw(series), "completed": False}
    elif kind != "undated":
        fields["due_date"] = draw(st.sampled_from(["1900-01-01", MONDAY, "2999-12-31"]))
    if kind == "zone":
        fields["time_zone"] = draw(ZONES)
    if "time_zone" in fields:
        fields["due_time"] = draw(TIMES)
    times, moved = draw(st.integers(0, 3)), draw(st.none() | st.sampled_from(["1999-12-31", "2035-01-03"]))
    return fields, *((times, moved) if kind == "series" else (0, None))


property_test = settings(deadline=None, suppress_health_check=list(HealthCheck))
# What the few examples must always have.
ALWAYS = [
    ({"title": "''=1", "description": "", "tags": ["''", "=1"]}, 0, None),
    ({"title": "=1\u2028a", "description": "'\r\n\x1c\x85", "completed": True}, 0, None),
    (recurs("FREQ=DAILY;COUNT=3") | {"title": "count"}, 2, None),
    (recurs("FREQ=DAILY;INTERVAL=3", **{"from": "completion"}) | {"title": "completion"}, 1, "2035-01-03"),
]
few, many = (settings(property_test, max_examples=number) for number in (2, 60))
some_tasks = given(some=st.lists(tasks(), min_size=1, max_size=6))
any_tasks = given(some=st.lists(tasks(ANY_SERIES), max_size=12))


def complete(user, task):
    response = user.send("PATCH", f"/{task['id']}/complete", json={"completed": True})
    assert response.status_code == 200, response.json
    return response.json.get("next")


def fill(user, some):
    """Create tasks of a user, and bring their series on."""
    for fields, times, moved in some:
        task = user.create(**fields)
        for _ in range(times):
            task = task and complete(user, task)
        if task and moved:
            response = user.send("PUT", f"/{task['id']}", json={"due_date": moved})
            assert response.status_code == 200, response.json


def exported(user, kind, query=""):
    """The file of all tasks, in bytes."""
    response = user.send("GET", f"?sort=id&limit=1000{query}", headers={"Accept": kind})
    assert response.status_code == 200, response.json
    return response.data


def lines_of(file):
    """The lines of a file of NDJSON, without what the service decides itself."""
    assert file.count(b"\n") == file.count(b'"uid":')
    return _OWN_MEMBERS.sub(rb'"\1":', file).split(b"\n")


def rows_of(file):
    """The cells of a file of CSV, without what the service decides itself."""
    rows = csv.DictReader(StringIO(file.decode("utf-8-sig"), newline=""), strict=True)
    return [{name: cell for name, cell in row.items() if name not in OWN} for row in rows]


def going_on(user):
    """The next occurrence of each series, without what makes it another task."""
    pending = [task for task in user.tasks() if task["recurrence"] and not task["completed"]]
    nexts = [complete(user, task) for task in pending]
    return [each and {**each, **dict.fromkeys((*OWN, "uid", "created_at"))} for each in nexts]


def assert_same_again(users, some, url, kind, query=""):
    user, other = users(), users()
    fill(user, some)
    file = exported(user, kind, query)
    assert other.imported(file, kind=kind)["created"] == len(user.tasks())
    assert lines_of(exported(other, NDJSON)) == lines_of(exported(user, NDJSON))
    again = exported(other, kind, query)
    assert again[:3] == file[:3]
    if kind == CSV:
        assert rows_of(again) == rows_of(file)
    before = exported(other, NDJSON)
    for same, existing in ((file, "skip"), (file, "update"), (again, "refuse")):
        result = other.imported(same, f"?existing={existing}", kind=kind)
        assert (result["change"], result["unchanged"]) == (None, len(user.tasks()))
    assert exported(other, NDJSON) == before
    assert going_on(other) == going_on(user)
    assert_whole(url, other.user_id)


def test_what_is_compared():
    line = rb'{"id":7,"uid":"u","title":"\"id\":1","user_id":"x","version":12,"recurrence":{"series_id":"s"}}' + b"\n"
    expected = rb'{"id":,"uid":"u","title":"\"id\":1","user_id":,"version":,"recurrence":{"series_id":"s"}}'
    assert lines_of(line) == [expected, b""]
    assert {*OWN} < {*COLUMNS}


@few
@example(some=ALWAYS)
@some_tasks
def test_ndjson_is_the_same_again(make_importer, database_url, some):
    assert_same_again(make_importer, some, database_url, NDJSON)


@few
@example(some=ALWAYS)
@some_tasks
def test_csv_is_the_same_again(make_importer, database_url, some):
    assert_same_again(make_importer, some, database_url, CSV)


@pytest.mark.slow
@many
@any_tasks
def test_any_ndjson_is_the_same_again(make_importer, database_url, some):
    assert_same_again(make_importer, some, database_url, NDJSON)


@pytest.mark.slow
@pytest.mark.parametrize("query", ["", "&bom=true"])
@many
@any_tasks
def test_any_csv_is_the_same_again(make_importer, database_url, some, query):
    assert_same_again(make_importer, some, database_url, CSV, query)
