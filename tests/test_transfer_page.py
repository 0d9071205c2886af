"""The commands of docs/transfer.md do what the page says."""

import csv
import json
import re

import pytest

from taskapp.tasks.transfer.csv_columns import COLUMNS
from tests.support.documents import read, run_shell, section, setup_for, shell_examples

PAGE = read("transfer")
IMPORT = ("Import", "Move to another server", "Edit in a spreadsheet")


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


def test_commands_of_the_import_print_what_the_page_says(server, filled, tmp_path):
    (setup, _), (export, _) = shell_examples(section(PAGE, "Export"))[:2]
    examples = [example for name in IMPORT for example in shell_examples(section(PAGE, name))]
    script = "".join(f"{command}\necho\n" for command, _ in examples).replace("/changes/4/", "/changes/$CHANGE/")
    # The number of the change that the page undoes is that of an empty service.
    change = filled.get("?sort=-id&limit=1").data[0]["version"] + 1
    start = f"cd '{tmp_path}'\nCHANGE={change}\n{setup_for(setup, server, filled)}{export}"
    results = [json.loads(line)["data"] for line in run_shell(start + script).splitlines() if line.strip()]
    same, moved, tried, edited, undone = results
    numbers = {"created": 0, "updated": 0, "unchanged": 3, "skipped": 0}
    assert {**same, **numbers, "change": None, "dry_run": False} == same == moved
    assert [line["result"] for line in same["lines"]] == ["unchanged"] * 3
    shown = [json.loads(printed.replace(", …", "")) for _, printed in examples if printed]
    assert {**shown[0]["data"], "lines": same["lines"]} == same
    assert {**edited, "change": 4} | shown[1]["data"] == {**edited, "change": 4}
    assert {**tried, "dry_run": False, "change": change} == edited
    assert undone["undoes"] == change
    assert [task["title"] for task in filled.get("?sort=id").data] == ["task 0", "task 1", "task 2"]


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
    assert set(re.findall(r"--[a-z][a-z-]+", page)) <= {
        option for each in commands.values() for it in each.params for option in it.opts
    }


def test_page_has_the_columns():
    assert re.sub(r"\s", "", re.search(r"^    id,uid,(?:.|\n    )*", PAGE, re.MULTILINE)[0]) == ",".join(COLUMNS)
