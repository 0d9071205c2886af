"""Migrations from 0011 on also run on distributed tables. Citus refuses several DDL commands in one text.

The earlier ones do not follow the rule. They run before the tables are distributed.
"""

import pytest

from tests.support.commands import downgrade, upgrade
from tests.support.migration_rules import ddl_commands, texts_sent

pytestmark = pytest.mark.slow

LAST_WITHOUT_THE_RULE = "0010"


def test_each_message_of_a_later_migration_has_one_ddl_command(new_database):
    url = new_database(LAST_WITHOUT_THE_RULE)
    with texts_sent() as texts:
        upgrade(url)
        downgrade(url, LAST_WITHOUT_THE_RULE)
    assert texts  # Alembic looks at the revision, if at nothing else.
    assert [text for text in texts if len(ddl_commands(text)) > 1] == []


def test_rule_finds_what_breaks_it(new_database):
    url = new_database("0008")
    with texts_sent() as texts:
        upgrade(url, "0009")
    broken = [commands for text in texts if len(commands := ddl_commands(text)) > 1]
    assert any(command.startswith("CREATE TABLE webhooks") for commands in broken for command in commands)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("ALTER TABLE tasks ADD estimate int", 1),
        ("ALTER TABLE tasks ADD estimate int;", 1),
        ("SET LOCAL lock_timeout = '3s'; ALTER TABLE tasks ADD estimate int", 1),
        ("ALTER TABLE tasks ADD estimate int; GRANT SELECT ON tasks TO a", 2),
        ("create table a (b text DEFAULT ';DROP'); -- ; DROP TABLE c\n comment on table a is 'it''s; DROP'", 2),
        ("CREATE FUNCTION f() RETURNS int AS $$ BEGIN; DROP TABLE a; END $$ LANGUAGE plpgsql", 1),
        ("DO $$ BEGIN CREATE ROLE a; GRANT a TO b; END $$", 0),
        ("UPDATE tasks SET title = 'DROP TABLE a; DROP TABLE b'", 0),
    ],
)
def test_ddl_commands_are_counted(text, count):
    assert len(ddl_commands(text)) == count
