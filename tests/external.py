"""Programs beside Python that some tests need."""

import os
import shutil
from pathlib import Path

import pytest


def needs(path_or_name, how_to_install) -> str:
    """Return where a program is; without it the test is skipped, or fails under CI, where nothing may go untested."""
    found = shutil.which(str(path_or_name))
    if found:
        return found
    reason = f"{Path(path_or_name).name} is not installed: {how_to_install}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
