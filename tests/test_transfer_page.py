"""The commands of docs/transfer.md do what the page says."""

import csv
import json
import re

import pytest

from taskapp.tasks.transfer.csv_columns import COLUMNS
from tests.support.documents import read, run_shell, section, setup_for, shell_examples

PAGE = read("transfer")


@pytest.fixture
def filled(alice):
    for number in range(3):
        alice.create(title=f"task {number}", tags=["a", "b"])
    return alice


def test_commands_of_the_export_make_files(server, filled, tmp_path):
    (setup, _), *commands = shell_examples(section(PAGE, "Export"))
    script = "".join(command for command, _ in commands).replace("limit=1000", "limit=2")
    run_shell(f"cd '{tmp_path}'\n{setup_for(setup, server, filled)}{script}")
    expected = filled.get("?sort=id").data
    for name in ("tasks.ndjson", "all.ndjson"):
        assert [json.loads(line) for line in (tmp_path / name).read_text().splitlines()] == expected
    with (tmp_path / "tasks.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["id", "title", "tags", "due_date"]
    assert [row[1:] for row in rows] == [[task["title"], "a,b", ""] for task in expected]


def test_commands_for_operators_run(app, filled):
    page = section(PAGE, "One user's data")
    ((script, _),) = shell_examples(page)
    expected = filled.get("?sort=id").body
    for line in script.splitlines():
        command, _, file = line.partition(" > ")
        arguments = command.replace("demo", filled.user_id).split()[1:]
        result = app.test_cli_runner().invoke(args=arguments)
        assert (result.exit_code, result.stderr) == (0, ""), line
        if file == "tasks.ndjson":
            assert b",".join(result.stdout_bytes.splitlines()) in expected
    commands = app.cli.commands["users"].commands
    assert set(re.findall(r"^\| `flask users (\w+) ID", page, re.MULTILINE)) == commands.keys()
    assert set(re.findall(r"--\w+", page)) <= {
        option for each in commands.values() for it in each.params for option in it.opts
    }


def test_page_has_the_columns():
    assert re.sub(r"\s", "", re.search(r"^    id,uid,(?:.|\n    )*", PAGE, re.MULTILINE)[0]) == ",".join(COLUMNS)
