"""What tests share: one PostgreSQL, one gunicorn, and for every test users of its own, so that no test sees another."""

import itertools
import os
import secrets
from functools import partial

import pytest

from config import Settings
from taskapp import create_app
from tests.support.client import Client, make_token
from tests.support.external import needs, needs_module
from tests.support.faults import FaultProxy
from tests.support.issuer import Issuer
from tests.support.pooler import PgBouncer
from tests.support.processes import Gunicorn, durable_postgres, make_postgres, run_sql, text_url, through, upgrade

_databases = itertools.count(1)
# For a browser that is driven as root, alone, and looks for nothing on the network by itself.
BROWSER_FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-sync"
)


def pytest_addoption(parser):
    parser.addoption("--pooler", action="store_true", help="put PgBouncer between the service and PostgreSQL")
    parser.addoption("--all", action="store_true", help="run the slow tests too, as CI does")


def pytest_collection_modifyitems(config, items):
    """Leave the pooler's own tests to --pooler, and with it what never reaches a database through the service.

    Slow tests are left to CI, to --all, and to those who name their file.
    """
    pooled = config.getoption("pooler")
    slow_too = config.getoption("all") or os.environ.get("CI") or config.args != config.getini("testpaths")

    def runs(item):
        if item.get_closest_marker("slow") and not slow_too:
            return False
        return pooled if "pooler" in item.fixturenames else not pooled or "front" in item.fixturenames

    config.hook.pytest_deselected(items=[item for item in items if not runs(item)])
    items[:] = filter(runs, items)


@pytest.fixture(scope="session")
def secret():
    return secrets.token_urlsafe(48)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    server = make_postgres(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A PostgreSQL of the module's own, to be broken; it keeps what it has acknowledged, as in production."""
    with durable_postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="module")
def proxy(database):
    """What stands before it, and fails as networks do."""
    with FaultProxy(database.socket) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def pooler(tmp_path_factory, postgres):
    with PgBouncer(tmp_path_factory.mktemp("pooler"), postgres.url) as pooler:
        yield pooler


@pytest.fixture(scope="session")
def front(request):
    """What the service connects to: PostgreSQL itself, or the pooler before it."""
    return request.getfixturevalue("pooler" if request.config.getoption("pooler") else "postgres")


@pytest.fixture(scope="session")
def reach(front):
    """Makes the URL of a database into the one that the service takes; tests look past the pooler with the other."""
    return partial(through, front)


@pytest.fixture(scope="session")
def new_database(postgres):
    """Makes databases, each migrated to head unless told otherwise."""

    def make(revision="head", owner="postgres"):
        name = f"test_{next(_databases)}"
        run_sql(postgres.url, f"CREATE DATABASE {name} OWNER {owner}")
        url = postgres.url.set(database=name, username=owner)
        upgrade(url, revision)
        return url

    return make


@pytest.fixture(scope="session")
def database_url(new_database):
    return new_database()


@pytest.fixture(scope="session")
def settings(reach, database_url, secret):
    """The settings that the server of the tests runs with."""
    return {"DATABASE_URL": text_url(reach(database_url)), "JWT_SECRET": secret}


@pytest.fixture(scope="session")
def server(tmp_path_factory, settings):
    with Gunicorn(tmp_path_factory.mktemp("gunicorn") / "log", **settings) as gunicorn:
        yield gunicorn


@pytest.fixture(scope="session")
def app(settings):
    """The application in this process, for tests below HTTP."""
    return create_app(Settings().load(settings))


@pytest.fixture
def new_client(server, secret):
    """Makes clients, each of a user of its own unless told which."""
    clients = []

    def make(user_id=None, port=server.port):
        user_id = f"user-{secrets.token_hex(6)}" if user_id is None else user_id
        client = Client(port, token=make_token(secret, user_id=user_id), user_id=user_id)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def alice(new_client):
    return new_client()


@pytest.fixture
def bob(new_client):
    return new_client()


@pytest.fixture
def task(alice):
    return alice.create(title="kept", description="kept")


@pytest.fixture
def unchanged(alice, task):
    """After the test the user has the one task, as it was."""
    yield
    assert alice.get().data == [task]


@pytest.fixture
def issuer():
    """An issuer with a key of each kind that is common."""
    with Issuer() as issuer:
        issuer.add_key("ed", "EdDSA")
        issuer.add_key("ec", "ES256", alg="ES256")
        issuer.add_key("rsa", "RS256", use="sig")
        yield issuer


@pytest.fixture
def ask(issuer, settings):
    """Makes what asks an application that trusts the issuer, and returns its answer."""

    def make(**more):
        values = {**settings, "JWT_JWKS_URL": issuer.url, **more}
        values.pop("JWT_SECRET")
        http = create_app(Settings().load(values)).test_client

        def ask(token, user_id="jwks-user"):
            return http().get(f"/api/{user_id}/tasks", headers={"Authorization": f"Bearer {token}"})

        return ask

    return make


@pytest.fixture
def status_of(ask):
    """Makes what asks such an application, and returns the status."""

    def make(**more):
        asked = ask(**more)
        return lambda *arguments: asked(*arguments).status_code

    return make


@pytest.fixture(scope="module")
def browser():
    needs_module("playwright")
    chromium = needs("chromium", "install it (Debian: apt install chromium).")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 # Not on every machine.

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=BROWSER_FLAGS.split())
        yield browser
        browser.close()
