"""Suites of behavior again, over HTTP, on plain PostgreSQL that pretends to be Citus.

The text behind each prefix must not change what the service does.
"""

import os
import subprocess
import sys

import pytest

from config import ROOT
from tests.support.citus import SUITES


@pytest.mark.slow
def test_behavior_is_the_same_with_the_text():
    """In a process of its own, because the servers of a session have one database."""
    without = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "CI"))}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "--pretend-citus", *SUITES]
    result = subprocess.run(command, cwd=ROOT, env=without, capture_output=True, text=True, timeout=900, check=False)
    assert result.returncode == 0, result.stdout[-5000:]
    assert "no tests ran" not in result.stdout
