"""``flask users import``: a file of any size, in parts."""

import io
import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from config import ROOT
from taskapp.tasks.transfer import import_command, service
from tests.support.bulk_user import BulkUser
from tests.support.change_log import assert_whole, read_log
from tests.support.commands import environment
from tests.support.importing import UIDS, ndjson
from tests.support.postgres import run_sql

LINES = 1201  # Three parts.


def file_of(number, title="t"):
    return ndjson(*({"title": f"{title}{n}"} for n in range(number)))


@pytest.fixture
def run(app, importer, tmp_path):
    """Runs the command with a file of the user."""

    def run(file, *options, name="tasks.ndjson", user_id=importer.user_id):
        path = tmp_path / name
        path.write_bytes(file.encode() if isinstance(file, str) else file)
        return app.test_cli_runner().invoke(args=["users", "import", user_id, str(path), *options])

    return run


def done(**numbers):
    return f"{', '.join(f'{numbers.get(name, 0):,} {name}' for name in service.RESULTS)}.\n"


def test_parts_are_writes_of_their_own(run, importer, database_url):
    result = run(file_of(LINES))
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"Done: {done(created=LINES)}", "")
    log = assert_whole(database_url, importer.user_id)
    assert [entry["operation"] for entry in log[:: import_command.PART]] == [1, 501, 1001]
    assert run(file_of(LINES)).stdout == f"Done: {done(unchanged=LINES)}"
    assert len(read_log(database_url, importer.user_id)) == LINES


def test_equal_lines_in_different_parts_are_different_tasks(run):
    assert run('{"title": "a"}\n' * LINES).stdout == f"Done: {done(created=LINES)}"
    assert run('{"title": "a"}\n' * LINES).stdout == f"Done: {done(unchanged=LINES)}"


def test_format_is_that_of_the_name(run, importer, app):
    assert run("title\na\n", name="tasks.CSV").stdout == f"Done: {done(created=1)}"
    assert run("\ufefftitle;tags\na;\n", "--format", "csv").stdout == f"Done: {done(unchanged=1)}"
    assert run(ndjson({"title": "a"}), "--format", "ndjson", name="x.csv").stdout == f"Done: {done(unchanged=1)}"
    arguments = ["users", "import", importer.user_id, "-"]
    result = app.test_cli_runner().invoke(args=arguments, input=ndjson({"title": "a"}, {"title": "b"}))
    assert result.stdout == f"Done: {done(created=1, unchanged=1)}"
    assert app.test_cli_runner().invoke(args=[*arguments, "--format", "csv"], input="title\nc\n").exit_code == 0
    assert [task["title"] for task in importer.tasks()] == ["a", "b", "c"]


def test_wrong_lines_are_named_and_nothing_is_written(run, importer, database_url):
    file = file_of(700) + '{"title": ""}\nx\n' + file_of(600) + ndjson({"title": "a", "uid": UIDS[0]}) * 2
    result = run(file)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        "lines.701.title: Must be 1 to 255 characters, excluding surrounding white space.",
        "lines.702: The line is not JSON: expecting value at column 1.",
        "lines.1304.uid: Is also the uid of line 1303.",
        "Error: 3 errors in 1,304 lines. Nothing was imported.",
    ]
    result = run("x\n" * 5000)
    assert len(result.stderr.splitlines()) == 101
    assert result.stderr.endswith(
        "Error: 5,000 errors in 5,000 lines. Nothing was imported. The first 100 errors are above.\n"
    )
    assert BulkUser(database_url, importer.user_id).traces()[:-1] == [[], [], []]


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (ndjson({"title": "a"}).encode("utf-16"), "The file is in UTF-16 or UTF-32. Send it in UTF-8."),
        (ndjson({"title": "a"}).encode("utf-16-le"), "The file is in UTF-16 or UTF-32. Send it in UTF-8."),
        (b"\x1f\x8b\x08", "The file is compressed with gzip. Send it uncompressed."),
        (file_of(600).encode() + b"\xff", "The file is not in UTF-8."),
    ],
    ids=["utf-16", "utf-16-le", "gzip", "latin-1"],
)
def test_file_that_is_not_text_is_refused(run, importer, file, sentence):
    result = run(file)
    assert (result.exit_code, result.stderr) == (1, f"Error: {sentence} Nothing was imported.\n")
    assert importer.tasks() == []


def test_options_are_those_of_the_route(run, importer):
    task = importer.create(title="a")
    line = ndjson({"uid": task["uid"], "title": "b" * 300})
    assert "lines.1.title" in run(line).stderr
    assert run(line, "--long-text", "cut").stdout == f"Done: {done(skipped=1)}"
    trial = run(line, "--long-text", "cut", "--existing", "update", "--dry-run")
    assert (trial.exit_code, trial.stdout) == (0, f"Would be {done(updated=1)}")
    assert importer.tasks() == [task]
    assert run(line, "--long-text", "cut", "--existing", "update").stdout == f"Done: {done(updated=1)}"
    assert importer.tasks()[0]["title"] == "b" * 255


def test_no_part_is_written_if_a_later_one_is_refused(run, importer):
    task = importer.create(title="a")
    result = run(file_of(600) + ndjson({**task, "title": "b"}), "--existing", "refuse")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"lines.601: Differs from task {task['id']}, which has its uid.",
        "Error: 0 of 601 lines were imported. Correct the lines, and run the command again.",
    ]
    assert importer.tasks() == [task]


@pytest.mark.parametrize("user_id", ["", "x" * 256, "a\0b"])
def test_invalid_user_id_is_named(run, user_id):
    result = run("", user_id=user_id)
    assert (result.exit_code, "must be 1 to 255 characters" in result.stderr) == (2, True)


def test_file_that_is_not_there_is_named(app):
    result = app.test_cli_runner().invoke(args=["users", "import", "somebody", "/no/such/file"])
    assert (result.exit_code, "No such file" in result.stderr) == (2, True)


def test_empty_file_is_imported(run):
    assert run("").stdout == f"Done: {done()}"


def test_database_that_is_down_is_named(make_app, tmp_path):
    (tmp_path / "x").write_text(ndjson({"title": "a"}))
    app = make_app(DATABASE_URL="postgresql://nobody@127.0.0.1:1/none", REQUEST_TIMEOUT=1)
    result = app.test_cli_runner().invoke(args=["users", "import", "somebody", str(tmp_path / "x")])
    assert (result.exit_code, result.stdout) == (1, "")
    message = "0 of 1 lines were imported. The database is unavailable. Wait, and run the command again."
    assert result.stderr.endswith(f"Error: {message}\n")


@pytest.mark.slow
def test_command_that_is_interrupted_goes_on_when_it_is_run_again(settings, importer, tmp_path, database_url):
    (tmp_path / "tasks.ndjson").write_text(file_of(20_000))
    command = [sys.executable, "-m", "flask", "users", "import", importer.user_id, tmp_path / "tasks.ndjson"]
    options = {"cwd": ROOT, "env": environment(**settings), "text": True}
    count = "SELECT count(*) FROM tasks WHERE user_id = %s"
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options) as process:
        while run_sql(database_url, count, [importer.user_id])[0][0] < 1000:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "")
    assert "of 20,000 lines were imported. Interrupted. You can continue, and run the command again: it" in errors
    ((part,),) = run_sql(database_url, count, [importer.user_id])
    assert (part % import_command.PART, 1000 <= part < 20_000) == (0, True)
    again = subprocess.run(command, capture_output=True, check=True, **options)
    assert again.stdout == f"Done: {done(created=20_000 - part, unchanged=part)}"
    assert run_sql(database_url, count, [importer.user_id]) == [(20_000,)]
    assert_whole(database_url, importer.user_id)


@pytest.mark.slow
def test_progress_is_shown_on_a_terminal(settings, importer, tmp_path):
    (tmp_path / "tasks.ndjson").write_text(file_of(LINES))
    command = [sys.executable, "-m", "flask", "users", "import", importer.user_id, tmp_path / "tasks.ndjson"]
    main, other = pty.openpty()
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(**settings), stdout=subprocess.PIPE, stderr=other
    ) as process:
        os.close(other)
        shown = io.BytesIO()
        while True:
            try:
                shown.write(os.read(main, 1000))
            except OSError:  # The other end is closed.
                break
        assert process.communicate()[0].decode() == f"Done: {done(created=LINES)}"
    os.close(main)
    assert all(part in shown.getvalue() for part in (b"Importing", b"100%"))
