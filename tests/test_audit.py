"""The audit finds known vulnerabilities, and never claims an audit that it could not do."""

import json
import subprocess
import sys
from http.server import BaseHTTPRequestHandler

import pytest

from config import ROOT
from tests.support import audit as module
from tests.support.external import require_module
from tests.support.http_server import HttpServer, Quiet


class Database(HttpServer):
    """A database of vulnerabilities with the API of OSV (https://google.github.io/osv.dev/post-v1-query/)."""

    def __init__(self):
        self.known, self.asked, self.status = {}, [], 200
        database = self

        class Handler(Quiet, BaseHTTPRequestHandler):
            def do_POST(self):
                name = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]["name"]
                database.asked.append(name)
                self.send_response(database.status)
                self.end_headers()
                self.wfile.write(json.dumps(database.known.get(name, {})).encode())

        self.handler = Handler


@pytest.fixture
def database():
    require_module("pip_audit")
    with Database() as database:
        yield database


@pytest.fixture
def audit(database, monkeypatch):
    """Runs the audit with the database, and returns its exit status and output."""
    monkeypatch.setenv("PIP_AUDIT_VULNERABILITY_SERVICE", "osv")
    monkeypatch.setenv("PIP_AUDIT_OSV_URL", f"{database.url}/v1/query")

    def audit(*arguments):
        command = [sys.executable, "-m", "tests.support.audit", *arguments]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
        return result.returncode, result.stdout + result.stderr

    return audit


@pytest.mark.slow
def test_audit_asks_for_everything_and_may_find_nothing(audit, database):
    status, text = audit()
    assert (status, len(database.asked) > 80) == (0, True)
    assert text.startswith("audit: no known vulnerability in ")
    assert {"flask", "psycopg2-binary", "pytest", "playwright"} <= set(database.asked)


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [[], ["--if-reachable"]])
def test_known_vulnerability_ends_the_audit(audit, database, arguments):
    versions = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}]
    flaw = {"id": "PYSEC-0000-1", "affected": [{"package": {"name": "flask", "ecosystem": "PyPI"}, "ranges": versions}]}
    database.known["flask"] = {"vulns": [flaw]}
    status, text = audit(*arguments)
    assert status == 1
    assert "PYSEC-0000-1, fixed in 99.1" in text
    assert "no known vulnerability" not in text


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "expected"), [([], 1), (["--if-reachable"], 0)])
def test_unreachable_database_is_reported(audit, database, arguments, expected):
    database.status = 503
    status, text = audit(*arguments)
    assert (status, text) == (
        expected,
        "audit: NOT AUDITED: no database of vulnerabilities can be reached from here.\n",
    )


def test_package_that_the_database_does_not_know_is_reported(monkeypatch, capsys):
    packages = [{"name": "flask", "version": "3", "vulns": []}, {"name": "ours", "skip_reason": "not found"}]
    report = subprocess.CompletedProcess([], 0, json.dumps({"dependencies": packages}), "")
    monkeypatch.setattr(module, "pip_audit", lambda *_: report)
    assert module.main(["--if-reachable"]).splitlines()[1:] == ["ours: not known to the database of vulnerabilities"]
    report.stdout = json.dumps({"dependencies": packages[1:]})  # Of nothing at all: it is no database.
    assert "NOT AUDITED" in module.main([])
    assert capsys.readouterr().out == ""
