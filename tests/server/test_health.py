"""Health, and the index."""

import pytest

from taskapp.http.version import VERSION
from tests.support.processes import HEAD, Gunicorn, run_sql, text_url

OK = {"status": "ok", "checks": {"database": "ok", "migrations": "ok", "row_level_security": "ok"}}


@pytest.mark.parametrize("path", ["/health", "/health/ready"])
def test_ready_when_all_is_well(alice, path):
    answer = alice.request("GET", path, token=None)
    assert (answer.status, answer.json) == (200, OK)


def test_live_when_the_process_answers(alice):
    answer = alice.request("GET", "/health/live", token=None)
    assert (answer.status, answer.json) == (200, {"status": "ok"})


def test_index_names_what_there_is(alice):
    answer = alice.request("GET", "/", token=None)
    assert (answer.json["name"], answer.json["version"]) == ("taskapp", VERSION)
    for link in answer.json["links"].values():
        assert alice.request("GET", link, token=None).status == 200


@pytest.fixture
def own(new_database, reach, secret, tmp_path, new_client):
    """A server on a database of its own, to be broken."""
    url = new_database()
    settings = {"DATABASE_URL": text_url(reach(url)), "JWT_SECRET": secret, "REQUEST_TIMEOUT": 2}
    with Gunicorn(tmp_path / "log", **settings) as gunicorn:
        client = new_client(port=gunicorn.port)
        client.url = url
        yield client


def test_not_ready_names_what_failed(own):
    def failed():
        answer = own.request("GET", "/health/ready", token=None)
        assert (answer.status, answer.error["code"], answer.headers["Retry-After"]) == (503, "DATABASE_ERROR", "1")
        return answer.error["details"].keys()

    assert own.request("GET", "/health/ready", token=None).json == OK
    run_sql(own.url, "UPDATE alembic_version SET version_num = '0000'")
    assert failed() == {"migrations"}
    run_sql(own.url, f"UPDATE alembic_version SET version_num = '{HEAD}'; ALTER TABLE tasks DISABLE ROW LEVEL SECURITY")
    assert failed() == {"row_level_security"}
    run_sql(own.url, "DROP TABLE tasks")
    assert failed() == {"row_level_security"}
    run_sql(own.url, "DROP TABLE alembic_version")
    assert failed() == {"migrations", "row_level_security"}


def test_without_a_database_the_process_lives_but_is_not_ready(own, postgres):
    run_sql(postgres.url, f"DROP DATABASE {own.url.database} WITH (FORCE)")
    answer = own.request("GET", "/health/ready", token=None)
    assert (answer.status, list(answer.error["details"])) == (503, ["database"])
    assert own.request("GET", "/health/live", token=None).status == 200
    answer = own.get()
    assert (answer.status, answer.error["code"], answer.headers["Retry-After"]) == (503, "DATABASE_ERROR", "1")
