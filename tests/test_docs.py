"""The documents are true: their commands run, and their lists are complete."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from config import ROOT, Settings
from taskapp.http.errors import error_responses
from taskapp.http.version import VERSION
from taskapp.tasks.changes.batch import MAXIMUM_CHANGES
from tests.support.client import Client
from tests.support.commands import environment
from tests.support.gunicorn import Gunicorn
from tests.support.ports import free_port, listens
from tests.support.waiting import wait_until

README = (ROOT / "README.md").read_text()
API = (ROOT / "docs" / "api.md").read_text()
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
# The parts that differ from run to run, and those that the README leaves out.
VARIABLE = re.compile(r'(?<="request_id":")[0-9a-f]{32}|…')


def first_session():
    """The commands of the first session, each with its output."""
    block = re.search(r"```console\n(.*?)```", README, re.DOTALL).group(1)
    parts = re.findall(r"^\$ (.*)\n((?:[^$].*\n)*)", block, re.MULTILINE)
    return [(command, output) for command, output in parts]


@pytest.mark.slow
def test_first_session_prints_what_the_readme_says(tmp_path):
    commands = first_session()
    assert len(commands) == 8
    instance = {"INSTANCE_PATH": tmp_path / "instance"}
    with Gunicorn(tmp_path / "log", **instance) as gunicorn:
        script = "".join(f"{command}\necho '=== end'\n" for command, _ in commands)
        script = script.replace("127.0.0.1:8000", f"127.0.0.1:{gunicorn.port}")
        result = subprocess.run(
            ["bash", "-c", script], cwd=ROOT, env=environment(**instance), capture_output=True, text=True, check=True
        )
    printed = result.stdout.split("=== end\n")[:-1]
    for (command, expected), output in zip(commands, printed, strict=True):
        pattern = ".+".join(re.escape(part) for part in VARIABLE.split(expected))
        assert re.fullmatch(pattern, output), (command, output)


@pytest.mark.slow
def test_deployment_runs_as_the_readme_says(new_database, via_pooler, secret, tmp_path):
    block = re.search(r"in this order:\n\n((?:    .+\n)+)", README)[1]
    commands = [line.strip() for line in block.splitlines()]
    assert commands == ["pip install -r requirements.txt", "flask db upgrade", "gunicorn wsgi:app"]
    url, port = new_database(revision="0001"), free_port()
    values = {
        "DATABASE_URL": via_pooler(url),
        "MIGRATION_DATABASE_URL": url,
        "JWT_SECRET": secret,
        "PORT": port,
    }
    env = environment(**values)
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    for command in commands[:-1]:
        subprocess.run(command.split(), cwd=ROOT, env=env, capture_output=True, check=True)
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(commands[-1].split(), cwd=ROOT, env=env, stdout=log, stderr=log)
    try:
        wait_until(lambda: listens(port), "it does not serve")
        with Client(port) as client:
            assert client.request("GET", "/health/ready").status == 200
        assert (
            "Bearer" not in (tmp_path / "log").read_text()
        )  # The banner of a server whose log is kept shows no token.
    finally:
        process.terminate()
        process.wait(40)


def test_every_setting_is_documented():
    page = (ROOT / "docs" / "settings.md").read_text()
    cells = re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
    assert set(re.findall(r"`([A-Z_]+)`", " ".join(cells))) == Settings().fields.keys()


def test_every_file_that_the_documents_name_exists():
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#:]+)[)#]", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name} names {target}"
        paths = re.findall(r"`((?:taskapp|tests|migrations|docs|examples)/[\w/.]*)`", document.read_text())
        for path in paths if document.name != "CHANGELOG.md" else []:  # The changelog names what is gone, too.
            assert (ROOT / path).exists(), f"{document.name} names {path}"


def anchors(document):
    """The anchors of the headings of a document, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)", document.read_text(), re.MULTILINE)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    return {re.sub(r"[^\w -]", "", heading).replace(" ", "-") for heading in plain}


def test_every_section_that_the_documents_name_exists():
    for document in DOCUMENTS:
        for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", document.read_text()):
            named = document.parent / target if target else document
            if named.suffix == ".md":
                assert anchor in anchors(named), f"{document.name} names {target}#{anchor}"


def test_changelog_has_the_version():
    released = re.findall(r"^## (\d.*) - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert released[0] == VERSION


@pytest.mark.usefixtures("app")
def test_every_error_is_documented():
    documented = set(re.findall(r"^\| (\d{3}) \| `([A-Z_]+)` \|", API, re.MULTILINE))

    known = {(str(int(error.status)), error.code) for error in error_responses.values()}
    known.add(("500", "UNEXPECTED_ERROR"))
    assert known <= documented


def test_every_route_is_documented(app):
    documented = set(re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^` ]*)`", API))
    routes = {
        (
            method,
            re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            .replace("{task_id}", "{id}")
            .replace("{calendar_id}", "{id}")
            .replace("{webhook_id}", "{id}"),
        )
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert documented == routes


def test_limit_of_undo_is_the_same_everywhere():
    files = [*ROOT.glob("docs/*.md"), *ROOT.glob("docs/*.json"), *ROOT.glob("postman/*.json")]
    named = {
        path.name: re.findall(r"more than ([\d,]+) changes|at most ([\d,]+) changes", path.read_text())
        for path in files
    }
    limits = {limit for found in named.values() for limit in found}
    assert {"".join(limit) for limit in limits} == {f"{MAXIMUM_CHANGES:,}"}, named
    assert {name for name, found in named.items() if found} >= {"api.md", "history.md", "openapi.json"}
