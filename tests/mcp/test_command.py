"""``flask mcp``: what it needs, and what it says if that is missing."""

import json
import re
import signal
import subprocess
import sys

import pytest
from mcp import StdioServerParameters

from config import ROOT
from tests.support.agent_session import plan_a_week
from tests.support.agents import ERAS, Agent
from tests.support.client import make_token
from tests.support.commands import NO_INSTANCE, environment, flask
from tests.support.ports import free_port

TOKEN = make_token("x" * 32, user_id="alice")
README = (ROOT / "README.md").read_text()


def run(*arguments, **variables):
    """Run ``flask mcp`` in a folder that is not the project's, with nothing on standard input."""
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", ROOT / "wsgi.py", "mcp", *arguments],
        cwd="/",
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.slow
def test_the_service_imports_no_package_of_it():
    code = "import sys, wsgi; print({'mcp', 'mcp_types', 'httpx2', 'pydantic', 'starlette'} & sys.modules.keys())"
    env = environment(DATABASE_URL="postgresql://nobody@/none", JWT_SECRET="x" * 32)
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"


@pytest.mark.slow
def test_without_its_packages_it_says_what_to_install(tmp_path):
    (tmp_path / "mcp.py").write_text("raise ModuleNotFoundError('No module', name='mcp')\n")
    result = run(PYTHONPATH=tmp_path, TASKAPP_URL="http://127.0.0.1:1", TASKAPP_TOKEN=TOKEN)
    assert result.returncode == 1
    assert "pip install -r requirements-mcp.txt" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({}, "Set TASKAPP_URL to the URL of the service, and TASKAPP_TOKEN to a token"),
        ({"TASKAPP_URL": "http://127.0.0.1:1"}, "Set TASKAPP_URL to the URL of the service"),
        ({"TASKAPP_URL": "127.0.0.1:1", "TASKAPP_TOKEN": TOKEN}, "TASKAPP_URL must be an https:// or http:// URL"),
        ({"TASKAPP_URL": "http://127.0.0.1:1", "TASKAPP_TOKEN": "hidden"}, "TASKAPP_TOKEN is not a JWT."),
        (
            {"TASKAPP_URL": "http://127.0.0.1:1", "TASKAPP_TOKEN": TOKEN, "JWT_USER_CLAIM": "uid"},
            "TASKAPP_TOKEN has no user id in the claim uid.",
        ),
    ],
)
def test_stdio_says_what_is_missing(variables, sentence):
    result = run(**variables)
    assert result.returncode == 1
    assert sentence in result.stderr
    assert (result.stdout, "hidden" in result.stderr) == ("", False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "variables", "sentence"),
    [
        (["--http", "8001"], {}, "'8001' is not a host and a port, such as 127.0.0.1:8001."),
        (["--http", "127.0.0.1:0"], {}, "is not a host and a port"),
        (["--http", "127.0.0.1:8001"], {}, "--http requires MCP_URL"),
        (
            ["--http", "127.0.0.1:8001"],
            {"MCP_URL": "https://x/mcp", "JWT_AUDIENCE": "https://x"},
            "MCP_URL must be one of the values of JWT_AUDIENCE.",
        ),
        (
            ["--http", "127.0.0.1:8001"],
            {"MCP_URL": "https://x/mcp", "JWT_AUDIENCE": "https://x/mcp", "JWT_ISSUER": "accounts.example"},
            "--http requires the URL of an issuer in JWT_ISSUER.",
        ),
    ],
)
def test_http_says_what_is_missing(arguments, variables, sentence):
    result = run(*arguments, DATABASE_URL="postgresql://nobody@/none", JWT_SECRET="x" * 32, **variables)
    assert result.returncode != 0
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


def stdio(url, token, *arguments, command=sys.executable, **variables):
    """The target of a server over stdio, started in another folder, as an application does."""
    variables = {"TASKAPP_URL": url, "TASKAPP_TOKEN": token, "TASKAPP_TIME_ZONE": "Europe/Berlin", **variables}
    return StdioServerParameters(
        command=command,
        args=["-m", "flask", "--app", str(ROOT / "wsgi.py"), "mcp", *arguments],
        env={"INSTANCE_PATH": str(NO_INSTANCE), **variables},
        cwd="/",
    )


@pytest.mark.slow
@pytest.mark.parametrize("mode", ERAS)
def test_stdio_over_the_running_service(server, secret, mode):
    """Without a database of its own, which would need DATABASE_URL, or the embedded server's folder."""
    token = make_token(secret, user_id=f"stdio-{mode}")
    with Agent(stdio(server.url, token), mode) as agent:
        plan_a_week(agent)
        done = agent.call("add_tasks", tasks=[{"title": f"task {n} ü"} for n in range(50)])
        assert [task["title"] for task in done["tasks"]] == [f"task {n} ü" for n in range(50)]
        results = agent.call_at_once([("find_tasks", {"text": f"task {n} "}) for n in range(50)] * 4)
        assert [result["total"] for result in results] == [1] * 200
        assert agent.call("undo_change", change=done["change"])["tasks"][0]["deleted"]
    assert not (NO_INSTANCE / "data").exists()


@pytest.mark.slow
def test_standard_output_has_only_the_protocol():
    """Whatever arrives."""
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", ROOT / "wsgi.py", "mcp"],
        cwd="/",
        env=environment(TASKAPP_URL="http://127.0.0.1:1", TASKAPP_TOKEN=TOKEN, LOG_LEVEL="debug"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    messages = [
        "not JSON",
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}),
        json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json.dumps({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}),
        json.dumps({"jsonrpc": "2.0", "id": 3, "method": "no/such"}),
    ]
    process.stdin.write("\n".join(messages) + "\n")
    process.stdin.flush()
    received = []
    while {message.get("id") for message in received} < {1, 2, 3}:
        received.append(json.loads(process.stdout.readline()))
    rest, _ = process.communicate(timeout=30)
    assert {message["jsonrpc"] for message in received} == {"2.0"}
    assert (rest, process.returncode) == ("", 0)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_while_standard_input_is_open(number):
    with subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", ROOT / "wsgi.py", "mcp"],
        cwd="/",
        env=environment(TASKAPP_URL="http://127.0.0.1:1", TASKAPP_TOKEN=TOKEN),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        process.stdin.write(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
        process.stdin.flush()
        assert process.stdout.readline()
        process.send_signal(number)
        assert process.wait(10) == -number


@pytest.mark.slow
def test_stdio_reports_a_refused_token_and_a_service_that_is_down(server):
    with Agent(stdio(server.url, TOKEN)) as agent:
        assert agent.fail("find_tasks").startswith("The token is not valid for this service. Only the user can")
    with Agent(stdio(f"http://127.0.0.1:{free_port()}", TOKEN, "--read-only")) as agent:
        assert agent.fail("find_tasks").startswith("The task service cannot be reached")
        assert len(agent.tools()) == 2


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/agents.md"])
def test_configuration_of_an_application(server, secret, page, tmp_path):
    """The one that a person pastes, with the values of this machine, in a folder with settings of another project."""
    (tmp_path / ".env").write_text("DATABASE_URL=mysql://localhost/other\nPORT=none\n")
    text = re.search(r'```json\n(\{"mcpServers".*?)```', (ROOT / page).read_text(), re.DOTALL)[1]
    configuration = json.loads(text.replace("/path/to/taskapp", str(ROOT)))["mcpServers"]["taskapp"]
    assert (ROOT / ".venv/bin/flask").exists()
    variables = {
        **configuration.pop("env"),
        "TASKAPP_URL": server.url,
        "TASKAPP_TOKEN": make_token(secret, user_id="desktop"),
        "INSTANCE_PATH": str(NO_INSTANCE),
    }
    with Agent(StdioServerParameters(**configuration, env=variables, cwd=tmp_path)) as agent:
        assert agent.call("get_overview")["counts"]["total"] == 0


def test_token_command_of_the_readme(tmp_path):
    assert ".venv/bin/flask token alice --expires-in 30d" in README
    assert flask("token", "alice", "--expires-in", "30d", INSTANCE_PATH=tmp_path).stdout.count(".") == 2
