"""``flask users show``, ``export`` and ``erase``, as an operator runs them."""

import csv
import json
import os
import pty
import subprocess
import sys
from io import StringIO

import pytest

from config import ROOT
from taskapp.db.execute import statement_executed
from taskapp.tasks.transfer.csv_columns import COLUMNS, from_cells
from tests.support.commands import environment, flask
from tests.support.in_process import LocalUser
from tests.support.postgres import run_sql


@pytest.fixture
def local(app, secret):
    return LocalUser(app, secret)


@pytest.fixture
def run(app):
    return lambda *arguments: app.test_cli_runner().invoke(args=["users", *arguments])


@pytest.fixture
def many(local, database_url):
    """More tasks than a page has, some of which are completed."""
    run_sql(
        database_url,
        "INSERT INTO tasks (user_id, title, completed, completed_at)"
        " SELECT %s, 'task ' || n, n %% 2 = 0, CASE WHEN n %% 2 = 0 THEN now() END FROM generate_series(1, 2500) n",
        [local.user_id],
    )
    return local


def listed(user):
    tasks, query = [], "?sort=id"
    while query:
        page = user.send("GET", query).json
        tasks += page["data"]
        cursor = page["pagination"]["next_cursor"]
        query = cursor and f"?sort=id&cursor={cursor}"
    return tasks


def test_export_has_all_pages(run, many):
    expected = listed(many)
    lines = run("export", many.user_id)
    assert (lines.exit_code, lines.stderr) == (0, "")
    assert [json.loads(line) for line in lines.stdout.splitlines()] == expected
    table = run("export", many.user_id, "--format", "csv")
    columns, *rows = csv.reader(StringIO(table.stdout, newline=""), strict=True)
    assert columns == list(COLUMNS)  # Once, not on each page.
    assert [from_cells(dict(zip(columns, row, strict=True))) for row in rows] == expected


def test_lines_are_those_of_the_list(run, local):
    local.write(title="=1 ☃")
    in_list = local.read().data
    assert run("export", local.user_id).stdout_bytes[:-1] in in_list


def test_everything_is_exported(run, local):
    task = local.write("the-key", title="first").json["data"]
    local.send("PUT", f"/{task['id']}", json={"title": "second"})
    local.send("DELETE", f"/{task['id']}")
    other = local.write(title="third").json["data"]
    lines = [json.loads(line) for line in run("export", local.user_id, "--all").stdout.splitlines()]
    assert [line["table"] for line in lines] == ["tasks", *["changes"] * 4, "idempotency_keys"]
    assert all(line["row"]["user_id"] == local.user_id for line in lines)
    assert (lines[0]["row"]["id"], lines[0]["row"]["title"]) == (other["id"], "third")
    assert lines[2]["row"]["before"]["title"] == "first"
    assert lines[-1]["row"]["key"] == "the-key"
    assert "fingerprint" not in lines[-1]["row"]
    assert run("export", local.user_id, "--all", "--format", "csv").exit_code == 2


def test_all_rows_are_read_page_by_page(run, many):
    for number in range(25):
        many.write(f"key-{number:02}")
    lines = [json.loads(line) for line in run("export", many.user_id, "--all").stdout.splitlines()]
    found = [(line["table"], line["row"].get("id", line["row"].get("key"))) for line in lines]
    assert [key for table, key in found if table == "idempotency_keys"] == [f"key-{number:02}" for number in range(25)]
    assert [key for table, key in found if table == "tasks"] == [task["id"] for task in listed(many)]


def test_unknown_user_has_nothing_and_says_so(run, local):
    for arguments, expected in ((), ""), (["--all"], ""), (["--format", "csv"], ",".join(COLUMNS) + "\n"):
        result = run("export", local.user_id, *arguments)
        assert (result.exit_code, result.stdout) == (0, expected)
        assert result.stderr == f"There is nothing of {local.user_id!r}.\n"
    result = run("show", local.user_id)
    assert (result.exit_code, result.stderr) == (0, f"There is nothing of {local.user_id!r}.\n")
    assert [line.split()[-4:] for line in result.stdout.splitlines()[1:2]] == [["0", "0", "-", "-"]]


def test_others_are_not_shown(run, local, app, secret):
    other = LocalUser(app, secret)
    other.write("k", title="secret of another")
    for arguments in (["export"], ["export", "--all"]):
        assert run(*arguments, local.user_id).stdout == ""
    assert run("show", local.user_id).stdout == run("show", f"{local.user_id}x").stdout


def test_show_counts(run, many):
    task = many.write("k").json["data"]
    many.send("DELETE", f"/{task['id']}")
    messages = []
    with statement_executed.connected_to(lambda _engine, **_: messages.append(1)):
        lines = [line.split() for line in run("show", many.user_id).stdout.splitlines()]
    assert len(messages) == 1
    assert lines[0] == ["number", "bytes", "oldest", "newest"]
    assert lines[1][:2] == ["tasks", "2,500"]
    assert lines[2:5] == [["pending", "1,250"], ["completed", "1,250"], ["trash", "1"]]
    assert (lines[5][:2], lines[6][:3]) == (["changes", "2"], ["idempotency", "keys", "1"])
    assert [line[:2] for line in lines[7:9]] == [["calendars", "0"], ["webhooks", "0"]]
    assert 200_000 < int(lines[1][2].replace(",", "")) < 1_000_000
    assert all(line[-2] <= line[-1] and line[-1].endswith("Z") for line in (lines[1], *lines[5:7]))


@pytest.mark.parametrize("command", ["show", "export", "erase"])
@pytest.mark.parametrize("user_id", ["", "x" * 256, "a\0b", "a\udcff"])
def test_invalid_user_id_is_named(run, command, user_id):
    result = run(command, user_id)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "must be 1 to 255 characters" in result.stderr


def test_unreachable_database_is_a_sentence(make_app):
    app = make_app(DATABASE_URL="postgresql://nobody@127.0.0.1:1/none", REQUEST_TIMEOUT="1")
    for command in (["show", "x"], ["export", "x"], ["export", "x", "--all"], ["erase", "x", "--yes"]):
        result = app.test_cli_runner().invoke(args=["users", *command])
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.endswith("Error: The database is unavailable. Run the command again.\n")


@pytest.mark.slow
def test_reader_may_close_the_pipe(many, settings):
    script = f"'{sys.executable}' -m flask users export '{many.user_id}' | head -n 1"
    result = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env=environment(**settings), capture_output=True, text=True, check=True
    )
    assert json.loads(result.stdout)["title"] == "task 1"
    assert result.stderr == ""


def on_a_terminal(settings, *arguments, answer=""):
    """Run a command with the standard input and the standard error on a terminal."""
    own, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "users", *arguments],
        cwd=ROOT,
        env=environment(**settings),
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=terminal,
    )
    os.write(own, answer.encode())
    output = process.communicate(timeout=60)[0].decode()
    os.close(terminal)
    shown = os.read(own, 10_000).decode()
    os.close(own)
    return process.returncode, output, shown


@pytest.mark.slow
def test_progress_is_shown_on_a_terminal(many, settings):
    status, output, shown = on_a_terminal(settings, "export", many.user_id)
    assert (status, output.count("\n")) == (0, 2500)
    assert shown == "\r1,000 lines\r2,000 lines\r2,500 lines\r\n"


@pytest.mark.slow
def test_erasure_is_confirmed_on_a_terminal(local, settings):
    local.write("k")
    status, output, shown = on_a_terminal(settings, "erase", local.user_id, answer="n\n")
    assert (status, output) == (1, "")
    numbers = "1 tasks, 1 changes, 1 idempotency keys, 0 calendars and 0 webhooks"
    assert f"Erase {numbers} of '{local.user_id}' for good? [y/N]:" in shown
    assert len(local.read().json["data"]) == 1
    status, output, _ = on_a_terminal(settings, "erase", local.user_id, answer="y\n")
    assert (status, output) == (0, f"Erased {numbers}.\n")
    assert local.read().json["data"] == []


@pytest.mark.slow
def test_erasure_without_a_terminal_needs_yes(local, settings):
    local.write()
    result = flask("users", "erase", local.user_id, check=False, **settings)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.endswith("Error: Nothing was erased. Without a terminal, confirm with --yes.\n")
    assert len(local.read().json["data"]) == 1
