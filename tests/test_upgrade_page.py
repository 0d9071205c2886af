"""The upgrade of docs/upgrade.md, from a database of 0.1.0 with its writes."""

import pytest

from tests.support.commands import flask, upgrade
from tests.support.docs_commands import commands_of
from tests.support.documents import read
from tests.support.external import require
from tests.support.migrations import as_admin, database_before
from tests.support.postgres import run_sql
from tests.test_commands_of_pages import libpq_url, run

pytestmark = pytest.mark.slow

REVISION = "0003"
FILL = (
    "INSERT INTO tasks (user_id, title, completed, version)"
    " SELECT 'user-' || i %% 7, 'Task ' || i, i %% 3 = 0, i / 7 + 1 FROM generate_series(1, %s) i"
)
# How 0.1.0 completes and reopens: it knows neither the time of that nor the log.
TOGGLE = (
    "SELECT set_config('role', 'taskapp_user', true), set_config('app.user_id', 'user-1', true);"
    "UPDATE tasks SET completed = NOT completed, version = version + 1, updated_at = now() WHERE user_id = 'user-1'"
)
CONTRADICTING = "SELECT count(*) FROM tasks WHERE completed = (completed_at IS NULL)"
TASKS = "SELECT user_id, id, title, completed, version FROM tasks ORDER BY id"


def test_upgrade_from_the_first_release(postgres, secret):
    require("psql", "'apt install postgresql-client'.")
    url = database_before(postgres, REVISION, FILL, 100)
    before = run_sql(as_admin(url), TASKS)
    upgrade(url, "head")
    assert run_sql(as_admin(url), TASKS) == before
    run_sql(url, TOGGLE)
    assert run_sql(as_admin(url), CONTRADICTING) == [(15,)]

    correct, restart = commands_of(read("upgrade"))
    run(correct.replace('psql "', 'psql -v ON_ERROR_STOP=1 "'), MIGRATION_DATABASE_URL=libpq_url(url))
    assert run_sql(as_admin(url), CONTRADICTING) == [(0,)]
    variable, *command = restart.split()
    assert (variable, command[0]) == ('DATABASE_URL="$MIGRATION_DATABASE_URL"', "flask")
    flask(*command[1:], DATABASE_URL=url, JWT_SECRET=secret)
    # The log of each user begins after all versions that there are.
    logs = "SELECT count(*), count(DISTINCT user_id), min(number) > (SELECT max(version) FROM tasks) FROM changes"
    assert run_sql(as_admin(url), logs) == [(7, 7, True)]
