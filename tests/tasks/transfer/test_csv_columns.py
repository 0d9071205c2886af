"""A row of CSV has everything of a task, and no cell is a formula."""

import csv
from io import StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskapp.tasks.examples import EXAMPLE, PENDING_OCCURRENCE
from taskapp.tasks.reminders.schemas import ReminderOut
from taskapp.tasks.representation import FIELDS
from taskapp.tasks.response_schemas import RecurrenceOut, TaskOut
from taskapp.tasks.transfer.csv_columns import COLUMNS, RECURRENCE, REMINDER, columns_of, from_cells, to_cells
from taskapp.tasks.transfer.formats import to_csv

FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
BEGINNINGS = st.sampled_from(["", *FORMULA, "'", "''", "'=", '"', ",", " ", "\r\n", "\ufeff"])
REST = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
TEXTS = st.builds(str.__add__, BEGINNINGS, REST)
TAGS = TEXTS.map(lambda text: text.replace(",", "")).filter(bool)
NUMBERS = st.integers(1, 2**63 - 1)
RECURRENCES = st.fixed_dictionaries(
    {name: TEXTS.filter(bool) for name in ("rule", "from", "series_id", "occurrence")}
    | {name: st.none() | TEXTS.filter(bool) for name in ("next", "last")}
)
OF_FIELD = {
    "id": NUMBERS,
    "version": NUMBERS,
    "completed": st.booleans(),
    "tags": st.lists(TAGS, max_size=3),
    "recurrence": st.none() | RECURRENCES,
    "reminder": st.none()
    | st.fixed_dictionaries({"minutes_before": st.integers(0, 40320)})
    | st.fixed_dictionaries({"at": TEXTS.filter(bool)}),
}
NULLABLE = {name for name, field in TaskOut().fields.items() if field.allow_none} - {"uid"}
OTHERS = {name: st.none() | TEXTS if name in NULLABLE else TEXTS.filter(bool) for name in FIELDS}
TASKS = st.fixed_dictionaries({**OTHERS, **OF_FIELD})


def read(text):
    return list(csv.reader(StringIO(text, newline=""), strict=True))


@settings(deadline=None)
@given(st.lists(TASKS, max_size=3), st.sets(st.sampled_from(FIELDS), min_size=1))
def test_reading_gives_back_what_was_written(tasks, chosen):
    fields = tuple(name for name in FIELDS if name in chosen)
    tasks = [{name: task[name] for name in fields} for task in tasks]
    columns, *rows = read(to_csv(tasks, fields).decode())
    found = [from_cells(dict(zip(columns, row, strict=True))) for row in rows]
    assert found == tasks
    assert [list(task) for task in found] == [list(fields)] * len(tasks)
    assert not any(cell.startswith(FORMULA) for row in rows for cell in row)


@pytest.mark.parametrize("text", [*(f"{start}1+1" for start in FORMULA), "'", "''", "'a", "-", "=HYPERLINK(1)"])
def test_formula_gets_an_apostrophe_and_loses_it_again(text):
    cells = dict(zip(["title", "tags"], to_cells({"title": text, "tags": [text]}), strict=True))
    assert cells == dict.fromkeys(["title", "tags"], f"'{text}")
    assert from_cells(cells) == {"title": text, "tags": [text]}


def test_null_and_empty_text_differ():
    assert to_cells({"title": "x", "description": None}) == ["x", ""]
    assert to_cells({"title": "x", "description": ""}) == ["x", "'"]
    assert from_cells({"description": ""}) == {"description": None}
    assert from_cells({"description": "'"}) == {"description": ""}


def test_columns_are_the_fields_with_one_for_each_part_of_the_recurrence_and_the_reminder():
    assert set(FIELDS) - set(COLUMNS) == {"reminder"}
    assert [name for name in COLUMNS if name not in FIELDS] == [
        *("recurrence_from", "recurrence_series_id", "recurrence_occurrence"),
        *("recurrence_next", "recurrence_last", "reminder_minutes_before", "reminder_at"),
    ]
    assert columns_of(("id", "title")) == ("id", "title")
    assert set(RECURRENCE.values()) == RecurrenceOut().fields.keys()
    assert set(REMINDER.values()) == ReminderOut().fields.keys()
    cells = dict(zip(COLUMNS, to_cells(PENDING_OCCURRENCE), strict=True))
    assert cells["recurrence"] == PENDING_OCCURRENCE["recurrence"]["rule"]


@pytest.mark.parametrize(
    ("cells", "task"),
    [
        ({"title": "Buy milk"}, {"title": "Buy milk"}),
        # What is never null was not given.
        (dict.fromkeys(COLUMNS, "") | {"title": "x"}, dict.fromkeys(NULLABLE) | {"title": "x", "tags": []}),
        ({"completed": "TRUE"}, {"completed": True}),
        ({"completed": "yes"}, {"completed": "yes"}),
        ({"tags": "home, errand"}, {"tags": ["home", " errand"]}),
        ({"tags": "home,"}, {"tags": ["home", ""]}),
        ({"id": "x", "version": "1.0"}, {"id": "x", "version": "1.0"}),
        ({"id": "9" * 5_000}, {"id": "9" * 5_000}),
        ({"id": "\u0661"}, {"id": "\u0661"}),
        ({"recurrence": "FREQ=DAILY"}, {"recurrence": {"rule": "FREQ=DAILY"}}),
        ({"recurrence_from": "completion"}, {"recurrence": {"from": "completion"}}),
        ({"reminder_minutes_before": "30", "reminder_at": ""}, {"reminder": {"minutes_before": 30}}),
        ({"reminder_minutes_before": "soon"}, {"reminder": {"minutes_before": "soon"}}),
        ({"colour": "red", "": ""}, {"colour": "red", "": None}),
    ],
)
def test_rows_made_by_hand_are_read_as_they_are(cells, task):
    assert from_cells(cells) == task


def test_values_are_those_of_a_list():
    assert to_cells(EXAMPLE | {"completed": True})[5] == "true"
    assert set(map(type, to_cells(EXAMPLE))) == {str}
