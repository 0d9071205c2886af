"""Query plans of every operation on a log of 200,000 changes, as the service sends them, after ANALYZE.

The log is read by its key only: no sequential scan, no hash join and no merge join. Statistics of a log of one user and
of many users lead to different plans, so both are tried.
"""

from urllib.parse import quote

import pytest

from taskapp.db import execute as execute_module
from tests.support.importing import ndjson
from tests.support.in_process import LocalUser
from tests.support.postgres import run_sql
from tests.support.recurring import MONDAY, recurs

pytestmark = pytest.mark.slow

CHANGES, TASKS = 200_000, 2_000
# Each user has tasks that were changed in turn, the last tenth of which were deleted.
FILL = """
INSERT INTO tasks (user_id, id, title, tags, version, updated_at) OVERRIDING SYSTEM VALUE
SELECT 'user-' || u, u * 10000 + n, 'title', '{home}', %(changes)s - %(tasks)s + n, now()
FROM generate_series(1, %(users)s) u, generate_series(1, %(tasks)s * 9 / 10) n;
INSERT INTO changes (user_id, number, task_id, previous, previous_at, at, before, after)
SELECT 'user-' || u, n, u * 10000 + 1 + (n - 1) %% %(tasks)s, CASE WHEN n > %(tasks)s THEN n - %(tasks)s END,
    CASE WHEN n > %(tasks)s THEN now() - interval '1 day' END, now() - interval '1 hour' + n * interval '1 ms',
    CASE WHEN n > %(changes)s - %(tasks)s / 10 THEN full_image WHEN n > %(tasks)s THEN '{"title": "old"}' END,
    CASE WHEN n > %(changes)s - %(tasks)s / 10 THEN NULL WHEN n <= %(tasks)s THEN full_image
        ELSE '{"title": "title"}' END
FROM generate_series(1, %(users)s) u, generate_series(1, %(changes)s) n, LATERAL (
    SELECT to_jsonb(t) - '{user_id,id,version,updated_at}'::text[] AS full_image FROM tasks t LIMIT 1) image
"""


@pytest.fixture(scope="module", params=[1, 200], ids=["one user", "200 users"])
def filled(request, new_database):
    url = new_database()
    users = request.param
    run_sql(url, FILL, {"users": users, "changes": CHANGES // users, "tasks": max(TASKS // users, 20)})
    run_sql(url, "VACUUM ANALYZE tasks, changes")
    return url


@pytest.fixture(scope="module")
def user(filled, make_app, via_pooler, secret):
    return LocalUser(make_app(DATABASE_URL=via_pooler(filled), THREADS=1), secret, "user-1")


@pytest.fixture
def points(filled):
    """The number of the user's newest change, that of a recent one, and its time."""
    ((newest,),) = run_sql(filled, "SELECT max(number) FROM changes WHERE user_id = 'user-1'")
    ((at,),) = run_sql(filled, "SELECT at FROM changes WHERE user_id = 'user-1' AND number = %s", [newest - 20])
    return {"newest": newest, "recent": newest - 20, "time": quote(at.isoformat())}


def create_recurring(user):
    """Create a pending, a completed and a late task that recur, and return their ids."""
    ids = {}
    for name, day in {"recurring": MONDAY, "completed": MONDAY, "late": "2020-01-01"}.items():
        ids[name] = user.send("POST", json={"title": "x", **recurs("FREQ=DAILY", day)}).json["data"]["id"]
    user.send("PATCH", f"/{ids['completed']}/complete", json={"completed": True})
    return ids


@pytest.fixture
def sent(monkeypatch):
    """The messages that are sent, each as its text and its values."""
    messages, send = [], execute_module._execute_on

    def record(connection, message, *rest):
        messages.append(message)
        return send(connection, message, *rest)

    monkeypatch.setattr(execute_module, "_execute_on", record)
    return messages


def nodes(plan):
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def sides(join):
    """The nodes that read the sides of a join. Below a nested loop or a limit, rows are looked up one by one."""
    for child in join.get("Plans", []):
        yield child
        if child["Node Type"] not in {"Nested Loop", "Limit"}:
            yield from sides(child)


def is_scan(node):
    """Whether a node reads the log. A bitmap heap scan reads what the scan of an index below it has found."""
    return node.get("Relation Name") == "changes" and "Scan" in node["Node Type"].replace("Bitmap Heap Scan", "")


def index_of(node):
    """The index that a scan uses, or None."""
    (bitmap,) = node["Plans"] if node["Node Type"] == "Bitmap Heap Scan" else (node,)
    return bitmap.get("Index Name")


def explain(url, message):
    """The nodes of the plan of a message's statement, in the transaction that its prefix sets up."""
    before, statement = message.text.rsplit(";\n", 1)
    explained = f"{before};\nEXPLAIN (FORMAT JSON) {statement}"
    ((plan,),) = run_sql(url, explained, {**message.values, "statement_timeout": "9000", "lock_timeout": "9000"})
    return list(nodes(plan[0]["Plan"]))


LISTED = [
    {"op": "create", "title": "x", "tags": ["a"]},
    {"op": "update", "id": 10_010, "title": "x", "due_date": "2026-12-24", "add_tags": ["a"]},
    {"op": "complete", "id": 10_011, "completed": True},
    {"op": "delete", "id": 10_012},
]
FILE = {
    "data": ndjson(*({"title": f"t{n}", **recurs("FREQ=DAILY")} for n in range(9))),
    "headers": {"Content-Type": "application/x-ndjson"},
}
MATCHING = {"filter": {"tags_any": ["home"], "due": "none"}, "max_affected": 1000}

# Those on tasks that recur: see create_recurring.
RECURRING = {
    "complete a task that recurs": ("PATCH", "tasks", "/{recurring}/complete", {"json": {"completed": True}}),
    "reopen a task that recurs": ("PATCH", "tasks", "/{completed}/complete", {"json": {"completed": False}}),
    "complete with a key": ("PATCH", "tasks", "/{recurring}/complete", {"key": "complete"}),
    "complete after years": ("PUT", "tasks", "/{late}", {"json": {"completed": True}}),
}

# Each operation on the log: a method, a resource, a path and options. ``{}`` is a task with many changes.
OPERATIONS = {
    **RECURRING,
    "create": ("POST", "tasks", "", {"json": {"title": "x", "completed": True}}),
    "create with a key": ("POST", "tasks", "", {"json": {"title": "x"}, "key": "key"}),
    "update": ("PUT", "tasks", "/{}", {"json": {"title": "x", "due_date": "2026-12-24"}}),
    "update with a key": ("PUT", "tasks", "/{}", {"json": {"title": "x"}, "key": "key"}),
    "toggle": ("PATCH", "tasks", "/{}/complete", {}),
    "rename a tag": ("PATCH", "tags", "?name=home", {"json": {"name": "house"}}),
    "list as of now": ("GET", "tasks", "?as_of=now&limit=50", {}),
    "nothing new": ("GET", "changes", "?after={newest}", {}),
    "something new": ("GET", "changes", "?after={recent}", {}),
    "all changes": ("GET", "changes", "?after=0&limit=1000", {}),
    "list as of a number": ("GET", "tasks", "?as_of={recent}&limit=50", {}),
    "list as of a time": ("GET", "tasks", "?as_of={time}&limit=50&count=true", {}),
    "get a write": ("GET", "changes", "/500", {}),
    "try an undo": ("POST", "changes", "/500/undo?dry_run=true", {}),
    "undo": ("POST", "changes", "/500/undo", {}),
    "undo with a key": ("POST", "changes", "/500/undo", {"key": "key"}),
    "history": ("GET", "tasks", "/{}/history", {}),
    "delete": ("DELETE", "tasks", "/{}", {}),
    "trash": ("GET", "trash", "", {}),
    "restore": ("POST", "tasks", "/{}/restore", {}),
    "bulk": ("POST", "tasks", "/bulk", {"json": {"operations": LISTED}}),
    "bulk with a key": ("POST", "tasks", "/bulk", {"json": {"operations": LISTED[:3]}, "key": "bulk"}),
    "try a bulk": ("POST", "tasks", "/bulk?dry_run=true", {"json": {"operations": LISTED}}),
    "import": ("POST", "tasks", "/import?existing=update", FILE),
    "import with a key": ("POST", "tasks", "/import?existing=refuse", {**FILE, "key": "import"}),
    "try an import": ("POST", "tasks", "/import?dry_run=true", FILE),
    "update by filter": ("POST", "tasks", "/bulk", {"json": {**MATCHING, "op": "update", "title": "x"}}),
    "complete by filter": ("POST", "tasks", "/bulk", {"json": {**MATCHING, "op": "complete", "completed": True}}),
    "try by filter": ("POST", "tasks", "/bulk?dry_run=true", {"json": {**MATCHING, "op": "delete"}}),
    "create a webhook": ("POST", "webhooks", "", {"json": {"url": "https://hooks.example.com/"}}),
    "list webhooks": ("GET", "webhooks", "", {}),
    "replay": ("POST", "webhooks", "/1/replay", {"json": {"after": 5}}),
    "replay of what is gone": ("POST", "webhooks", "/1/replay", {"json": {"after": 0}}),
    "delete by filter": ("POST", "tasks", "/bulk", {"json": {**MATCHING, "op": "delete"}, "key": "filter"}),
}


def assert_reads_by_key(filled, messages):
    plans = [(message.text, explain(filled, message)) for message in messages if "changes" in message.text]
    assert plans
    for text, plan in plans:
        assert {index_of(node) for node in plan if is_scan(node)} <= {"pk_changes", "ix_changes_deleted"}, text
        joins = [node for node in plan if node["Node Type"] in {"Hash Join", "Merge Join"}]
        assert not [node for join in joins for node in sides(join) if is_scan(node)], text


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_reads_the_log_by_its_key(filled, user, points, sent, name):
    method, resource, path, options = OPERATIONS[name]
    tasks = create_recurring(user) if name in RECURRING else {}
    sent.clear()
    response = user.send(method, path.format(10_005, **points, **tasks), resource=resource, **options)
    assert response.status_code < 500
    assert_reads_by_key(filled, sent)


def test_reopening_looks_the_next_occurrence_up(filled, user, sent):
    """By the time of its creation, however many tasks there are."""
    completed = create_recurring(user)["completed"]
    sent.clear()
    user.send("PATCH", f"/{completed}/complete", json={"completed": False})
    plan = explain(filled, sent[0])
    assert not [node for node in plan if node["Node Type"] == "Seq Scan"]
    scans = [node for node in plan if node.get("Relation Name") == "tasks" and "Scan" in node["Node Type"]]
    indexes = {index_of(node) for node in scans}
    assert indexes == {"pk_tasks", "ix_tasks_user_id_created_at_id"}
    conditions = [node.get("Index Cond", "") for node in plan if "created_at" in str(node.get("Index Name"))]
    assert all("created_at" in condition for condition in conditions)


@pytest.mark.parametrize(
    ("task_id", "prefer", "key", "status"),
    [
        (10_006, "merge=disjoint", None, 200),
        (10_007, "merge=disjoint", "merge", 200),
        (10_008, "", None, 412),
        (10_009, "", "conflict", 412),
    ],
)
def test_changes_since_a_version_are_read_by_their_key(filled, user, sent, task_id, prefer, key, status):
    """From the version before the current one, with one change of each other task in between."""
    previous = "SELECT previous FROM changes WHERE user_id = 'user-1' AND task_id = %s ORDER BY number DESC LIMIT 1"
    ((base,),) = run_sql(filled, previous, [task_id])
    headers = {"If-Match": f'"{base}"', "Prefer": prefer}
    response = user.send("PUT", f"/{task_id}", json={"description": "x"}, headers=headers, key=key)
    assert response.status_code == status
    if status == 412:
        assert response.json["error"]["details"]["changed"] in (["title"], ["tags"])
    assert_reads_by_key(filled, sent)


def test_erasure_of_one_of_many_users_reads_by_the_key(filled, make_app, via_pooler, secret, sent):
    user = LocalUser(make_app(DATABASE_URL=via_pooler(filled)), secret, "user-2")
    erased = user.erase().json["data"]["changes"]
    if erased:  # With a single user, there is no other.
        assert_reads_by_key(filled, sent)
