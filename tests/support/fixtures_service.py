"""Fixtures that start the service, and clients of it: every test gets users of its own, so no test sees another."""

import contextlib
import re
import secrets

import pytest

from taskapp.db import message
from tests.support.bulk_user import BulkUser
from tests.support.commands import load_app
from tests.support.gunicorn import Gunicorn
from tests.support.importing import Importer
from tests.support.urls import text_url

CONDITION = re.compile(r"\b\w+\.user_id = %\(acting_user\)s")


@pytest.fixture(scope="session")
def secret():
    return secrets.token_urlsafe(48)


@pytest.fixture(scope="session")
def settings(via_pooler, database_url, secret):
    """The settings that the service of the tests runs with."""
    return {"DATABASE_URL": text_url(via_pooler(database_url)), "JWT_SECRET": secret}


@pytest.fixture(scope="session")
def make_app(settings):
    """Makes applications in this process, with the session's settings and those given; None takes one away."""
    return lambda **changes: load_app(**{**settings, **changes})


@pytest.fixture(scope="session")
def app(make_app):
    """The application in this process, for tests below HTTP."""
    return make_app()


@contextlib.contextmanager
def _server_factory(settings, tmp_path_factory):
    with contextlib.ExitStack() as servers:

        def start(**changes):
            log = tmp_path_factory.mktemp("gunicorn") / "log"
            return servers.enter_context(Gunicorn(log, **{**settings, **changes}))

        yield start


@pytest.fixture(scope="session")
def server(settings, tmp_path_factory):
    with _server_factory(settings, tmp_path_factory) as start:
        yield start()


@pytest.fixture
def start_server(settings, tmp_path_factory):
    """Starts servers for one test, with the session's settings and those given; None takes one away."""
    with _server_factory(settings, tmp_path_factory) as start:
        yield start


@pytest.fixture(scope="module")
def start_module_server(settings, tmp_path_factory):
    """Does the same for the tests of a module."""
    with _server_factory(settings, tmp_path_factory) as start:
        yield start


@pytest.fixture
def new_client(server):
    """Makes clients of the session's server, each of a new user unless told which."""
    with contextlib.ExitStack() as clients:
        yield lambda user_id=None: clients.enter_context(server.client(user_id))


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
def bulk_user(app, database_url):
    """A user of the service who writes many tasks at once."""
    with app.app_context():
        yield BulkUser(database_url)


@pytest.fixture
def without_conditions(monkeypatch):
    """Leaves the conditions on the acting user out of all statements of this process."""
    compile_statement, replaced = message.compile_statement, []

    def compile_without(statement):
        compiled = compile_statement(statement)
        text, count = CONDITION.subn("true", compiled.text)
        replaced.append(count)
        return compiled._replace(text=text)

    monkeypatch.setattr(message, "compile_statement", compile_without)
    yield
    assert max(replaced) >= 5


@pytest.fixture
def importer(app, secret):
    """A user who imports files."""
    return Importer(app, secret)


@pytest.fixture
def other_importer(app, secret):
    return Importer(app, secret)


@pytest.fixture
def make_importer(app, secret):
    """Makes further ones."""
    return lambda user_id=None: Importer(app, secret, user_id)
