"""Query plans of writes of many tasks: tasks that a request names are looked up by their keys, whatever the statistics.

The service sends no statement twice in the same form, so each is planned with the statistics as they are.
"""

import pytest

from tests.support.in_process import LocalUser
from tests.support.postgres import run_sql
from tests.tasks.changes.test_plans import explain, sent  # noqa: F401 # A fixture.

pytestmark = pytest.mark.slow

TASKS, USER = 100_000, "user-1"
SETTINGS = "ALTER TABLE tasks SET (autovacuum_enabled = off); ALTER TABLE changes SET (autovacuum_enabled = off)"
STRANGERS = """
INSERT INTO tasks (user_id, title) SELECT 'stranger-' || n, 'title' FROM generate_series(1, 20000) n;
ANALYZE tasks, changes
"""
FILL = """
INSERT INTO tasks (user_id, id, title, tags, version) OVERRIDING SYSTEM VALUE
SELECT %(user)s, n, 'title', '{home}', n FROM generate_series(1, %(tasks)s) n;
UPDATE tasks SET priority = 1 WHERE id BETWEEN 3001 AND 3900;
SELECT setval(pg_get_serial_sequence('tasks', 'id'), %(tasks)s + 20000);
INSERT INTO changes (user_id, number, operation, task_id, at, before, after)
SELECT %(user)s, n, CASE WHEN n <= 1000 THEN 1 END, n, now(), '{"title": "old"}', '{"title": "title"}'
FROM generate_series(1, %(tasks)s) n
"""
STATISTICS = {"none": [FILL], "older": [STRANGERS, FILL], "of one user": [FILL, "ANALYZE tasks, changes"]}
CREATE = [{"op": "create", "title": "x", "uid": f"0b9e6f0e-6c0e-4b57-9d0a-{n:012}"} for n in range(100)]
UPDATE = [{"op": "update", "id": n, "title": "x", "add_tags": ["a"]} for n in range(2001, 2101)]
COMPLETE = [{"op": "complete", "id": n, "completed": True} for n in range(2201, 2301)]
DELETE = [{"op": "delete", "id": n} for n in range(2401, 2501)]
OPERATIONS = {
    "create": ("tasks", "/bulk", {"operations": CREATE}, None),
    "update": ("tasks", "/bulk", {"operations": UPDATE}, None),
    "delete": ("tasks", "/bulk", {"operations": DELETE}, None),
    "try": ("tasks", "/bulk?dry_run=true", {"operations": [*UPDATE, *COMPLETE]}, None),
    "mixed, with a key": (
        "tasks",
        "/bulk",
        {"operations": [{"op": "create", "title": "x"}, *UPDATE, *COMPLETE]},
        "key",
    ),
    "undo": ("changes", "/1/undo", None, None),
}
MATCHING = {"filter": {"status": "pending", "priority": ["high"]}, "max_affected": 1000}


@pytest.fixture(scope="module", params=STATISTICS)
def filled(request, new_database):
    url = new_database()
    for statement in (SETTINGS, *STATISTICS[request.param]):
        run_sql(url, statement, {"user": USER, "tasks": TASKS})
    return url


@pytest.fixture(scope="module")
def user(filled, make_app, via_pooler, secret):
    return LocalUser(make_app(DATABASE_URL=via_pooler(filled), THREADS=1), secret, USER)


def scans_of_tasks(plan):
    """Whether each scan of tasks looks up those with given ids or uids, or reads only those that recur."""
    return [
        any(f"({key} = " in node.get("Index Cond", "") for key in ("id", "uid"))
        or "recurrence IS NOT NULL" in node.get("Recheck Cond", "")
        or node.get("Index Name") == "uq_tasks_user_id_occurrence"
        for node in plan
        if node.get("Relation Name") == "tasks" and "Scan" in node["Node Type"]
    ]


def assert_reads_each_once(plan):
    """No join reads one of its sides for each row of the other, unless that is a single row or a lookup."""
    for join in (node for node in plan if node["Node Type"] == "Nested Loop"):
        inner = join["Plans"][-1]
        assert inner["Node Type"] != "CTE Scan" or inner["Alias"].startswith("plan") or "Join Filter" not in join, join


def is_known(request):
    """Whether PostgreSQL knows how many tasks the user has. Otherwise any index seems as good as another."""
    return "older" not in request.node.callspec.id


@pytest.mark.parametrize("name", OPERATIONS)
def test_named_tasks_are_looked_up(request, filled, user, sent, name):  # noqa: F811 # The fixture.
    resource, path, body, key = OPERATIONS[name]
    response = user.send("POST", path, resource=resource, json=body, key=key)
    assert response.status_code == 200, response.json
    plan = explain(filled, sent[-1])
    assert_reads_each_once(plan)
    assert all(scans_of_tasks(plan)) or not is_known(request)


@pytest.mark.parametrize("operation", [{"op": "update", "title": "x"}, {"op": "delete"}], ids=["update", "delete"])
def test_tasks_that_match_are_looked_up_to_be_written(request, filled, user, sent, operation):  # noqa: F811 # As above.
    assert user.send("POST", "/bulk", json={**MATCHING, **operation}).status_code == 200
    plan = explain(filled, sent[-1])
    assert_reads_each_once(plan)
    assert scans_of_tasks(plan).count(False) == 1 or not is_known(request)
