"""The commands of the Makefile, as a user runs them."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from config import ROOT
from taskapp.db.embedded import EmbeddedPostgres
from tests.support.ports import free_port
from tests.support.terminal import MakeRun

FILES = ["Makefile", "requirements.txt", "requirements-embedded.txt", "requirements-dev.txt"]


def shell(line):
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True, timeout=30).stdout


def assert_two_runs(checkout, tmp_path, **settings):
    """Two runs in a row: each prints a banner whose commands work, and the second finds the task of the first."""
    settings = {"INSTANCE_PATH": tmp_path / "an instance", "PORT": free_port(), **settings}
    for number in (1, 2):
        with MakeRun(tmp_path / f"log {number}", checkout, **settings) as run:
            banner = run.banner()
            assert banner.keys() == {"API", "Docs", "Data", "Try"}, run.log.read_text()
            assert banner["Data"] == str(tmp_path / "an instance" / "postgres")
            json = "-H 'Content-Type: application/json'"
            shell(f"""{banner["Try"]} -s --fail {json} -d '{{"title": "run {number}"}}'""")
            assert "run 1" in shell(f"{banner['Try']} -s --fail")
            assert "swagger-ui" in shell(f"curl -s --fail {banner['Docs']}")
            run.interrupt()
        assert not EmbeddedPostgres(settings["INSTANCE_PATH"])._listens()
        assert "Traceback" not in run.log.read_text()


@pytest.mark.slow
def test_make_run_twice(tmp_path):
    assert_two_runs(ROOT, tmp_path)


@pytest.mark.skipif(
    not os.environ.get("CI"), reason="Installs everything once more, which takes half a minute: CI runs it."
)
def test_make_run_in_a_fresh_clone(tmp_path):
    """In a path with a space, below a folder that is private, and with an empty home directory."""
    home = tmp_path / "home"
    home.mkdir()
    top = tmp_path / "private folder"
    top.mkdir(mode=0o700)
    checkout = top / "a clone"
    subprocess.run(["git", "clone", "--quiet", ROOT, checkout], check=True)
    assert_two_runs(checkout, tmp_path, HOME=home)
    assert not (home / ".gunicorn").exists()


def test_taken_port_ends_in_a_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = MakeRun(tmp_path / "log", INSTANCE_PATH=tmp_path / "instance", PORT=port)
        assert run.process.wait(60) != 0
    text = run.log.read_text()
    assert f"taskapp: cannot listen on 127.0.0.1 port {port}: Address already in use." in text
    assert "Traceback" not in text


def test_port_of_another_make_run_is_taken(server, tmp_path):
    run = MakeRun(tmp_path / "log", INSTANCE_PATH=tmp_path / "instance", PORT=server.port)
    assert run.process.wait(60) != 0
    assert f"port {server.port}: Address already in use" in run.log.read_text()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"HOST": "192.0.2.1"}, "taskapp: cannot listen on 192.0.2.1 port"),
        ({"HOST": "no.such.host.invalid"}, "taskapp: cannot listen on no.such.host.invalid port"),
        ({"MIGRATION_DATABASE_URL": "postgresql://u@h/d"}, "taskapp: MIGRATION_DATABASE_URL requires DATABASE_URL."),
        ({"THREADS": "many"}, "taskapp: THREADS must be a whole number."),
        ({"INSTANCE_PATH": "/proc/taskapp"}, "taskapp: Cannot create the folder /proc/taskapp"),
        (
            {"DATABASE_URL": "postgresql://u@127.0.0.1:1/x", "JWT_SECRET": "x" * 32},
            "taskapp: Cannot migrate the database: Connection refused.",
        ),
    ],
)
def test_broken_setting_ends_in_a_sentence(tmp_path, settings, sentence):
    settings = {"INSTANCE_PATH": tmp_path / "instance", "PORT": free_port(), **settings}
    run = MakeRun(tmp_path / "log", **settings)
    assert run.process.wait(60) != 0
    assert sentence in run.log.read_text()
    assert "Traceback" not in run.log.read_text()


@pytest.fixture
def bare(tmp_path):
    """A folder with only the Makefile, and nothing installed."""
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make(folder, *arguments, **variables):
    result = subprocess.run(
        ["make", *arguments], cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    return result.returncode, result.stdout + result.stderr


@pytest.mark.parametrize("target", ["run", "test"])
def test_missing_python_ends_in_a_sentence(bare, target):
    status, text = make(bare, target, "PYTHON=no-such-python")
    assert status != 0
    assert "taskapp needs Python 3.11 or newer. Install it" in text


def test_old_python_ends_in_a_sentence(bare):
    old = bare / "old-python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    status, text = make(bare, "run", f"PYTHON={old}")
    assert status != 0
    assert "is older" in text


def test_missing_npm_ends_in_a_sentence(bare):
    tools = Path("tests/support/tools")
    shutil.copytree(ROOT / tools, bare / tools, ignore=shutil.ignore_patterns("node_modules"))
    status, text = make(bare, "postman", "NPM=no-such-npm")
    assert status != 0
    assert "This needs npm, which is part of Node.js. Install it" in text


def test_make_alone_explains_itself(bare):
    status, text = make(bare)
    assert status == 0
    assert {line.split()[1] for line in text.splitlines() if line.startswith("  make ")} >= {"run", "test", "lint"}
