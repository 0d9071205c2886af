"""Health, and the index."""

import pytest

from taskapp.http.version import VERSION
from tests.support.commands import HEAD
from tests.support.in_process import LocalUser
from tests.support.postgres import run_sql

CHECKS = ("database", "signing_keys", "migrations", "row_level_security", "read_and_write")
OK = {"status": "ok", "checks": dict.fromkeys(CHECKS, "ok")}


@pytest.mark.parametrize("path", ["/health", "/health/ready"])
def test_ready_when_all_is_well(alice, path):
    response = alice.request("GET", path, token=None)
    assert (response.status, response.json) == (200, OK)


def test_live_when_the_process_responds(alice):
    response = alice.request("GET", "/health/live", token=None)
    assert (response.status, response.json) == (200, {"status": "ok"})


def test_index_links_to_every_page(alice):
    response = alice.request("GET", "/", token=None)
    assert (response.json["name"], response.json["version"]) == ("taskapp", VERSION)
    for link in response.json["links"].values():
        assert alice.request("GET", link, token=None).status == 200


@pytest.fixture
def own(new_database, via_pooler, start_server):
    """A client of a server with a database of its own, to be broken."""
    url = new_database()
    client = start_server(DATABASE_URL=via_pooler(url), REQUEST_TIMEOUT=2).client()
    client.database_url = url
    return client


def test_not_ready_names_what_failed(own):
    def failed():
        response = own.request("GET", "/health/ready", token=None)
        assert (response.status, response.error["code"], response.headers["Retry-After"]) == (
            503,
            "DATABASE_ERROR",
            "1",
        )
        return response.error["details"].keys()

    assert own.request("GET", "/health/ready", token=None).json == OK
    run_sql(own.database_url, "UPDATE alembic_version SET version_num = '0000'")
    assert failed() == {"migrations"}
    run_sql(
        own.database_url,
        f"UPDATE alembic_version SET version_num = '{HEAD}'; ALTER TABLE tasks DISABLE ROW LEVEL SECURITY",
    )
    assert failed() == {"row_level_security"}
    run_sql(own.database_url, "DROP TABLE tasks")
    assert failed() == {"row_level_security", "read_and_write"}
    run_sql(own.database_url, "DROP TABLE alembic_version")
    assert failed() == {"migrations", "row_level_security", "read_and_write"}


def test_ready_without_the_eraser(make_app, new_database, via_pooler, secret):
    """Only erasing the data of a user fails then."""
    url = new_database()
    run_sql(url, "REVOKE ALL ON tasks, changes, idempotency_keys, calendars, webhooks FROM taskapp_eraser")
    assert LocalUser(make_app(DATABASE_URL=via_pooler(url)), secret).ready() == "ok"


def test_ready_without_the_courier(make_app, new_database, via_pooler, secret):
    """Only webhooks are not delivered then."""
    url = new_database()
    run_sql(url, "REVOKE ALL ON changes, webhooks FROM taskapp_courier")
    assert LocalUser(make_app(DATABASE_URL=via_pooler(url)), secret).ready() == "ok"


def test_without_a_database_the_process_lives_but_is_not_ready(own, postgres):
    run_sql(postgres.url, f"DROP DATABASE {own.database_url.database} WITH (FORCE)")
    response = own.request("GET", "/health/ready", token=None)
    assert (response.status, list(response.error["details"])) == (503, ["database"])
    assert own.request("GET", "/health/live", token=None).status == 200
    response = own.get()
    assert (response.status, response.error["code"], response.headers["Retry-After"]) == (503, "DATABASE_ERROR", "1")
