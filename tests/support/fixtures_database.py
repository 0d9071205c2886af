"""Fixtures that start PostgreSQL and what stands between it and the service."""

import itertools
from functools import partial

import pytest

from tests.support.citus import pretend_citus
from tests.support.commands import upgrade
from tests.support.faults import FaultProxy
from tests.support.pooler import PgBouncer
from tests.support.postgres import create_owner, debian_versions, durable_postgres, make_postgres, run_sql
from tests.support.urls import through

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    server = make_postgres(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(
    scope="module",
    params=["embedded", *(pytest.param(version, marks=pytest.mark.slow) for version in debian_versions())],
)
def each_postgres(request, tmp_path_factory):
    """A server of each version at hand. The embedded one is that of the session."""
    if request.param == "embedded":
        yield request.getfixturevalue("postgres")
        return
    server = make_postgres(tmp_path_factory.mktemp("postgres"), request.param)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def pooler(tmp_path_factory, postgres):
    with PgBouncer(tmp_path_factory.mktemp("pooler"), postgres.url) as pooler:
        yield pooler


@pytest.fixture(scope="session")
def database_endpoint(request):
    """The server that the service connects to: PostgreSQL itself, or with --pooler the pooler."""
    return request.getfixturevalue("pooler" if request.config.getoption("pooler") else "postgres")


@pytest.fixture(scope="session")
def via_pooler(request, database_endpoint):
    """Turns the URL of a database into the one for the service; tests use the original, which bypasses the pooler."""
    if request.config.getoption("citus"):
        return lambda url: url
    return partial(through, database_endpoint)


@pytest.fixture(scope="session")
def new_database(request, postgres):
    """Makes databases, each migrated to head unless told otherwise."""
    pretend = request.config.getoption("pretend_citus")

    def make(revision="head", owner="postgres"):
        name = f"test_{next(_numbers)}"
        run_sql(postgres.url, f"CREATE DATABASE {name} OWNER {owner}")
        url = postgres.url.set(database=name, username=owner)
        upgrade(url, revision)
        if pretend:
            pretend_citus(url.set(username="postgres"))
        return url

    return make


@pytest.fixture(scope="module")
def owned(postgres, new_database, via_pooler):
    """A database of the module's own. Its owner, as which the service logs in, is subject to row-level security.

    Returns:
        The URLs for the service and for a superuser.
    """
    owner = f"owner_{next(_numbers)}"
    create_owner(postgres.url, owner)
    url = new_database(owner=owner)
    yield via_pooler(url), url.set(username="postgres")
    run_sql(postgres.url, f"DROP DATABASE {url.database} WITH (FORCE)")


@pytest.fixture(scope="session")
def database_url(request, new_database):
    return request.getfixturevalue("citus_url") if request.config.getoption("citus") else new_database()


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A durable PostgreSQL of the module's own, for tests that break it."""
    with durable_postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="module")
def proxy(database):
    """A proxy in front of ``database`` that fails as networks do."""
    with FaultProxy(database.socket) as proxy:
        yield proxy
