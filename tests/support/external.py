"""Programs and packages that some tests require, and that not every machine has."""

import importlib.util
import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

NODE_PACKAGES = Path(__file__).parent / "tools" / "node_modules"


def require(path_or_name, how_to_install) -> str:
    """Return the path of a program. Without it the test is skipped, but fails in CI, where everything is tested."""
    return shutil.which(str(path_or_name)) or _go_without(Path(path_or_name).name, how_to_install)


def require_module(name) -> None:
    """Do the same for a Python package of requirements-ci.txt."""
    if importlib.util.find_spec(name) is None:
        _go_without(name, "'make tools' installs it.")


def require_node_package(name) -> None:
    """Do the same for a package of tests/support/tools/package.json."""
    if not (NODE_PACKAGES / name).exists():
        _go_without(name, "'make tools' installs it.")


def _go_without(name, how_to_install) -> NoReturn:
    reason = f"{name} is not installed: {how_to_install}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
