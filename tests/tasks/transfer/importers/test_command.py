"""The command ``flask import``: NDJSON on standard output, the report on standard error, and its exit codes."""

import json
import subprocess
import sys

import pytest

from config import ROOT
from taskapp.tasks.transfer.importers import files

PROJECT = "TYPE,CONTENT,DATE\ntask,Käse,2026-12-24 17:00\n"


@pytest.fixture
def run(app):
    return lambda *arguments, **options: app.test_cli_runner().invoke(args=["import", *arguments], **options)


@pytest.fixture
def project(tmp_path):
    path = tmp_path / "Home.csv"
    path.write_text(PROJECT)
    return str(path)


def test_everything_was_converted(run, project):
    result = run("todoist", project, "--time-zone", "Asia/Calcutta", "--tag", "imported")
    assert (result.exit_code, result.stderr) == (0, "1 tasks converted, 0 left out.\n")
    line = json.loads(result.stdout)
    assert result.stdout.endswith("}\n")
    assert (line["title"], line["tags"], line["time_zone"]) == ("Käse", ["imported", "Home"], "Asia/Kolkata")
    assert "Käse" in result.stdout


def test_report_is_exit_code_3_and_the_rest_is_converted(run):
    text = f"{PROJECT}task,,\ntask,{'x' * 256},\ntask,b,\n"
    result = run("todoist", "-", "--time-zone", "UTC", input=text)
    assert result.exit_code == 3
    assert [json.loads(line)["tags"] for line in result.stdout.splitlines()] == [[], []]
    first, second, summary = result.stderr.splitlines()
    assert first.startswith("<stdin>, line 3: Left out. title: ")
    assert second.endswith("Left out. The title has 256 characters. Cut it with --long-text cut.")
    assert summary == "2 tasks converted, 2 left out."
    result = run("todoist", "-", "--time-zone", "UTC", "--long-text", "cut", input=text)
    assert len(result.stdout.splitlines()) == 3


def test_wrong_file_is_one_error_and_prints_nothing(run, project):
    result = run("todoist", project)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: Home.csv, line 2: The task has a time without a time zone."
        " Run the command again with --time-zone, such as Europe/Berlin.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["todoist", "missing.csv"], "missing.csv"),
        (["todoist"], "Missing argument 'FILE'"),
        (["wunderlist", "-"], "'wunderlist' is not one of 'todoist', 'ticktick', 'google', 'microsoft', 'calendar'"),
        (["todoist", "-", "--time-zone", "Berlin"], "Must be the name of a time zone, such as Europe/Berlin."),
        (["todoist", "-", "--tag", "a,b"], "Must not contain a comma."),
        (["todoist", "-", "--tag", ""], "Must be 1 to 50 characters"),
        (["todoist", "-", "--long-text", "skip"], "'skip' is not one of 'refuse', 'cut'"),
    ],
)
def test_wrong_use_is_exit_code_2(run, arguments, reason):
    result = run(*arguments, input=PROJECT)
    assert result.exit_code == 2
    assert reason in result.stderr


def test_folder_is_an_error(run, tmp_path):
    result = run("todoist", str(tmp_path))
    assert result.exit_code in {1, 2}
    assert "Is a directory" in result.stderr


def test_file_that_is_too_large_is_not_read_whole(run, tmp_path):
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(files.MAXIMUM_BYTES + 1)
    result = run("todoist", str(path))
    assert (result.exit_code, result.stderr) == (1, "Error: large.csv has more than 32 MiB.\n")


@pytest.mark.slow
def test_service_does_not_load_the_importers():
    code = "import sys, taskapp; print([name for name in sys.modules if 'icalendar' in name or '.importers.' in name])"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == "['taskapp.tasks.transfer.importers.cli']\n"
