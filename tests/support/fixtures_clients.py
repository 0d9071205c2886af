"""The clients that are generated from the OpenAPI document."""

import shutil
import subprocess

import pytest

from config import ROOT
from tests.support.external import NODE_PACKAGES, require_module, require_node_package

# `make clients` would install them again if they were old. Tests install nothing.
INSTALLED = (".venv/ci", "tests/support/tools/node_modules/.installed")


@pytest.fixture(scope="session")
def clients(tmp_path_factory):
    """A folder with what `make clients` generates, the examples, and the packages of Node.js, as in the repository."""
    require_module("openapi_python_client")
    require_node_package("openapi-typescript")
    folder = tmp_path_factory.mktemp("generated")
    skipped = [argument for path in INSTALLED for argument in ("--assume-old", path)]
    command = ["make", *skipped, "clients", f"CLIENTS={folder / 'clients'}"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("node_modules", "build"))
    (folder / "examples/typescript/node_modules").symlink_to(NODE_PACKAGES)
    return folder
