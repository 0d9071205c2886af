"""Writes of many tasks on each version of PostgreSQL, as it is configured by default."""

from functools import partial

import pytest

from tests.support.commands import upgrade
from tests.support.in_process import LocalUser
from tests.support.postgres import run_sql
from tests.support.urls import text_url
from tests.support.waiting import timed

LINES = b'{"title": "a"}\n{"title": "b"}\n'


@pytest.fixture
def user(each_postgres, make_app, secret):
    """A user in a new database, of whose tables PostgreSQL has no statistics."""
    run_sql(each_postgres.url, "DROP DATABASE IF EXISTS unanalyzed WITH (FORCE)")
    run_sql(each_postgres.url, "CREATE DATABASE unanalyzed")
    url = each_postgres.url.set(database="unanalyzed")
    upgrade(url)
    return LocalUser(make_app(DATABASE_URL=text_url(url)), secret)


def test_few_tasks_take_no_time_to_compile(user):
    """PostgreSQL compiles statements that it expects to cost much (JIT), which takes seconds."""
    creations = {"operations": [{"op": "create", "title": "t"}] * 3}
    deletion = {"filter": {"status": "all"}, "op": "delete", "max_affected": 9}
    file = {"data": LINES, "headers": {"Content-Type": "application/x-ndjson"}}
    change = user.write().headers["Change"]
    for path, options in [
        ("tasks/bulk", {"json": creations}),
        ("tasks/bulk", {"json": deletion}),
        ("tasks/import", file),
        ("changes/{}/undo", {}),
    ]:
        send = partial(user.send, "POST", resource=path.format(change), **options)
        response, seconds = timed(send)
        assert response.status_code == 200, response.text
        assert seconds < 2
        change = response.headers["Change"]
