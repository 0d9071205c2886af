"""A service on the embedded PostgreSQL: no setting of clients reaches it, its role is ordinary, and it starts again."""

import os
import signal
from pathlib import Path

import pytest

from taskapp.db.embedded import EmbeddedError, EmbeddedPostgres
from taskapp.db.embedded.owner import OWNER
from tests.support.gunicorn import Gunicorn
from tests.support.postgres import make_postgres, postmaster, run_sql
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

# Each of them would send a connection elsewhere, or let it fail.
CLIENT_SETTINGS = {
    "PGHOST": "127.0.0.1",
    "PGHOSTADDR": "127.0.0.1",
    "PGPORT": "1",
    "PGDATABASE": "none",
    "PGUSER": "none",
    "PGPASSFILE": "/none",
    "PGSERVICE": "none",
    "PGSERVICEFILE": "/none",
    "PGSYSCONFDIR": "/none",
    "PGOPTIONS": "-c no_such_setting=1",
    "PGCHANNELBINDING": "require",
    "PGREQUIREAUTH": "scram-sha-256",
    "PGTARGETSESSIONATTRS": "standby",
    "PGSSLMODE": "verify-full",
    "PGSSLNEGOTIATION": "direct",
    "PGGSSENCMODE": "require",
    "PGCONNECT_TIMEOUT": "x",
    "PGCLIENTENCODING": "SJIS",
    "PGDATESTYLE": "nonsense",
    "PGTZ": "nonsense",
    "PGGEQO": "nonsense",
    "PGDATA": "/none",
    "PGAPPNAME": "none",
    "LC_ALL": "no_SUCH.locale",
    "LANG": "no_SUCH.locale",
    "LANGUAGE": "ja",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("embedded") / "instance"


@pytest.fixture(scope="module")
def service(folder, secret):
    """A service that was started, data folder included, where all of these are set."""
    settings = {"INSTANCE_PATH": folder, "JWT_SECRET": secret, **CLIENT_SETTINGS}
    with Gunicorn(folder.parent / "log", **settings) as service:
        yield service


@pytest.fixture
def client(service):
    with service.client() as client:
        yield client


def test_environment_does_not_reach_the_embedded_server(client, folder):
    client.create(title="☃")
    assert client.request("GET", "/health/ready").status == 200
    server = EmbeddedPostgres(folder)
    assert run_sql(server.url, "SELECT current_setting('port'), current_setting('lc_messages')") == [("5432", "C")]
    environment = Path(f"/proc/{postmaster(server)}/environ").read_text().split("\0")
    # PostgreSQL sets PGDATA for itself, to its own folder.
    assert {line for line in environment if line.partition("=")[0] in CLIENT_SETTINGS} <= {
        "LC_ALL=C",
        f"PGDATA={server.data}",
    }


def test_reason_of_libpq_is_shown_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("PGCHANNELBINDING", "require")
    with pytest.raises(EmbeddedError, match=r"Cannot connect to the embedded PostgreSQL: .*channel binding"):
        make_postgres(tmp_path / "instance").start()


def test_service_is_an_ordinary_owner(client, folder):
    client.create(title="one")
    url = EmbeddedPostgres(folder).url
    attributes = "rolsuper, rolbypassrls, rolreplication, rolcreaterole, rolcreatedb"
    found = run_sql(url, f"SELECT {attributes} FROM pg_roles WHERE rolname = %s", [OWNER])
    assert found == [(False, False, False, True, True)]
    sessions = "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name = 'taskapp'"
    assert run_sql(url, sessions) == [(OWNER,)]
    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    assert run_sql(url, owners) == [(OWNER,)]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_server_that_ended_starts_again_while_the_service_runs(service, client, folder, how):
    """Its connections are broken, so the requests until then are served late, or get a 503 with Retry-After."""
    server = EmbeddedPostgres(folder)
    task = client.create(title="kept")
    ended = postmaster(server)
    os.kill(ended, how)
    responses = []

    def serves():
        responses.append(client.get(f"/{task['id']}"))
        return responses[-1].status == 200

    wait_until(serves, "the server does not start again")
    wait_until(lambda: client.request("GET", "/health/ready").status == 200, "the service is not ready again")
    assert postmaster(server) != ended
    assert responses[-1].data == task
    assert {response.status for response in responses} <= {200, 503}
    assert all(response.headers["Retry-After"] for response in responses if response.status == 503)
    assert "Traceback" not in service.log.read_text()


def test_data_of_an_earlier_version_gets_the_owner(service, client, folder):
    """It used the superuser for everything. A fork may have added more than tables."""
    server = EmbeddedPostgres(folder)
    task = client.create(title="kept")
    run_sql(
        server.url,
        "CREATE SCHEMA fork; CREATE SEQUENCE fork.numbers; CREATE TYPE fork.mood AS ENUM ('good');"
        "CREATE TABLE fork.parts (id serial, kind fork.mood) PARTITION BY LIST (kind);"
        "CREATE TABLE fork.part PARTITION OF fork.parts DEFAULT; CREATE VIEW fork.seen AS SELECT * FROM fork.parts;"
        "CREATE FUNCTION fork.one() RETURNS int LANGUAGE sql RETURN 1;"
        f"REASSIGN OWNED BY {OWNER} TO postgres; DROP OWNED BY {OWNER}",
    )
    service.stop()
    server.start()
    run_sql(server.url, f"DROP ROLE {OWNER}")
    server.stop()
    service.start()
    with service.client(client.user_id) as again:
        assert again.get(f"/{task['id']}").data == task
        again.create(title="new")
        assert again.request("GET", "/health/ready").status == 200
    # Only the owner of an object, or of its schema, can drop it.
    run_sql(server.owner_url, "DROP SCHEMA fork CASCADE; DROP TABLE tasks, idempotency_keys, alembic_version")
