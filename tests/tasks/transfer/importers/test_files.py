"""Files that are wrong, large or in another encoding: one error that names the place, whatever the product."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskapp.tasks.transfer.importers import SOURCES, conversion, files
from taskapp.tasks.transfer.importers.report import WrongFile
from tests.support.converting import converted, only, zipped

PROJECT = "TYPE,CONTENT,DESCRIPTION\ntask,a,\ntask,b,\n"
BOM = "\ufeff"


def error_of(source, content, name="file"):
    with pytest.raises(WrongFile) as info:
        converted(source, content, name)
    return str(info.value)


@pytest.mark.parametrize("text", [PROJECT, BOM + PROJECT, PROJECT.replace("\n", "\r\n"), PROJECT.replace("\n", "\r")])
def test_byte_order_mark_and_ends_of_lines_do_not_matter(text):
    lines, notes = converted("todoist", text)
    assert ([line["title"] for line in lines], notes) == (["a", "b"], [])


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_is_told(source, encoding):
    assert error_of(source, "TYPE,CONTENT\ntask,a\n".encode(encoding)) == "file is in UTF-16. Save it as UTF-8."


@pytest.mark.parametrize("source", SOURCES)
def test_other_encodings_are_told_with_the_line(source):
    text = "TYPE,CONTENT\ntask,a\ntask,Käse\n".encode("latin-1")
    assert error_of(source, text) == "file, line 3: The text is not UTF-8. Save it as UTF-8."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            'TYPE,CONTENT\ntask,a\ntask,"b\ntask,c\n',
            "line 3: The row that begins here is not CSV: unexpected end of data.",
        ),
        ('TYPE,CONTENT\ntask,"a"b\n', "line 2: The row that begins here is not CSV: "),
        ("TYPE,CONTENT\ntask,a,b\n", "line 2: The row has more cells than the header."),
        ('TYPE,CONTENT\ntask,"a\nb"\ntask,c,d\n', "line 4: The row has more cells than the header."),
        ("TYPE;CONTENT\ntask;a\n", "file has no line with the columns TYPE, CONTENT."),
        (f"TYPE,CONTENT\ntask,{'x' * (2**20 + 1)}\n", "line 2: The row that begins here is not CSV: field larger than"),
        ("", "file has no line with the columns TYPE, CONTENT."),
    ],
)
def test_wrong_csv_is_told_with_the_line(text, reason):
    assert reason in error_of("todoist", text)


def test_row_may_be_shorter_and_have_empty_cells_behind():
    lines, _ = converted("todoist", "TYPE,CONTENT,DESCRIPTION\ntask,a\ntask,b,,,\n,,\n")
    assert [line["title"] for line in lines] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"items": [\n{"id": 1},\n]}', "file, line 3: This is not JSON."),
        ("{", "file, line 1: This is not JSON."),
        ("[" * 100_000, "file has a number that is too long, or is nested too deeply."),
        (f'{{"items": [{"9" * 5000}]}}', "file has a number that is too long, or is nested too deeply."),
    ],
)
@pytest.mark.parametrize("source", ["google", "microsoft", "todoist"])
def test_wrong_json_is_told_with_the_line(source, text, reason):
    assert error_of(source, text).startswith(reason)


def test_broken_and_foreign_archives_are_told():
    archive = zipped(**{"Home.csv": PROJECT})
    assert "is no ZIP archive that can be read" in error_of("todoist", archive[:-30])
    assert "is no ZIP archive that can be read" in error_of("todoist", archive[:40] + b"\0\0\0" + archive[43:])
    assert error_of("todoist", zipped(**{"a.txt": "x"})) == "file has none of the files that the product writes."
    with_password = bytearray(archive)
    with_password[6] |= 1
    with_password[with_password.index(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in error_of("todoist", bytes(with_password))


def test_wrong_file_in_an_archive_is_named():
    assert error_of("todoist", zipped(**{"Home.csv": 'TYPE,CONTENT\ntask,"a'})).startswith("Home.csv, line 2: ")


def test_what_an_archive_unpacks_to_is_bounded():
    bomb = zipped(**{"a.csv": b"\n" * (files.MAXIMUM_BYTES // 2 + 1), "b.csv": b"\n" * (files.MAXIMUM_BYTES // 2 + 1)})
    assert len(bomb) < 100_000
    tracemalloc.start()
    assert error_of("todoist", bomb) == "file unpacks to more than 32 MiB."
    assert tracemalloc.get_traced_memory()[1] < 3 * files.MAXIMUM_BYTES
    tracemalloc.stop()
    many = zipped(**{f"{number}.csv": "" for number in range(files.MAXIMUM_MEMBERS + 1)})
    assert error_of("todoist", many) == "file has more than 1000 files."


def test_number_of_tasks_is_bounded(monkeypatch):
    monkeypatch.setattr(conversion, "MAXIMUM_TASKS", 2)
    assert error_of("todoist", PROJECT + "task,c,\n") == "file, line 4: A file may have at most 2 tasks."
    assert len(converted("todoist", PROJECT)[0]) == 2


def test_characters_that_no_text_can_have_are_replaced():
    document = '{"items": [{"items": [{"id": "1", "title": "a\\u0000b\\ud83d"}]}]}'
    (line,), notes = converted("google", document)
    assert line["title"] == "a\ufffdb\ufffd"
    assert notes == ['file, list 1, item 1 "a\ufffdb\ufffd": Characters that no text can have were replaced by \ufffd.']
    assert (
        only("google", document.replace("\\u0000", "").replace("\\ud83d", "\\ud83d\\ude00"))["title"] == "ab\U0001f600"
    )


NAMES = sorted(
    {"items", "value", "results", "title", "content", "notes", "due", "date", "dateTime", "timeZone", "recurrence"}
    | {
        "pattern",
        "range",
        "type",
        "daysOfWeek",
        "labels",
        "priority",
        "id",
        "parent",
        "checklistItems",
        "links",
        "body",
    }
    | {"is_recurring", "string", "deadline", "dueDateTime", "categories", "tasks", "projects", "contentType", "index"}
)
TEXTS = st.sampled_from(
    [
        *("", "2026-12-24", "2026-12-24T00:00:00Z", "9999-12-31T23:59:59-12:00", "0001-01-01", "UTC", "x" * 2000),
        *("\ud800", "html", "weekly", "absoluteYearly", "numbered", "every day", "a,b", "\0", "<p", "daily"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 40) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=15,
)
TASKS = st.lists(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8), max_size=3)


def told(source, content, **options):
    """Whether a file is converted, or told in one sentence."""
    try:
        converted(source, content, **options)
    except WrongFile as error:
        return str(error).startswith("file")
    return True


@settings(max_examples=50, deadline=None)
@given(
    source=st.sampled_from(["google", "microsoft", "todoist"]), tasks=TASKS, zone=st.sampled_from([None, "Asia/Tokyo"])
)
def test_any_json_is_converted_or_told(source, tasks, zone):
    document = {"items": [{"items": tasks}]} if source == "google" else {"items": tasks, "value": tasks}
    assert told(source, document, time_zone=zone)


PIECES = st.sampled_from(
    [
        *("BEGIN:VTODO", "END:VTODO", "BEGIN:VALARM", "END:VALARM", "DUE:", "DUE;TZID=x:", "20261224T170000", "Z"),
        *("RRULE:FREQ=DAILY", "SUMMARY:t", "TYPE,CONTENT,DATE,INDENT", "task,a,2026-12-24,9", "\r\n ", "\n", "\n"),
        *('"', ",", ":", ";", "\\"),
    ]
)


@settings(max_examples=50, deadline=None)
@given(source=st.sampled_from(["calendar", "todoist"]), pieces=st.lists(PIECES, max_size=30))
def test_any_text_is_converted_or_told(source, pieces):
    text = ("BEGIN:VCALENDAR\n" if source == "calendar" else "TYPE,CONTENT,DATE,INDENT\n") + "".join(pieces)
    assert told(source, text, time_zone="Asia/Tokyo")


@settings(max_examples=50, deadline=None)
@given(
    source=st.sampled_from(SOURCES), content=st.binary(max_size=100), prefix=st.sampled_from([b"", b"PK\x03\x04", b"{"])
)
def test_any_bytes_are_told(source, content, prefix):
    assert told(source, prefix + content)
