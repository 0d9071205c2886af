"""What tests share: one PostgreSQL, one gunicorn, and for every test users of its own, so that no test sees another."""

import itertools
import secrets

import pytest

from config import Settings
from taskapp import create_app
from tests.client import Client, make_token
from tests.processes import Gunicorn, make_postgres, run_sql, text_url, upgrade

_databases = itertools.count(1)


@pytest.fixture(scope="session")
def secret():
    return secrets.token_urlsafe(48)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    server = make_postgres(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server
    server.stop()


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
def settings(database_url, secret):
    """The settings that the server of the tests runs with."""
    return {"DATABASE_URL": text_url(database_url), "JWT_SECRET": secret}


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
