"""Query plans of the statements on reminders, with 100,000 tasks, as the roles that run them."""

import pytest

from taskapp.db.message import compile_statement
from taskapp.db.prefix import ACTING_ROLE, ACTING_USER, COURIER_ROLE
from taskapp.tasks.reminders import queries
from tests.support.postgres import connect, run_sql

pytestmark = pytest.mark.slow

INDEX = "ix_tasks_remind_at_user_id"
USER, TASKS, DUE = "user-7", 100_000, 20
# One user has half of the tasks. Half of all have a reminder, nearly all of which are over, completed or far away.
FILL = """
INSERT INTO tasks (user_id, title, completed, completed_at, reminder, remind_at, reminded_at)
SELECT 'user-' || CASE WHEN n %% 4 < 2 THEN 7 ELSE n %% 100 END, 'title', n %% 3 = 0,
       CASE WHEN n %% 3 = 0 THEN now() END,
       CASE WHEN n %% 2 = 0 THEN '{"at": "2026-01-01T00:00:00.000000Z"}'::jsonb END,
       CASE WHEN n %% 2 = 0 THEN now() + CASE WHEN n %% 5 = 0 THEN interval '1 year' ELSE interval '-1 year' END END,
       CASE WHEN n %% 2 = 0 AND n %% 5 > 0 THEN now() END
FROM generate_series(1, %(tasks)s) n;
INSERT INTO tasks (user_id, title, reminder, remind_at)
SELECT 'user-' || n %% 10, 'due', '{"at": "2026-01-01T00:00:00.000000Z"}', now() - n * interval '1 minute'
FROM generate_series(1, %(due)s * 10) n
"""


@pytest.fixture(scope="module", params=[True, False], ids=["with statistics", "without statistics"])
def filled(request, new_database):
    url = new_database()
    run_sql(url, "ALTER TABLE tasks SET (autovacuum_enabled = off)")
    run_sql(url, FILL, {"tasks": TASKS, "due": DUE})
    if request.param:
        run_sql(url, "VACUUM ANALYZE tasks")
    return url


def nodes(plan):
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def explain(url, role, statement, user="", **values):
    """The nodes of the plan of a statement, which runs and is rolled back, and the blocks that it read."""
    text, fixed, *_ = compile_statement(statement)
    with connect(url) as connection, connection.cursor() as cursor:
        connection.autocommit = False
        cursor.execute(f"SET LOCAL ROLE {role}; SELECT set_config('app.user_id', %s, true)", [user])
        *settings, query = text.split(";\n")
        cursor.execute("".join(f"{setting};" for setting in settings) or "SELECT")
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}", {**fixed, ACTING_USER.key: user, **values})
        plan = cursor.fetchone()[0][0]["Plan"]
        connection.rollback()
    connection.close()
    return list(nodes(plan))


def scans(plan):
    """How the plan reads tasks, and how many rows it touches."""
    found = [node for node in plan if node.get("Relation Name") == "tasks" and "Scan" in node["Node Type"]]
    rows = sum((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] for node in found)
    return {node.get("Index Name") for node in plan if "Index Name" in node}, rows


def test_next_reminder_is_the_first_entry_of_the_index(filled):
    indexes, rows = scans(explain(filled, COURIER_ROLE, queries.SECONDS_LEFT))
    assert (indexes, rows) == ({INDEX}, 1)


def test_users_are_found_by_what_is_due(filled):
    plan = explain(filled, COURIER_ROLE, queries.USERS_WITH_DUE_REMINDERS, after="", page_size=100)
    indexes, rows = scans(plan)
    assert indexes == {INDEX}
    assert rows <= DUE * 10


def test_user_is_reminded_without_reading_other_tasks(filled):
    plan = explain(filled, ACTING_ROLE, queries.REMIND, USER, most=100)
    indexes, rows = scans(plan)
    assert INDEX in indexes
    assert "Seq Scan" not in {node["Node Type"] for node in plan}
    assert rows <= DUE * 10 + DUE * 2
