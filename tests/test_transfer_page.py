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


def test_page_has_the_columns():
    assert re.sub(r"\s", "", re.search(r"^    id,uid,(?:.|\n    )*", PAGE, re.MULTILINE)[0]) == ",".join(COLUMNS)
