"""Files of CSV, as spreadsheets and people write them."""

import csv
import io

import pytest

from taskapp.tasks.transfer.csv_columns import COLUMNS, to_cells
from tests.support.bulk_user import BulkUser
from tests.support.importing import CSV, UIDS, ndjson, without_own
from tests.support.recurring import recurs

NEVER = "A quote is opened, and never closed."
WITHIN = "A quote ends within a cell. Write a quote in a quoted cell as two."


@pytest.fixture
def user(importer, database_url):
    """A user who has nothing after the test."""
    yield importer
    assert BulkUser(database_url, importer.user_id).traces()[:-1] == [[], [], []]


def table(*tasks):
    """A file of tasks as they are exported."""
    file = io.StringIO()
    csv.writer(file).writerows([COLUMNS, *map(to_cells, tasks)])
    return file.getvalue()


@pytest.mark.parametrize(
    ("file", "details"),
    [
        ('title,description\nok,1\n"never,ends\nmore,2\n', {"lines.3": NEVER}),
        ('title,description\nok,1\n"a"b,2\nok,3\n', {"lines.3": WITHIN}),
        ('title\n"' + "x" * 200_000, {"lines.2": NEVER}),
        ('title\n"a\nb"\n"c\nd', {"lines.4": NEVER}),
        (
            "title,tags\na,b,c\na\n",
            {f"lines.{n}": f"Has {cells}. The first line has 2." for n, cells in ((2, "3 cells"), (3, "1 cell"))},
        ),
        ("a,b\n1,2\n", {"lines.1.title": "Is missing. The first line must have the names of the columns."}),
        ("Titel,foo\na,b\n", {"lines.1.title": "Is missing.", "lines.1.Titel": "Unknown field. Did you mean title?"}),
        ("title,title\na,b\n", {"lines.1.title": "Appears more than once."}),
        ("title,\na,b\n", {"lines.1": "A column has no name."}),
        ("title,completed\na,yes\n", {"lines.2.completed": "Not a valid boolean."}),
        ('title,tags\na,"b,b"\n', {"lines.2.tags": "Must not contain a tag twice."}),
        (
            "title\n \n\na\0b\n",
            {"lines.2.title": "Must be 1 to 255 characters", "lines.4.title": "Must not contain NUL."},
        ),
        ("title,due_date\na,24.12.2026\n", {"lines.2.due_date": "Must be a day"}),
        ("title,recurrence\na,DAILY\n", {"lines.2.recurrence.rule": ""}),
        ("title,recurrence_next\na,2026-12-24\n", {"lines.2.recurrence.rule": "Missing data"}),
        ("title\n" + "a\n" * 1001, {"lines": "Must be at most 1,000. Send the file in parts."}),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_what_is_wrong_is_named_with_its_line(user, file, details):
    found = user.details(file, kind=CSV)
    for place, sentence in details.items():
        assert found[place].startswith(sentence), found
    assert found.keys() - {"lines.1.foo", "lines.1.a", "lines.1.b", "lines.2.recurrence"} <= details.keys()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("start", ["", "\ufeff", "\r\n"])
def test_delimiters_and_ends_of_lines_of_spreadsheets(importer, delimiter, end, start):
    rows = [["title", "completed", "description"], ['a "b"', "TRUE", "c,d;e\tf\ng"], ["", "", ""], ["h", "False", ""]]
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, lineterminator=end).writerows(rows)
    assert importer.imported(start + file.getvalue(), kind=CSV)["created"] == 2
    found = [(task["title"], task["completed"], task["description"]) for task in importer.tasks()]
    assert found == [('a "b"', True, "c,d;e\tf\ng"), ("h", False, None)]


def test_number_of_a_line_is_that_in_the_file(importer):
    lines = importer.imported('\ntitle,description\n"a","b\nc"\n\nd,e\n', kind=CSV)["lines"]
    assert [line["line"] for line in lines] == [3, 6]


def test_one_column_is_enough(importer):
    assert importer.imported("title\nBuy milk; and bread\n", kind=CSV)["created"] == 1
    assert importer.tasks()[0]["title"] == "Buy milk; and bread"


@pytest.mark.parametrize("text", ["=1+1", "'=1+1", "+49 1", "-1", "@x", "\ty", "＝1", "'", "''", "plain"])
def test_cells_that_begin_a_formula_are_texts(importer, other_importer, text):
    importer.create(title="t" + text, description=text, tags=["=1"])
    other_importer.imported(table(*importer.tasks()), kind=CSV)
    assert list(map(without_own, other_importer.tasks())) == list(map(without_own, importer.tasks()))
    # A formula that somebody typed is the text that they see.
    assert importer.imported(f'title,description\n"{text.strip()}x",1\n', kind=CSV)["created"] == 1


def test_file_in_either_form_is_the_same_tasks(importer):
    importer.create(title="a", tags=["x", "y"], **recurs())
    importer.create(title="b", description="", completed=True)
    tasks = importer.tasks()
    assert importer.imported(table(*tasks), kind=CSV)["unchanged"] == 2
    lines = [{"title": "a"}, {"title": "b", "tags": ["x", "y"]}]
    importer.imported(ndjson(*lines))
    rows = 'title,completed,tags,description\na,,,\nb,FALSE,"x,y",\n'
    assert importer.imported(rows, kind=CSV)["unchanged"] == 2


def test_empty_cell_clears_a_field(importer):
    importer.imported(ndjson({"uid": UIDS[0], "title": "a", "description": "b", "priority": "high", "tags": ["x"]}))
    importer.imported(f"uid,title,description,tags\n{UIDS[0]},a,,\n", "?existing=update", kind=CSV)
    (task,) = importer.tasks()
    assert (task["description"], task["tags"], task["priority"]) == (None, [], "high")


def test_row_that_is_added_to_an_exported_file_begins_a_series(importer):
    importer.create(**recurs())
    new = {"title": "new", **recurs("FREQ=DAILY")}
    row = ",".join(new["recurrence"]["rule"] if name == "recurrence" else new.get(name, "") for name in COLUMNS)
    file = table(*importer.tasks()) + row + "\r\n"
    assert [line["result"] for line in importer.imported(file, kind=CSV)["lines"]] == ["unchanged", "created"]
    assert importer.imported(file, kind=CSV)["unchanged"] == 2


def test_cell_that_is_too_long_can_be_cut(importer):
    file = f"title,description\n{'t' * 300},{'d' * 200_000}\n"
    assert importer.imported(file, "?long_text=cut", kind=CSV)["lines"][0]["cut"] == ["title", "description"]
