"""Schemathesis sends valid and invalid requests, one by one and in sequences, and finds no difference to the document.

The seed and the number of examples are fixed, so that a run is like another; `make fuzz` takes others.
"""

import os
import re
import secrets
import subprocess
import sys

import pytest

from config import ROOT
from tests.support.contract import DOCUMENT
from tests.support.external import require_module

pytestmark = pytest.mark.slow

EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "20")
SEED = os.environ.get("FUZZ_SEED", "20261123").replace("random", str(secrets.randbelow(2**32)))
OPERATIONS = sum(len(item.keys() - {"parameters"}) for item in DOCUMENT["paths"].values())
METRICS_TOKEN = "a-token-for-metrics_1"
FUZZ = ROOT / "tests" / "support" / "fuzz"


@pytest.fixture
def server(start_server):
    """A server with metrics on, because the document has their route."""
    return start_server(METRICS_TOKEN=METRICS_TOKEN)


def test_the_document_is_true(server, tmp_path):
    require_module("schemathesis")
    user = server.client()
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", FUZZ / "schemathesis.toml"]
    command += ["run", f"{server.url}/openapi.json", "--checks", "all", "--no-color"]
    # A deleted task is back if another request restores it or undoes its deletion.
    command += ["--exclude-checks", "use_after_free"]
    command += ["--seed", SEED, "--max-examples", EXAMPLES]
    result = subprocess.run(
        command,
        cwd=tmp_path,  # Schemathesis keeps notes of its runs.
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),  # The hooks ask the service what is visible.
            "SCHEMATHESIS_HOOKS": str(FUZZ / "hooks.py"),
            "FUZZ_USER_ID": user.user_id,
            "FUZZ_TOKEN": user.token,
            "FUZZ_METRICS_TOKEN": METRICS_TOKEN,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    sys.stdout.write(result.stdout)  # `make fuzz` shows it.
    assert result.returncode == 0, result.stdout
    assert f"Tested: {OPERATIONS}\n" in result.stdout
    assert re.findall(r"✅ (\w+)\n", result.stdout) == ["Examples", "Coverage", "Fuzzing", "Stateful"]
    assert int(re.search(r"API Links: +(\d+) covered", result.stdout)[1]) > 0
