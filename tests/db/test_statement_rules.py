"""Every statement is one that Citus accepts, and keeps the writes of a user on one node. Citus is not needed for this.

The rules, of which Citus 13 with PostgreSQL 15 was tried by hand with an earlier version of these statements:

- Each use of a distributed table has the condition ``user_id = <the acting user>``, in the WHERE of its own block or in
  the condition of its own join, and not within an OR. A join by ``user_id`` with a table that has it does not count.
  So no row of another node can be read or locked: FOR UPDATE without the condition is refused.
- Each part that writes, except the statement itself, has a RETURNING. Citus would otherwise copy the rows of an INSERT
  … SELECT, which is refused with row-level security.
- If several parts write, each part uses a distributed table, at any depth. So does each side of a UNION that is a part.
  Otherwise, Citus runs the write on all nodes with a two-phase commit, and a dead node stops the writes of all users.
- No write has WITH RECURSIVE, and none sets ``user_id``.

A distributed table is one with a ``user_id``. See ``tests/support/statement_rules.py`` for parts and blocks, and
:mod:`taskapp.db.one_node` for the condition of parts that use no table on PostgreSQL.
"""

import importlib
import pkgutil
from collections.abc import Mapping

import pytest
from sqlalchemy import Executable
from sqlalchemy.sql.functions import FunctionElement

import taskapp
from taskapp.db import message
from taskapp.db.one_node import TRUE, keep_on_one_node
from taskapp.tasks.users.tables import USER_TABLES
from tests.support.statement_rules import (
    ANY_NODE,
    NO_RETURNING,
    RECURSION,
    SETS_USER,
    TABLES,
    UNNAMED,
    broken_rules,
    parse,
)
from tests.tasks.test_queries import ARGUMENTS, every_statement

# The statements that may break rules, and which. None of them is a request of a user.
EXCEPTIONS = {
    # What is due, of all users, for the process that delivers. These reads ask all nodes.
    "taskapp.tasks.reminders.queries.SECONDS_LEFT": {UNNAMED},
    "taskapp.tasks.reminders.queries.USERS_WITH_DUE_REMINDERS": {UNNAMED},
    "taskapp.tasks.webhooks.delivery.courier.COUNT": {UNNAMED},
    "taskapp.tasks.webhooks.delivery.courier.LOOK": {UNNAMED},
    # The readiness check. It writes no row, and has no user.
    "taskapp.server.health._READ_AND_WRITE": {UNNAMED},
    # It names a table with a user as text, because the database may lack the table.
    "taskapp.db.cluster._PROBE": {UNNAMED},
    # Maintenance by the owner of the tables. The purge of keys writes on all nodes, with a two-phase commit. Citus
    # refuses the purge of changes for its recursion. Their restart is several commands in a message, and was not tried.
    "taskapp.db.idempotency._EXPIRED": {UNNAMED},
    "taskapp.db.idempotency._PURGE": {UNNAMED},
    "taskapp.tasks.changes.retention._PURGE": {UNNAMED, ANY_NODE, RECURSION},
    "taskapp.tasks.changes.retention._RESTART": {UNNAMED},
}


def statements_of(value):
    values = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else [value]
    return [each for each in values if isinstance(each, Executable) and not isinstance(each, FunctionElement)]


def statements_in_modules():
    """All statements that modules of the service hold by a name, or in a collection with a name."""
    for found in pkgutil.walk_packages(taskapp.__path__, "taskapp."):
        for name, value in vars(importlib.import_module(found.name)).items():
            yield from ((f"{found.name}.{name}", each) for each in statements_of(value))


def one_of_each():
    """From each function that makes statements, the largest that it makes: with a key, without one, and as a try."""
    for make, arguments in ARGUMENTS.items():
        largest = {name: list(values)[-1] for name, values in arguments.items()}
        for flags in ({"dry_run": False, "keyed": True}, {"dry_run": False, "keyed": False}, {"dry_run": True}):
            values = {**largest, **{name: value for name, value in flags.items() if name in arguments}}
            yield f"{make.__name__}({values})", make(**values)


def broken_by(text):
    """The rules that a text breaks on Citus, each with its parts."""
    broken = {}
    for statement in parse(keep_on_one_node(text)):
        for rule, part in broken_rules(statement):
            broken.setdefault(rule, []).append(part)
    return broken


def assert_rules_hold(statements):
    count = 0
    for name, statement in statements:
        broken = broken_by(message.compile_statement(statement).text)
        assert broken.keys() == EXCEPTIONS.get(name, set()), (name, broken)
        count += 1
    return count


def test_tables_are_those_with_a_user():
    assert {table.model.__tablename__ for table in USER_TABLES.values()} == TABLES


def test_statements_of_modules_keep_the_rules():
    """All of them, so that a new one is found wherever it is, and no exception is left over."""
    statements = list(statements_in_modules())
    assert EXCEPTIONS.keys() <= {name for name, _ in statements}
    assert assert_rules_hold(statements) > 30


def test_largest_statements_keep_the_rules():
    assert assert_rules_hold(one_of_each()) > 30


@pytest.mark.slow
def test_every_statement_keeps_the_rules():
    held = {id(statement) for name, statement in statements_in_modules() if name in EXCEPTIONS}
    assert assert_rules_hold(each for each in every_statement() if id(each[1]) not in held) > 500


USER = "user_id = %(acting_user)s"
LOGGED = f"INSERT INTO changes (user_id) SELECT tasks.user_id FROM tasks WHERE tasks.{USER} RETURNING 1"
UPDATED = f"UPDATE tasks SET title = '' WHERE tasks.{USER}"
DONE = f"WITH done AS ({UPDATED} RETURNING id)"
# What keyed writes were: the result is stored from a part, without RETURNING.
KEYED = (
    f"WITH written AS ({UPDATED} RETURNING tasks.user_id, id), kept AS"
    " (INSERT INTO idempotency_keys (user_id, key) SELECT user_id, %(key)s FROM written) SELECT id FROM written"
)


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("SELECT id FROM tasks", {UNNAMED: [""]}),
        ("SELECT id FROM tasks FOR UPDATE", {UNNAMED: [""]}),
        ("SELECT id FROM tasks WHERE user_id = %(user_id)s", {UNNAMED: [""]}),
        (f"SELECT id FROM tasks WHERE tasks.{USER} OR completed", {UNNAMED: [""]}),
        ("SELECT id FROM tasks WHERE tasks.user_id <> %(acting_user)s", {UNNAMED: [""]}),
        (f"SELECT 1 FROM tasks JOIN changes ON changes.user_id = tasks.user_id WHERE tasks.{USER}", {UNNAMED: [""]}),
        (f"SELECT 1 FROM tasks AS a, tasks AS b WHERE a.{USER}", {UNNAMED: [""]}),
        (f"SELECT (SELECT max(number) FROM changes) FROM tasks WHERE tasks.{USER}", {UNNAMED: [""]}),
        (f"SELECT 1 FROM tasks WHERE tasks.{USER} UNION ALL SELECT 1 FROM tasks", {UNNAMED: [""]}),
        ("UPDATE tasks SET title = ''", {UNNAMED: [""]}),
        ("DELETE FROM tasks USING calendars WHERE calendars.user_id = %(acting_user)s", {UNNAMED: [""]}),
        (f"WITH one AS (SELECT id FROM tasks) SELECT id FROM one WHERE {TRUE}", {UNNAMED: ["one"]}),
        (f"UPDATE tasks SET user_id = 'x' WHERE tasks.{USER}", {SETS_USER: [""]}),
        (
            "INSERT INTO tasks (user_id) VALUES (%(acting_user)s) ON CONFLICT (user_id, id) DO UPDATE SET user_id = ''",
            {SETS_USER: [""]},
        ),
        (f"WITH done AS ({UPDATED}) SELECT 1", {NO_RETURNING: ["done"]}),
        (f"WITH RECURSIVE n AS (SELECT 1 UNION ALL SELECT 1 FROM n) {UPDATED}", {RECURSION: [""]}),
        (f"WITH logged AS ({LOGGED}), done AS ({UPDATED} RETURNING 1) SELECT 1 FROM done", {ANY_NODE: [""]}),
        (f"WITH logged AS ({LOGGED}), n AS (SELECT 1 FROM logged) {UPDATED}", {ANY_NODE: ["n"]}),
        (
            f"{DONE} INSERT INTO changes SELECT id FROM done WHERE {TRUE} UNION ALL SELECT id FROM done",
            {ANY_NODE: [""]},
        ),
        (KEYED, {ANY_NODE: ["", "kept"], NO_RETURNING: ["kept"]}),
    ],
)
def test_broken_rule_is_found(text, broken):
    assert {rule: sorted(parts) for rule, parts in broken_by(text).items()} == broken


@pytest.mark.parametrize(
    "text",
    [
        f"SELECT id FROM tasks WHERE id = 1 AND (completed AND tasks.{USER}) FOR UPDATE",
        f"SELECT 1 FROM tasks AS a LEFT JOIN tasks AS b ON b.{USER} AND b.id > a.id WHERE a.{USER}",
        "INSERT INTO tasks (user_id) VALUES (%(acting_user)s)",
        f"{DONE} SELECT id FROM done",
        f"WITH logged AS ({LOGGED}) {UPDATED}",
        f"WITH logged AS ({LOGGED}), done AS ({UPDATED} RETURNING 1) SELECT 1 FROM done WHERE {TRUE}",
        "WITH RECURSIVE n AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT 1 FROM n",
    ],
)
def test_statement_that_keeps_the_rules_is_allowed(text):
    assert broken_by(text) == {}
