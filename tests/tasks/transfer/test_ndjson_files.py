"""Files of NDJSON with mistakes: each is a clear error with its line, and nothing is written."""

import gzip

import pytest

from tests.support.bulk_user import BulkUser
from tests.support.importing import UIDS, ndjson

GOOD = ndjson({"title": "good"})
TIME = "Must be a time with Z or an offset, such as 2026-11-26T09:30:00Z."
RANGE = "Must be from 1900-01-01 to 2999-12-31."
TITLE = "Must be 1 to 255 characters, excluding surrounding white space."


@pytest.fixture
def user(importer, database_url):
    """A user who has nothing after the test."""
    yield importer
    assert BulkUser(database_url, importer.user_id).traces()[:-1] == [[], [], []]


@pytest.mark.parametrize(
    ("line", "place", "sentence"),
    [
        ('{"title": "x"', "lines.2", "The line is not JSON: expecting ',' delimiter at column 14."),
        ('{"title": "a\tb"}', "lines.2", "The line is not JSON: invalid control character at column 13."),
        ('{"title": "x"}{"title": "y"}', "lines.2", "The line is not JSON: extra data at column 15."),
        ("nonsense", "lines.2", "The line is not JSON: expecting value at column 1."),
        ('["title"]', "lines.2", "The line must be a JSON object, not an array."),
        ("null", "lines.2", "The line must be a JSON object, not null."),
        ('{"title": NaN}', "lines.2", "The line contains NaN, which is not JSON."),
        ('{"title": ' + "1" * 5000 + "}", "lines.2", "The line contains a number with too many digits."),
        ('{"a": ' * 50_000, "lines.2", "The line is nested too deep."),
        ('{"title": "a", "title": "b"}', "lines.2.title", "Appears more than once."),
        ('{"recurrence": {"rule": 1, "rule": 2}}', "lines.2.recurrence.rule", "Appears more than once."),
        ("{}", "lines.2.title", "Missing data for required field."),
        ('{"title": " "}', "lines.2.title", TITLE),
        (f'{{"title": "{"é" * 256}"}}', "lines.2.title", TITLE),
        ('{"title": "a\\u0000b"}', "lines.2.title", "Must not contain NUL."),
        ('{"title": "\\ud800"}', "lines.2.title", "Must not contain unpaired surrogates."),
        ('{"title": "x", "name": "y"}', "lines.2.name", "Unknown field. Did you mean title?"),
        ('{"title": "x", "": "y"}', "lines.2.", "Unknown field."),
        ('{"title": "x", "completed": "TRUE"}', "lines.2.completed", "Not a valid boolean."),
        ('{"title": "x", "completed_at": "2026-11-20T08:00:00Z"}', "lines.2.completed_at", "Needs completed: true."),
        ('{"title": "x", "created_at": "2026-11-20"}', "lines.2.created_at", TIME),
        ('{"title": "x", "created_at": 1764144000}', "lines.2.created_at", TIME),
        ('{"title": "x", "created_at": "1899-12-31T23:59:59Z"}', "lines.2.created_at", RANGE),
        ('{"title": "x", "created_at": "0001-01-01T00:00:00+05:00"}', "lines.2.created_at", RANGE),
        ('{"title": "x", "time_zone": "Mars/Base"}', "lines.2.time_zone", "Must be the name of a time zone, such as"),
        ('{"title": "x", "due_time": "10:00"}', "lines.2.due_time", "Needs due_date and time_zone."),
        ('{"title": "x", "uid": "7"}', "lines.2.uid", "Must be a UUID"),
    ],
    ids=lambda value: value[:30],
)
def test_what_is_wrong_with_a_line_is_named(user, line, place, sentence):
    details = user.details(f"{GOOD}{line}\n{GOOD}")
    assert [*details] == [place]
    assert details[place].startswith(sentence)


def test_every_wrong_line_is_named(user):
    details = user.details("".join([GOOD, "\n", '{"title": ""}\n' * 990, GOOD, "x\n" * 8]))
    assert [*details] == [*(f"lines.{n}.title" for n in range(3, 993)), *(f"lines.{n}" for n in range(994, 1002))]


def test_uid_twice_in_a_file_is_named(user):
    file = ndjson({"title": "a", "uid": UIDS[0]}, {"title": "b"}, {"title": "c", "uid": UIDS[0].upper()})
    assert user.details(file) == {"lines.3.uid": "Is also the uid of line 1."}


def test_too_many_lines_are_named_with_what_is_wrong_with_others(user):
    assert user.details(GOOD * 1001) == {"lines": "Must be at most 1,000. Send the file in parts."}
    assert [*user.details("x\n" + GOOD * 1000)] == ["lines.1", "lines"]


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (GOOD.encode("utf-16"), "The body is in UTF-16 or UTF-32. Send it in UTF-8."),
        (GOOD.encode("utf-16-le"), "The body is in UTF-16 or UTF-32. Send it in UTF-8."),
        (GOOD.encode("utf-16-be"), "The body is in UTF-16 or UTF-32. Send it in UTF-8."),
        (
            GOOD.encode() + '{"title": "é"}'.encode("latin-1"),
            "The body is not in UTF-8. Byte 29, in line 2, is invalid.",
        ),
        (gzip.compress(GOOD.encode()), "The body is compressed with gzip. Send it uncompressed."),
    ],
    ids=["utf-16", "utf-16-le", "utf-16-be", "latin-1", "gzip"],
)
@pytest.mark.parametrize("kind", ["application/x-ndjson", "text/csv"])
def test_file_that_is_not_text_in_utf8_is_a_400(user, file, message, kind):
    response = user.send_file(file, kind=kind)
    assert (response.status_code, response.json["error"]["message"]) == (400, message)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_ends_of_lines_and_a_byte_order_mark_do_not_matter(importer, start, end):
    tasks = [{"title": "a\u2028b\x85c"}, {"title": "d", "description": "e\nf\r\ng"}]
    file = start + ndjson(*tasks).replace("\n", end) + end
    assert importer.imported(file)["created"] == 2
    assert [task["title"] for task in importer.tasks()] == ["a\u2028b\x85c", "d"]
    assert importer.tasks()[1]["description"] == "e\nf\r\ng"
    assert importer.imported(file.removesuffix(end).removesuffix(end))["unchanged"] == 2


def test_long_texts_are_cut_if_that_is_wanted(importer):
    long = {"title": " " + "t" * 256, "description": "é" * 100_001}
    query = "?long_text=cut"
    (line, whole) = importer.imported(ndjson(long, {"title": "t" * 255}), query)["lines"]
    assert (line["cut"], "cut" in whole) == (["title", "description"], False)
    task = importer.tasks()[0]
    assert (task["title"], set(task["description"])) == ("t" * 255, {"é"})
    assert len(task["description"]) < 100_001
    assert importer.imported(ndjson(long), query)["unchanged"] == 1
    assert [*importer.details(ndjson(long))] == ["lines.1.title", "lines.1.description"]


def test_file_of_another_user_makes_tasks_of_the_one_who_sends_it(importer, other_importer):
    """Its ids may be those of tasks of the sender. They have no effect."""
    mine, theirs = importer.create(title="mine"), other_importer.create(title="theirs")
    stranger = {**theirs, "title": "stranger", "uid": UIDS[0], "id": mine["id"]}
    assert importer.results(theirs, stranger, query="?existing=update") == ["created"] * 2
    assert [task["title"] for task in importer.tasks()] == ["mine", "theirs", "stranger"]
    assert {task["user_id"] for task in importer.tasks()} == {importer.user_id}
    assert importer.tasks()[0] == mine
    assert other_importer.tasks() == [theirs]
