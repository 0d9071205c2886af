"""``flask users import``, as an operator runs it."""

import gzip

import pytest

from taskapp.tasks.transfer.import_command import PART
from tests.support.importing import UIDS, ndjson, without_own
from tests.support.postgres import run_sql

SHOWN = 100
MANY = 1200
NOTHING = "Nothing was imported."


def undo(*writes):
    """The line that says how to take an import back."""
    noun = "these writes in this order" if len(writes) > 1 else "this write"
    return f"To take it back, undo {noun}: {', '.join(map(str, reversed(writes)))}.\n" if writes else ""


def done(*writes, verb="Done:", **numbers):
    """The lines at the end of an import."""
    results = ("created", "updated", "unchanged", "skipped")
    return f"{verb} {', '.join(f'{numbers.get(name, 0):,} {name}' for name in results)}.\n{undo(*writes)}"


def numbered(number):
    return ndjson(*({"title": f"task {place}"} for place in range(1, number + 1)))


@pytest.fixture
def run(app, importer, tmp_path):
    """Imports a file, text or bytes, and returns the exit code, the output and what is printed as errors."""

    def run(file, *options, name="tasks.ndjson", user_id=importer.user_id, application=app):
        path = tmp_path / name
        path.write_bytes(file.encode() if isinstance(file, str) else file)
        result = application.test_cli_runner().invoke(args=["users", "import", user_id, str(path), *options])
        return result.exit_code, result.stdout, result.stderr

    return run


@pytest.fixture
def titles(importer, database_url):
    """The titles of all tasks of the user, which may be more than a page."""
    query = "SELECT title FROM tasks WHERE user_id = %s ORDER BY id"
    return lambda: [title for (title,) in run_sql(database_url, query, [importer.user_id])]


def test_file_that_was_exported_is_the_same_tasks(app, importer, make_importer, tmp_path):
    importer.create(title="=1 ☃", description="", tags=["a"], due_date="2035-01-01")
    importer.create(title="b", completed=True)
    for form in ("ndjson", "csv"):
        other, path = make_importer(), tmp_path / "exported"
        exported = app.test_cli_runner().invoke(args=["users", "export", importer.user_id, "--format", form])
        path.write_bytes(exported.stdout_bytes)
        arguments = ["users", "import", other.user_id, str(path), "--format", form]
        for expected in (done(1, created=2), done(unchanged=2)):
            result = app.test_cli_runner().invoke(args=arguments)
            assert (result.exit_code, result.stdout, result.stderr) == (0, expected, "")
        assert [*map(without_own, other.tasks())] == [*map(without_own, importer.tasks())]


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.csv", []), ("A.CSV", []), ("a.txt", ["--format", "csv"]), ("a.ndjson", ["--format", "csv"])],
)
def test_csv_is_told_by_the_name_or_the_option(run, importer, name, options):
    assert run("\ufefftitle;tags\r\na;b,c\r\n", *options, name=name) == (0, done(1, created=1), "")
    assert [(task["title"], task["tags"]) for task in importer.tasks()] == [("a", ["b", "c"])]


@pytest.mark.parametrize(
    ("name", "options"), [("a", []), ("a.csv.txt", []), ("a.jsonl", []), ("a.csv", ["--format", "ndjson"])]
)
def test_other_files_are_ndjson(run, titles, name, options):
    assert run('\ufeff{"title": "a"}\r\n\r\n{"title": "b"}', *options, name=name) == (0, done(1, created=2), "")
    assert titles() == ["a", "b"]


@pytest.mark.parametrize("options", [[], ["--format", "csv"]])
def test_standard_input_is_a_file(app, importer, titles, options):
    file = "title\na\n" if options else '{"title": "a"}\n'
    result = app.test_cli_runner().invoke(args=["users", "import", importer.user_id, "-", *options], input=file)
    assert (result.exit_code, result.stdout, result.stderr) == (0, done(1, created=1), "")
    assert titles() == ["a"]


@pytest.mark.parametrize("file", ["", "\n\r\n", "\ufeff"])
@pytest.mark.parametrize("name", ["a.ndjson", "a.csv"])
def test_nothing_is_a_file(run, file, name):
    assert run(file, name=name) == (0, done(), "")


@pytest.mark.parametrize("path", ["nowhere.ndjson", "."])
def test_missing_file_is_named(app, importer, tmp_path, path):
    result = app.test_cli_runner().invoke(args=["users", "import", importer.user_id, str(tmp_path / path)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Invalid value for 'FILE'" in result.stderr


@pytest.mark.parametrize("name", ["a.ndjson", "a.csv"])
@pytest.mark.parametrize("encode", [lambda text: text.encode("utf-16"), lambda text: text.encode("latin-1")])
def test_file_that_is_not_in_utf8_is_a_sentence(run, titles, name, encode):
    file = encode("title\n" * 2000 + "é\n" if name.endswith("csv") else numbered(2000) + '{"title": "é"}')
    assert run(file, name=name) == (1, "", f"Error: The file is not in UTF-8. {NOTHING}\n")
    assert titles() == []


def test_compressed_file_is_a_sentence(run):
    status, output, errors = run(gzip.compress(numbered(5).encode()))
    assert (status, output, errors) == (1, "", f"Error: The file is not in UTF-8. {NOTHING}\n")


def test_wrong_lines_are_named_and_nothing_is_written(run, titles):
    lines = numbered(MANY).splitlines(keepends=True)
    lines[2], lines[PART], lines[-1] = "{\n", '{"title": ""}\n', lines[0]
    status, output, errors = run("".join(lines))
    assert (status, output) == (1, "")
    first, second, *rest = errors.splitlines()
    assert first.startswith("lines.3: The line is not JSON: ")
    assert second == f"lines.{PART + 1}.title: Must be 1 to 255 characters, excluding surrounding white space."
    assert rest == [f"Error: 2 errors in {MANY:,} lines. {NOTHING}"]
    assert titles() == []
    status, _, errors = run("title,due_date\na,\nb,x\n", name="a.csv")
    assert (status, errors.split(": ")[0]) == (1, "lines.3.due_date")
    assert errors.endswith(f"Error: 1 error in 2 lines. {NOTHING}\n")


def test_uid_twice_is_found_in_another_part(run, titles):
    line = ndjson({"uid": UIDS[0], "title": "x"})
    status, _, errors = run(line + numbered(PART) + line)
    assert status == 1
    assert errors.startswith(f"lines.{PART + 2}.uid: Is also the uid of line 1.\n")
    assert titles() == []


def test_first_wrong_lines_are_shown(run, titles):
    status, output, errors = run(numbered(PART - 50) + "x\n" * MANY)
    assert (status, output) == (1, "")
    *shown, last = errors.splitlines()
    assert [line.split(":")[0] for line in shown] == [f"lines.{PART - 49 + place}" for place in range(SHOWN)]
    expected = f"{MANY:,} errors in {MANY + PART - 50:,} lines. {NOTHING} The first {SHOWN} errors are above."
    assert last == f"Error: {expected}"
    assert titles() == []


def test_large_file_is_imported_in_parts_once(run, titles, importer):
    file, expected = numbered(MANY), [f"task {number}" for number in range(1, MANY + 1)]
    assert run(file, "--dry-run") == (0, done(verb="Would be", created=MANY), "")
    assert titles() == []
    assert run(file) == (0, done(1, 1 + PART, 1 + 2 * PART, created=MANY), "")
    assert titles() == expected
    changes = importer.send("GET", "?after=0&limit=1000", resource="changes").json["data"]
    assert changes
    assert run(file) == (0, done(unchanged=MANY), "")
    assert run(numbered(MANY + 1)) == (0, done(MANY + 1, created=1, unchanged=MANY), "")
    assert len(titles()) == MANY + 1


def test_what_happens_to_tasks_that_exist_is_chosen(run, titles):
    run(ndjson({"uid": UIDS[0], "title": "old"}))
    file = ndjson({"title": "new"}, {"uid": UIDS[0], "title": "changed"})
    status, output, errors = run(file, "--existing", "refuse")
    assert (status, output) == (1, "")
    assert errors.startswith("lines.2: Differs from task ")
    assert errors.endswith("Error: Nothing was imported. Correct the lines, and run the command again.\n")
    assert titles() == ["old"]
    assert run(file) == (0, done(2, created=1, skipped=1), "")
    assert run(file, "--existing", "update", "--dry-run") == (0, done(verb="Would be", updated=1, unchanged=1), "")
    assert titles() == ["old", "new"]
    assert run(file, "--existing", "update") == (0, done(3, updated=1, unchanged=1), "")
    assert titles() == ["changed", "new"]
    assert run(file, "--existing", "merge")[0] == 2


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_no_part_is_written_if_a_later_one_is_refused(run, titles, options):
    run(ndjson({"uid": UIDS[0], "title": "old"}))
    file = numbered(PART) + ndjson({"uid": UIDS[0], "title": "changed"})
    sentence = "Error: Nothing was imported. Correct the lines, and run the command again.\n"
    status, _, errors = run(file, "--existing", "refuse", *options)
    assert (status, errors.startswith(f"lines.{PART + 1}: Differs"), errors.endswith(sentence)) == (1, True, True)
    assert titles() == ["old"]


def test_long_text_is_refused_or_cut(run, titles):
    file = ndjson({"title": "x" * 256}, {"title": "y", "description": "z" * 1001})
    status, _, errors = run(file)
    assert (status, [line.split(":")[0] for line in errors.splitlines()]) == (
        1,
        ["lines.1.title", "lines.2.description", "Error"],
    )
    expected = "lines.1.title: Is too long, and is cut.\nlines.2.description: Is too long, and is cut.\n"
    assert run(file, "--long-text", "cut") == (0, done(1, created=2), expected)
    assert titles() == ["x" * 255, "y"]
    assert run(file, "--long-text", "cut") == (0, done(unchanged=2), expected)


def test_unreachable_database_is_a_sentence(run, make_app):
    down = make_app(DATABASE_URL="postgresql://nobody@127.0.0.1:1/none", REQUEST_TIMEOUT="1")
    advice = "The database is unavailable. Wait, and run the command again: it makes nothing twice."
    status, output, errors = run(numbered(3), application=down)
    assert (status, output, errors.splitlines()[-1]) == (1, "", f"Error: 0 of 3 lines were imported. {advice}")
    status, _, errors = run(numbered(1) + "x", application=down)  # The file is checked without it.
    assert (status, errors.splitlines()[-1]) == (1, f"Error: 1 error in 2 lines. {NOTHING}")


@pytest.mark.parametrize("user_id", ["", "x" * 256, "a\0b"])
def test_invalid_user_id_is_named(run, user_id):
    status, output, errors = run(numbered(1), user_id=user_id)
    assert (status, output) == (2, "")
    assert "Invalid value for 'USER_ID': must be 1 to 255 characters" in errors


HINT = "If it is a file of another product, convert it with flask import."


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "tasks.ics"),
        (b"PK\x03\x04\x80", "backup.zip"),
        ("TYPE,CONTENT,PRIORITY\ntask,a,1\n", "todoist.csv"),
        ('"Date: 2026-11-26"\n"Folder Name","Title"\n', "ticktick.csv"),
        ('{\n "kind": "tasks#taskLists",\n "items": []\n}\n', "Tasks.json"),
    ],
)
def test_file_of_another_product_has_a_hint(run, file, name):
    status, _, errors = run(file, name=name)
    assert (status, errors.count(HINT)) == (1, 1)
    assert HINT not in run("x\n" + numbered(2))[2]
