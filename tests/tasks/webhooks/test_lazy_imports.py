"""The service does not load what only ``flask webhooks deliver`` needs."""

import subprocess
import sys

import pytest

from config import ROOT
from tests.support.commands import environment

pytestmark = pytest.mark.slow

MODULES = ("requests", "urllib3", "requests_hardened", "standardwebhooks", "prometheus_client")
LOADED = f"import sys; print(*(name for name in {MODULES} if name in sys.modules))"


def loaded_after(code, **settings):
    settings = {"DATABASE_URL": "postgresql://nobody@/none", "JWT_SECRET": "x" * 32, **settings}
    command = [sys.executable, "-c", f"{code}\n{LOADED}"]
    done = subprocess.run(command, cwd=ROOT, env=environment(**settings), capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["wsgi", "taskapp.tasks.webhooks.delivery.cli"])
def test_service_loads_no_http_client(module):
    assert loaded_after(f"import {module}") == set()


def test_process_loads_it_and_prometheus_only_for_metrics():
    loaded = loaded_after("import wsgi, taskapp.tasks.webhooks.delivery.loop")
    assert loaded == {*MODULES} - {"prometheus_client"}
    assert loaded_after("import wsgi, taskapp.tasks.webhooks.delivery.metrics") == {*MODULES}
