"""The Inspector, the reference tool for testing MCP servers, on its command line."""

import json
import subprocess

import pytest

from config import ROOT
from tests.support.client import make_token
from tests.support.commands import NO_INSTANCE
from tests.support.external import NODE_PACKAGES, require, require_node_package

pytestmark = pytest.mark.slow


@pytest.fixture
def inspect(server, secret):
    """Makes a call of the Inspector, and returns its result and its exit code."""
    require("node", "install Node.js.")
    require_node_package("@modelcontextprotocol/inspector")
    variables = {
        "TASKAPP_URL": server.url,
        "TASKAPP_TOKEN": make_token(secret, user_id="inspector"),
        "INSTANCE_PATH": NO_INSTANCE,
    }
    environment = [part for name, value in variables.items() for part in ("-e", f"{name}={value}")]
    command = [ROOT / ".venv/bin/flask", "--app", ROOT / "wsgi.py", "mcp"]

    def call(*arguments):
        inspector = [NODE_PACKAGES / ".bin" / "mcp-inspector", "--cli", *environment, *command]
        result = subprocess.run([*inspector, *arguments], capture_output=True, text=True, check=False, timeout=120)
        return json.loads(result.stdout), result.returncode, result.stderr

    return call


def test_schemas_are_portable(inspect):
    listed, code, said = inspect("--method", "tools/list", "--strict")
    assert (len(listed["tools"]), code, said) == (7, 0, "")


def test_calls(inspect):
    call = ("--method", "tools/call", "--tool-name")
    added, code, _ = inspect(*call, "add_tasks", "--tool-arg", 'tasks=[{"title": "from the Inspector"}]')
    assert (added["structuredContent"]["tasks"][0]["title"], code) == ("from the Inspector", 0)
    found, code, _ = inspect(*call, "find_tasks", "--tool-arg", "text=inspector")
    assert (found["structuredContent"]["total"], code) == (1, 0)
    wrong, code, _ = inspect(*call, "find_tasks", "--tool-arg", "status=open")
    assert wrong["content"][0]["text"].startswith("status: Must be one of")
    assert code != 0
