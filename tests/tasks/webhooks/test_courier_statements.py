"""The statements that cross users name no user, and run as the courier. All others of a delivery name the user."""

import re

from sqlalchemy import Executable

from taskapp.db.message import compile_statement
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.webhooks.delivery import courier, queries
from tests.tasks.test_queries import CONDITION, USE

# What the role may read of each table.
READABLE = {"webhooks": {"user_id", "id", "number", "due_at", "enabled"}, "changes": {"user_id", "number"}}


def statements_of(module):
    return {name: value for name, value in vars(module).items() if isinstance(value, Executable) and name.isupper()}


def test_courier_statements_use_nothing_but_what_the_courier_may_see():
    statements = statements_of(courier)
    assert statements.keys() == {"LOOK", "COUNT"}
    for statement in statements.values():
        text = compile_statement(statement).text
        assert ACTING_USER.key not in text
        for table, column in re.findall(r"\b(webhooks|changes)\.(\w+)", text):
            assert column in READABLE[table]
        assert not re.search(r"\b(INSERT|UPDATE|DELETE|FOR)\b", text)


def test_courier_statements_have_no_limit_in_a_subquery_of_each_row():
    """Citus refuses it."""
    for statement in statements_of(courier).values():
        text = compile_statement(statement).text
        (subquery,) = re.findall(r"EXISTS \(SELECT[^()]*changes[^()]*\)", text)
        assert "LIMIT" not in subquery
        assert f"({subquery}) IS true" in text, text


def test_statements_of_a_delivery_name_the_user_and_the_lease():
    statements = statements_of(queries)
    assert statements.keys() == {"BEGIN", "RECORD_SUCCESS", "RECORD_FAILURE", "RELEASE"}
    for statement in statements.values():
        text = compile_statement(statement).text
        uses = [alias or table for table, alias in USE.findall(text)]
        assert sorted(CONDITION.findall(text)) == sorted(uses)
        assert text.count("webhooks.due_at = %(lease)s") == uses.count("webhooks") > 0
