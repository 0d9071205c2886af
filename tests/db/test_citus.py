"""A real Citus cluster, that of TEST_CITUS_URL: both layers of isolation on every node, readiness, and a dead node.

These tests were written without a cluster, and have not run yet. ``docs/development.md`` says what they need.
"""

import os
import shlex
import subprocess

import pytest
from sqlalchemy import delete, func, select, update

from taskapp.db import prefix
from taskapp.db.cluster import read_state, uses_citus
from taskapp.db.execute import execute
from taskapp.tasks.models import Task
from tests.support.citus import START_VARIABLE, STOP_VARIABLE
from tests.support.commands import flask
from tests.support.in_process import LocalUser
from tests.support.postgres import run_sql
from tests.support.waiting import wait_until

USERS = 30
# The node of each user, by the shard of the user's tasks.
NODE_OF = """
    SELECT nodename || ':' || nodeport
    FROM pg_dist_shard_placement WHERE shardid = get_shard_id_for_distribution_column('tasks', %s)
"""
ON_EACH_SHARD = "SELECT success, result FROM run_command_on_shards('tasks', 'SELECT count(*) FROM %s')"


@pytest.fixture(scope="module")
def citus_app(make_app, citus_url):
    return make_app(DATABASE_URL=citus_url, REQUEST_TIMEOUT=5)


@pytest.fixture(scope="module")
def users(citus_app, secret):
    """So many users that each node has some, each with one task."""
    users = [LocalUser(citus_app, secret) for _ in range(USERS)]
    for user in users:
        response = user.write(title=user.user_id)
        assert response.status_code == 201
        user.task = response.json["data"]
    return users


def nodes_of(url, users):
    return {user: run_sql(url, NODE_OF, [user.user_id])[0][0] for user in users}


def titles(user):
    return [task["title"] for task in user.read().json["data"]]


def test_tables_are_distributed_over_several_nodes(citus_app, citus_url, users):
    with citus_app.app_context():
        assert uses_citus()
        assert read_state() == (False, [], True)
    assert len(set(nodes_of(citus_url, users).values())) >= 2


def test_each_user_sees_the_own_task_on_each_node(users):
    assert [titles(user) for user in users] == [[user.user_id] for user in users]


def test_second_layer_holds_for_reads_of_all_shards(citus_app, users):
    with citus_app.app_context():
        for user in users:
            assert execute(select(Task.title), {}, user_id=user.user_id) == [(user.user_id,)]
            assert execute(select(func.count()).select_from(Task), {}, user_id=user.user_id) == [(1,)]
        assert execute(select(Task.title), {}, user_id="") == []


def test_second_layer_holds_for_writes_of_all_shards(citus_app, users):
    writer, *others = users
    with citus_app.app_context():
        execute(update(Task.__table__).values(description="changed").returning(Task.id), {}, user_id=writer.user_id)
        assert execute(select(Task.description), {}, user_id=writer.user_id) == [("changed",)]
        (deleted,) = execute(delete(Task.__table__).returning(Task.user_id), {}, user_id=writer.user_id)
    assert deleted == (writer.user_id,)
    for user in others:
        (task,) = user.read().json["data"]
        assert task == user.task
    assert writer.write(title=writer.user_id).status_code == 201


def test_first_layer_holds_on_each_node(users):
    """Nobody may name another user in a path. The id of a task of another one is not found."""
    first, second = users[:2]
    path = f"/{second.read().json['data'][0]['id']}"
    assert first.send("GET", path).status_code == 404
    assert first.send("DELETE", path).status_code == 404


@pytest.mark.usefixtures("users")
def test_no_shard_shows_a_row_to_the_acting_role_without_a_user(citus_url):
    """On each node, in a session of the role itself."""
    as_superuser = run_sql(citus_url, ON_EACH_SHARD)
    assert sum(int(count) for _, count in as_superuser) >= USERS
    as_role = run_sql(citus_url, f"SET ROLE {prefix.ACTING_ROLE}; {ON_EACH_SHARD}")
    assert len(as_role) == len(as_superuser)
    assert set(as_role) == {(True, "0")}


def test_without_the_text_nothing_is_seen_and_the_service_is_not_ready(citus_app, secret, users, monkeypatch):
    user = LocalUser(citus_app, secret, users[0].user_id)
    assert user.ready() == "ok"
    monkeypatch.setattr(prefix, "FORWARD", "DO $$BEGIN ")
    assert titles(user) == []
    (problem,) = user.ready()["read_and_write"]
    assert problem.startswith("A node of the cluster does not get the acting user")


def test_flask_shard_finds_all_steps_done(citus_url):
    printed = flask("shard", MIGRATION_DATABASE_URL=citus_url, DATABASE_URL=citus_url, JWT_SECRET="x" * 32).stdout
    assert [line for line in printed.splitlines() if not line.startswith("--")] == []


@pytest.fixture
def stopped_node(users):
    """One worker is stopped during the test."""
    if not (os.environ.get(STOP_VARIABLE) and os.environ.get(START_VARIABLE)):
        pytest.skip(f"{STOP_VARIABLE} and {START_VARIABLE} are not set")
    subprocess.run(shlex.split(os.environ[STOP_VARIABLE]), check=True)
    try:
        yield
    finally:
        subprocess.run(shlex.split(os.environ[START_VARIABLE]), check=True)
        wait_until(lambda: all(user.read().status_code == 200 for user in users), "the node does not come back", 60)


@pytest.mark.usefixtures("stopped_node")
def test_dead_node_stops_its_own_users_only(citus_app, citus_url, users):
    nodes = nodes_of(citus_url, users)
    status = {
        user: {user.read().status_code, user.write().status_code, user.write("key").status_code} for user in users
    }
    dead = {nodes[user] for user, found in status.items() if found == {503}}
    assert len(dead) == 1
    assert {user for user, found in status.items() if found != {503}} == {
        user for user in users if nodes[user] not in dead
    }
    assert all(found == {200, 201} for user, found in status.items() if nodes[user] not in dead)
    assert not citus_app.extensions["database"].breaker.is_open
    assert [users[0].ready() for _ in range(5)] == ["ok"] * 5
