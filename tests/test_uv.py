"""uv installs the pinned requirements too, as docs/deploy.md says."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config import ROOT
from tests.support.commands import environment
from tests.support.external import require

pytestmark = pytest.mark.slow

COMMAND = "uv venv && uv pip sync requirements.txt"


def test_uv_installs_what_the_service_needs(tmp_path, settings):
    assert f"\n    {COMMAND}\n" in (ROOT / "docs" / "deploy.md").read_text()
    uv = Path(require(Path(sys.executable).with_name("uv"), "'make tools' installs it."))
    for name in ("requirements.txt", "wsgi.py", "config.py"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("taskapp", "migrations"):
        shutil.copytree(ROOT / name, tmp_path / name)
    env = {**environment(**settings), "VIRTUAL_ENV": ""}
    env["PATH"] = f"{uv.parent}:{env['PATH']}"

    def bash(line):
        command = ["bash", "-c", line]
        result = subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=300
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    bash(f"unset VIRTUAL_ENV; {COMMAND}")
    installed = set(bash("unset VIRTUAL_ENV; uv pip freeze").split())
    pinned = set(re.findall(r"^\S+==\S+", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    assert installed <= pinned
    assert {name.split("==")[0] for name in installed} >= {"flask", "gunicorn", "psycopg2-binary"}
    assert "(head)" in bash(".venv/bin/flask db current")
