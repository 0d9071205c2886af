"""Lets tests that are marked ``alone`` run while the other processes of the same run do nothing.

Tests hold a lock of a file (https://man7.org/linux/man-pages/man2/flock.2.html): most of them share it, and one that
measures durations has it alone. Two files of the project serve as locks, so nothing has to be created or removed.
"""

import contextlib
import fcntl

import pytest

from config import ROOT

_ROOM = ROOT / "pyproject.toml"
# Whoever waits for the room alone keeps the door closed, so that others do not enter all the time.
_DOOR = ROOT / "tests" / "conftest.py"


@contextlib.contextmanager
def _locked(path, how):
    with path.open() as file:
        fcntl.flock(file, how)
        yield


class Alone:
    """A plugin for the processes of a run."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        """Run a test, with the start and the end of its fixtures, alone or beside others."""
        if item.get_closest_marker("alone"):
            with _locked(_DOOR, fcntl.LOCK_EX), _locked(_ROOM, fcntl.LOCK_EX):
                return (yield)
        with contextlib.ExitStack() as entered:
            with _locked(_DOOR, fcntl.LOCK_EX):
                entered.enter_context(_locked(_ROOM, fcntl.LOCK_SH))
            return (yield)
