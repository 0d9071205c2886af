"""The programs of docs/clients.md and examples/ pass strict checks of types, and survive lost responses and outages."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading

import pytest

from config import ROOT
from tests.support.documents import TOOLS, code, read
from tests.support.external import require
from tests.support.gunicorn import Gunicorn
from tests.support.lossy_proxy import LossyProxy
from tests.support.urls import at_port
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

PAGE = read("clients")
LIFE = """\
created: Water the plants due 2030-01-07 18:30 next 2030-01-14
found on several pages: Water the plants, Buy milk, Call the bank, Pay the rent
merged: Water all plants low
412: others have changed title, priority of Water all plants
won: Water the ferns
next occurrence: 2030-01-14
undone: pending
in the trash: Water the ferns
restored: Water the ferns
changes: created, updated, updated, updated, updated, updated, deleted, created
pending: 4
gone: TASK_NOT_FOUND
"""


def run(*command, **options):
    """Run a command, and return what it prints; what it says is wrong if it fails."""
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, **options)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def service(proxy, database, secret, tmp_path_factory):
    """A service that limits requests, behind a proxy that can take its database away."""
    log = tmp_path_factory.mktemp("gunicorn") / "log"
    settings = {"WORKERS": 1, "RATE_LIMIT": "5/second", "REQUEST_TIMEOUT": 1}
    with Gunicorn(log, DATABASE_URL=at_port(proxy.port, database.url), JWT_SECRET=secret, **settings) as service:
        yield service


@pytest.fixture
def user(service):
    return service.client()


@pytest.fixture(scope="module")
def programs(clients):
    """The folder of the generated clients, with the programs of the page beside the examples."""
    (clients / "examples/python/page.py").write_text(code(PAGE, "python"))
    (clients / "examples/typescript/page.ts").write_text(code(PAGE, "ts"))
    return clients


@pytest.fixture(scope="module")
def python_path(programs):
    return os.pathsep.join(str(programs / path) for path in ("clients/python", "examples/python"))


@pytest.fixture(scope="module")
def compiled(programs):
    """The folder of the TypeScript programs, compiled as the page says: with all checks of types in tsconfig.json."""
    npx = require("npx", "'apt install npm', then 'make tools'.")
    run(npx, "--no", "tsc", cwd=programs / "examples/typescript")
    return programs / "examples/typescript"


@pytest.fixture
def run_program(request, programs, python_path):
    """Runs a program by its name as a user of a server. The parameter is its language."""

    def run_as(user, url, name):
        settings = {"TASKAPP_URL": url, "TASKAPP_USER": user.user_id, "TASKAPP_TOKEN": user.token}
        command = {
            "python": lambda: [sys.executable, programs / f"examples/python/{name}.py"],
            "typescript": lambda: ["node", request.getfixturevalue("compiled") / f"build/{name}.js"],
        }[request.param]()
        return run(*command, env={**os.environ, "PYTHONPATH": python_path, **settings})

    return run_as


both = pytest.mark.parametrize("run_program", ["python", "typescript"], indirect=True)


def test_python_passes_all_checks_of_types(programs, python_path):
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "-p", "taskapp_client"]
    run(*command, cwd=programs, env={**os.environ, "MYPYPATH": python_path})
    command[-2:] = [*(programs / "examples/python").glob("*.py")]
    run(*command, cwd=programs, env={**os.environ, "MYPYPATH": python_path})


@both
def test_program_of_the_page_prints_what_it_says(service, user, run_program, request):
    language = {"python": "python", "typescript": "ts"}[request.node.callspec.params["run_program"]]
    comments = re.findall(r"(?:print|console\.log)\(.*(?:  #|; //) (.+)$", code(PAGE, language), re.MULTILINE)
    assert len(comments) == 4
    assert run_program(user, service.url, "page").splitlines() == comments


@both
def test_life_loses_nothing_and_does_nothing_twice(service, user, proxy, run_program):
    """The database is away at first, the service limits requests, and each write loses its first response."""
    proxy.refuse()
    proxy.cut()
    with LossyProxy(service.port) as lossy:
        recovery = threading.Thread(
            target=lambda: (wait_until(lambda: 503 in lossy.statuses, "no 503", 60), proxy.accept())
        )
        recovery.start()
        assert run_program(user, lossy.url, "life") == LIFE
        recovery.join()
    assert {429, 503, 412} <= set(lossy.statuses)
    assert len(lossy.lost) == 10  # Each write that was made.
    assert lossy.unsafe == []


@pytest.mark.skipif(not os.environ.get("CI"), reason="Installs packages, which takes a minute: CI runs it.")
@pytest.mark.parametrize(("block", "count"), [("venv/bin/python", 3), ("node build", 4)], ids=["python", "typescript"])
def test_commands_of_the_page_run_in_a_new_folder(service, user, clients, tmp_path, block, count):
    (commands,) = [each for each in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) if block in each]
    assert len(commands.splitlines()) == count
    folder = shutil.copytree(clients, tmp_path / "folder", ignore=shutil.ignore_patterns("node_modules", "build"))
    settings = {"TASKAPP_URL": service.url, "TASKAPP_USER": user.user_id, "TASKAPP_TOKEN": user.token}
    assert run("bash", "-ec", commands, cwd=folder, env={**os.environ, **settings}).endswith(LIFE)


def test_packages_of_the_example_are_those_of_the_tests():
    example = json.loads((ROOT / "examples/typescript/package.json").read_text())
    tested = json.loads((TOOLS / "package.json").read_text())["devDependencies"]
    used = {**example["dependencies"], **example["devDependencies"]}
    assert used.items() <= tested.items()
    named = dict(re.findall(r"(openapi-fetch|typescript)@([\d.]+)", PAGE))
    assert named.items() <= used.items()
