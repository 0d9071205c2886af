"""``flask users import`` as a process that is interrupted, and run again."""

import os
import signal
import subprocess
import sys

import pytest

from config import ROOT
from taskapp.tasks.transfer.import_command import PART
from tests.support.commands import environment
from tests.support.postgres import run_sql
from tests.support.waiting import wait_until
from tests.tasks.transfer.test_import_command import done, numbered, undo


@pytest.fixture
def titles(importer, database_url):
    """The titles of all tasks of the user, which may be more than a page."""
    query = "SELECT title FROM tasks WHERE user_id = %s ORDER BY id"
    return lambda: [title for (title,) in run_sql(database_url, query, [importer.user_id])]


def command(settings, user_id, path):
    """The command as a process of its own, without a terminal."""
    return subprocess.Popen(
        [sys.executable, "-m", "flask", "users", "import", user_id, path],
        cwd=ROOT,
        env=environment(**settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_interrupted_import_goes_on(settings, importer, titles, tmp_path):
    total, path = 5_000, tmp_path / "tasks.ndjson"
    path.write_text(numbered(total))
    process = command(settings, importer.user_id, path)
    wait_until(titles, "nothing is imported")
    os.kill(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    number = len(titles())
    assert (process.returncode, output) == (1, "")
    assert 0 < number < total
    assert number % PART == 0
    # The last part may have been written when the signal came.
    advice = "Interrupted. You can continue, and run the command again: it makes nothing twice."
    assert errors in [
        f"Error: {n:,} of {total:,} lines were imported. {advice}\n{undo(*range(1, n, PART))}"
        for n in (number, number - PART)
    ]
    process = command(settings, importer.user_id, path)
    output, errors = process.communicate(timeout=120)
    assert (process.returncode, output, errors) == (
        0,
        done(*range(number + 1, total, PART), created=total - number, unchanged=number),
        "",
    )
    assert sorted(titles()) == sorted(f"task {number}" for number in range(1, total + 1))
