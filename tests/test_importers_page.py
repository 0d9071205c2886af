"""docs/importers.md: its commands run, and print what the page says."""

import json
import shlex
import shutil

import pytest

from taskapp.tasks.models import DESCRIPTION_LENGTH, TITLE_LENGTH
from taskapp.tasks.schemas import TaskIn
from taskapp.tasks.transfer.importers import SOURCES, cli, files
from taskapp.tasks.transfer.importers.conversion import IMPORT_ONLY, MAXIMUM_TASKS
from tests.support.converting import zipped
from tests.support.documents import code, read, rows, shell_examples
from tests.tasks.transfer.importers.test_samples import SAMPLES

PAGE = read("importers")
COMMANDS = list(dict.fromkeys(line for block, _ in shell_examples(PAGE) for line in block.splitlines()))


@pytest.fixture
def run(app, tmp_path, monkeypatch):
    """Runs a command of the page in a folder with the files that it names."""
    shutil.copytree(SAMPLES, tmp_path, dirs_exist_ok=True)
    (tmp_path / "backup.zip").write_bytes(zipped(**{"Home.csv": (SAMPLES / "todoist.csv").read_bytes()}))
    monkeypatch.chdir(tmp_path)

    def invoke(command):
        flask, *arguments, arrow, target = shlex.split(command)
        assert (flask, arrow, target) == ("flask", ">", "tasks.ndjson")
        return app.test_cli_runner().invoke(args=arguments)

    return invoke


@pytest.mark.parametrize("command", COMMANDS)
def test_command(run, command):
    result = run(command)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code in {0, cli.REPORTED}
    assert result.stderr.endswith(f"{len(lines)} tasks converted, 0 left out.\n")
    assert lines


def test_page_has_every_source():
    assert {command.split()[2] for command in COMMANDS} == {*SOURCES}


def test_report(run):
    result = run("flask import todoist todoist.csv > tasks.ndjson")
    assert code(PAGE, "text") == result.stderr


def test_numbers():
    assert [row[0] for row in rows(PAGE, "Coming from another product")[-4:]] == ["0", "1", "2", str(cli.REPORTED)]
    assert f"a title over {TITLE_LENGTH} characters and a description over {DESCRIPTION_LENGTH:,}" in PAGE
    assert f"A file may have {files.MAXIMUM_BYTES // 2**20} MiB and {MAXIMUM_TASKS:,} tasks." in PAGE


def test_line_of_the_page_is_a_task():
    line = json.loads(code(PAGE, "json").replace("…", "0b9e6f0e-6c0e-4b57-9d0a-6a4d1c0e8f11"))
    task = {name: value for name, value in line.items() if name not in IMPORT_ONLY}
    assert TaskIn().load(task)["title"] == line["title"]
