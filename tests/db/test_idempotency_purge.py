"""Keys that have expired are removed."""

import pytest

from tests.support.commands import flask
from tests.support.postgres import run_sql
from tests.support.retries import WRITES, write
from tests.support.waiting import wait_until


def count(url):
    return run_sql(url, "SELECT count(*) FROM idempotency_keys")[0][0]


def age(url):
    run_sql(url, "UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 second'")


@pytest.mark.slow
def test_expired_keys_are_purged_by_the_next_write(owned, start_server):
    service_url, url = owned
    server = start_server(DATABASE_URL=service_url, WORKERS=1)
    alice = server.client()
    write(alice, WRITES["POST"], 0, "key")
    repeated = write(alice, WRITES["POST"], 0, "key")
    assert repeated.headers["Idempotency-Replayed"] == "true"
    age(url)
    server.stop()
    write(start_server(DATABASE_URL=service_url, WORKERS=1).client(), WRITES["POST"], 0, "key")
    wait_until(lambda: count(url) == 1, "expired keys stay")


def test_purge_command_removes_only_expired_keys(owned, secret):
    service_url, url = owned
    run_sql(url, "TRUNCATE idempotency_keys")
    for user_id in ("alice", "bob"):
        for key, hours in [("old", 25), ("new", 23)]:
            values = f"('{user_id}', '{key}', '', '{{}}', now() - interval '{hours} hours')"
            run_sql(url, f"INSERT INTO idempotency_keys VALUES {values}")
    many = "SELECT 'carol', n::text, '', '{}', now() - interval '2 days' FROM generate_series(1, 20000) n"
    run_sql(url, f"INSERT INTO idempotency_keys {many}")
    result = flask("idempotency", "purge", DATABASE_URL=service_url, JWT_SECRET=secret)
    assert result.stdout == "20002 expired keys purged.\n"
    assert run_sql(url, "SELECT DISTINCT key FROM idempotency_keys") == [("new",)]
