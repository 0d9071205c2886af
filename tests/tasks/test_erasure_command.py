"""``flask users erase``, and an erasure that the database does not allow."""

import pytest

from taskapp.db.prefix import ERASING_ROLE
from tests.support.change_log import read_log
from tests.support.commands import flask
from tests.support.in_process import LocalUser, assert_refused
from tests.support.postgres import run_sql


@pytest.fixture
def run(app):
    return lambda *arguments: app.test_cli_runner().invoke(args=["users", "erase", "--yes", *arguments])


@pytest.fixture
def local(app, secret):
    user = LocalUser(app, secret)
    assert [user.write().status_code, user.write("k").status_code] == [201, 201]
    return user


def test_command_erases_all_data_of_a_user(settings, database_url, local, app, secret):
    other = LocalUser(app, secret)
    other.write()
    result = flask("users", "erase", local.user_id, "--yes", **settings)
    assert result.stdout == "Erased 2 tasks, 2 changes, 1 idempotency keys, 0 calendars and 0 webhooks.\n"
    assert local.read().json["data"] == []
    assert [(entry["number"], entry["task_id"]) for entry in read_log(database_url, local.user_id)] == [(3, 0)]
    assert len(other.read().json["data"]) == 1


def test_command_can_leave_nothing(run, database_url, local):
    assert run(local.user_id, "--forget").exit_code == 0
    assert read_log(database_url, local.user_id) == []
    assert local.write().json["data"]["version"] == 1
    assert [run(local.user_id).exit_code, run(local.user_id, "--forget").stdout] == [
        0,
        "Erased 0 tasks, 1 changes, 0 idempotency keys, 0 calendars and 0 webhooks.\n",
    ]


@pytest.mark.parametrize("user_id", ["", "x" * 256])
def test_command_names_an_invalid_user_id(run, user_id):
    result = run(user_id)
    assert result.exit_code == 2
    assert "must be 1 to 255 characters" in result.stderr


@pytest.fixture(scope="module")
def without_eraser(postgres, new_database, via_pooler, make_app):
    """An application whose login role may act as users, but not erase."""
    url = new_database()
    run_sql(postgres.url, "DROP ROLE IF EXISTS no_eraser; CREATE ROLE no_eraser LOGIN NOINHERIT")
    run_sql(url, "GRANT taskapp_user TO no_eraser; GRANT SELECT ON alembic_version TO no_eraser")
    yield make_app(DATABASE_URL=via_pooler(url.set(username="no_eraser")))
    run_sql(postgres.url, f"DROP DATABASE {url.database} WITH (FORCE)")
    run_sql(postgres.url, "DROP ROLE no_eraser")


def test_erasure_without_the_role_is_refused_and_logged(without_eraser, secret, caplog):
    user = LocalUser(without_eraser, secret)
    assert user.write().status_code == 201
    assert_refused(user.erase(), "not set up for this service", retry_after="60")
    assert f'permission denied to set role "{ERASING_ROLE}"' in caplog.text
    result = without_eraser.test_cli_runner().invoke(args=["users", "erase", user.user_id, "--yes"])
    assert result.exit_code == 1
    assert result.stderr == f'Error: Nothing was erased: permission denied to set role "{ERASING_ROLE}".\n'
    assert len(user.read().json["data"]) == 1
    assert user.ready() == "ok"
