"""A make target in a terminal of its own."""

import os
import re
import signal
import subprocess

from config import ROOT
from tests.support.commands import environment
from tests.support.waiting import wait_until


class Make:
    """A make target that serves, until Ctrl-C or the end of the context.

    Args:
        log: the file for its output.
        folder: where make runs.
        settings: environment variables.

    Attributes:
        target: the target.
        labels: those of the lines of its banner.
        last: what its banner ends with.
    """

    def __init__(self, log, folder=ROOT, **settings):
        self.log = log
        with log.open("w") as output:
            self.process = subprocess.Popen(
                ["make", self.target],
                cwd=folder,
                env=environment(**settings),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def banner(self):
        """Wait for the banner and return it, from each label to its value."""
        wait_until(lambda: self.last in self.log.read_text() or self.process.poll() is not None, "no banner", 180)
        return dict(re.findall(rf"^({'|'.join(self.labels)}) +(.+)$", self.log.read_text(), re.MULTILINE))

    def interrupt(self, number=signal.SIGINT):
        """Press Ctrl-C: the terminal sends it to the whole group."""
        os.killpg(self.process.pid, number)
        # PostgreSQL writes all to the disk before it ends, and the disk may be busy.
        wait_until(lambda: self.process.poll() is not None, lambda: f"it goes on: {self.log.read_text()}", 90)


class MakeRun(Make):
    """``make run``."""

    target = "run"
    labels = ("API", "Docs", "Data", "Try")
    last = "\nTry "


class MakeExample(Make):
    """``make example``."""

    target = "example"
    labels = ("Open", "API", "Files")
    last = "Stop with"
