"""Which tests run; the fixtures that they share are in ``tests/support/fixtures_*.py``."""

import os
from pathlib import Path

import pytest

from tests.support.alone import Alone
from tests.support.citus import LOOSENED, SUITES, TESTS, URL_VARIABLE
from tests.support.container import NOT_BUILT

# `make test` hands these down. With them, a test's own make would take over its options and print its folder.
for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
    os.environ.pop(name, None)

pytest_plugins = [
    f"tests.support.fixtures_{name}"
    for name in ("database", "citus", "service", "issuer", "browser", "example", "agents", "deliveries", "clients")
]


def pytest_addoption(parser):
    parser.addoption("--pooler", action="store_true", help="put PgBouncer between the service and PostgreSQL")
    parser.addoption("--citus", action="store_true", help=f"run the suites that fit on the Citus of {URL_VARIABLE}")
    parser.addoption("--pretend-citus", action="store_true", help="let the service take its databases for Citus")
    parser.addoption("--all", action="store_true", help="run the slow tests too, as CI does")


def pytest_configure(config):
    if config.getoption("citus") and not os.environ.get(URL_VARIABLE):
        raise pytest.UsageError(f"--citus requires {URL_VARIABLE}; see docs/development.md")
    if hasattr(config, "workerinput"):  # One of several processes.
        config.pluginmanager.register(Alone())


def pytest_collection_modifyitems(config, items):
    """Select the tests of this run.

    With --pooler those that reach a database through the service, as their fixture ``database_endpoint`` shows, and
    those of the pooler itself; otherwise all but the latter. What a browser shows does not depend on the pooler. Slow
    tests run in CI, with --all, and if their file is named.
    """
    pooled = config.getoption("pooler")
    slow_too = config.getoption("all") or os.environ.get("CI") or config.args != config.getini("testpaths")

    def runs(item):
        if config.getoption("citus"):
            path = item.path.relative_to(Path(config.rootpath)).as_posix()
            return path in (*SUITES, TESTS) and not item.name.startswith(LOOSENED)
        if item.get_closest_marker("slow") and not slow_too:
            return False
        if "pooler" in item.fixturenames:
            return pooled
        return not pooled or ("database_endpoint" in item.fixturenames and "browser" not in item.fixturenames)

    config.hook.pytest_deselected(items=[item for item in items if not runs(item)])
    items[:] = filter(runs, items)


def pytest_terminal_summary(terminalreporter):
    """Say that Citus or the image was not tested, because a skipped test is easily overlooked."""
    reasons = {str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", [])}
    for reason in reasons:
        if NOT_BUILT in reason:
            terminalreporter.write_line(reason.removeprefix("Skipped: "), yellow=True)
    if not os.environ.get(URL_VARIABLE):
        terminalreporter.write_line(
            f"NOT TESTED ON CITUS: {URL_VARIABLE} is not set, so {TESTS} and the suites of 'make test-citus' did not"
            " run there.",
            yellow=True,
        )
