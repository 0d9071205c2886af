"""Every shell command in README and docs/ is run by a test, or the page says that it was not tried."""

import pytest

from config import ROOT
from tests.support.docs_commands import BY_NO_TEST, NOT_TRIED, RUN_BY, commands_of

PAGES = {path.stem: path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}


def rows_for(page, command):
    return [start for start in RUN_BY.get(page, {}) if command.startswith(start)]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_known(page):
    """A new command takes a row in tests/support/docs_commands.py."""
    commands = commands_of(PAGES[page].read_text())
    assert [command for command in commands if len(rows_for(page, command)) != 1] == []
    assert {start for command in commands for start in rows_for(page, command)} == RUN_BY.get(page, {}).keys()


def test_no_row_is_of_a_page_that_is_gone():
    assert RUN_BY.keys() <= PAGES.keys()


@pytest.mark.parametrize("page", RUN_BY)
def test_rows_name_what_runs_them(page):
    for test in set(RUN_BY[page].values()):
        if test in {NOT_TRIED, BY_NO_TEST}:
            assert test in PAGES[page].read_text().lower(), f"{page} does not say what is {test}"
        else:
            assert (ROOT / test).is_file(), test


def test_commands_are_found():
    """Both kinds, and no output or settings between them."""
    output = '    {"data": 1}\n\n    PORT=1\n\n```json\n{}\n```\n'
    page = f"Text\n\n    make run\n    # Why.\n    ls \\\n      -l\n\n{output}\n```sh\nls\n```\n"
    assert commands_of(page) == ["make run\n", "# Why.\nls \\\n  -l\n", "```sh\nls\n"]
