"""The bytes that each kind of row takes in a database, with its indexes, measured with tasks that the service wrote."""

import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import URL

from benchmarks.contract import CHANGES, TASK
from benchmarks.services import SECRET, TASKAPP
from benchmarks.settings import ROOT
from taskapp.db.embedded import EmbeddedPostgres
from tests.support.commands import load_app
from tests.support.in_process import LocalUser
from tests.support.postgres import run_sql
from tests.support.urls import text_url

USERS = 100
# The maximum of one bulk request.
TASKS = 1000
# Users of whose tasks all are updated, completed or deleted.
SOME = 20
KEYS = 2000
WEBHOOKS = 2000
_FILL_WEBHOOKS = """
    INSERT INTO webhooks (user_id, url, secret, number)
    SELECT 'user-' || n, 'https://hooks.example.com/taskapp/' || n, sha256(n::text::bytea), 0
    FROM generate_series(1, %s) n
"""


def measure_sizes(postgres: EmbeddedPostgres) -> dict[str, Any]:
    """Return the bytes for each row of each kind, and what was measured, when."""
    run_sql(postgres.url, "CREATE DATABASE sizes")
    url = postgres.url.set(database="sizes")
    TASKAPP.prepare(url)
    app = load_app(DATABASE_URL=text_url(url), JWT_SECRET=SECRET)
    users = [LocalUser(app, SECRET, f"user-{number:05d}") for number in range(USERS)]
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "taskapp_commit": _commit(),
        "postgresql": run_sql(url, "SHOW server_version")[0][0].split()[0],
        "tasks": USERS * TASKS,
        "bytes": _measure(url, users),
    }


def _measure(url: URL, users: list[LocalUser]) -> dict[str, int]:
    made, changed = USERS * TASKS, SOME * TASKS
    tasks, created = _growth(url, lambda: _create(users), "tasks", "changes")
    first, second, third = (users[start : start + SOME] for start in (0, SOME, 2 * SOME))
    writes = (
        ("update", first, {"op": "update", **CHANGES}),
        ("completion", second, {"op": "complete", "completed": True}),
        ("deletion", third, {"op": "delete"}),
    )
    changes = {kind: _growth(url, partial(_change, some, how), "changes")[0] / changed for kind, some, how in writes}
    keys = _growth(url, lambda: _write_with_keys(users), "idempotency_keys")[0]
    webhooks = _growth(url, lambda: run_sql(url, _FILL_WEBHOOKS, [WEBHOOKS]), "webhooks")[0]
    sizes = {"task": tasks / made, "creation": created / made, **changes}
    sizes |= {"key": keys / KEYS, "webhook": webhooks / WEBHOOKS}
    return {kind: round(size) for kind, size in sizes.items()}


def _create(users: list[LocalUser]) -> None:
    for user in users:
        _bulk(user, [{"op": "create", **TASK}] * TASKS)


def _change(users: list[LocalUser], operation: Mapping[str, Any]) -> None:
    for user in users:
        tasks = user.send("GET", f"?limit={TASKS}").json["data"]
        _bulk(user, [{**operation, "id": task["id"]} for task in tasks])


def _write_with_keys(users: list[LocalUser]) -> None:
    for number in range(KEYS):
        _expect(users[number % USERS].send("POST", key=f"key-{number:032}", json=TASK), 201)


def _growth(url: URL, act: Callable[[], Any], *tables: str) -> list[int]:
    """Return by how many bytes tables and their indexes grow."""
    before = [_size(url, table) for table in tables]
    act()
    return [_size(url, table) - size for table, size in zip(tables, before, strict=True)]


def _size(url: URL, table: str) -> int:
    return int(run_sql(url, "SELECT pg_total_relation_size(%s::regclass)", [table])[0][0])


def _bulk(user: LocalUser, operations: list[dict[str, Any]]) -> None:
    _expect(user.send("POST", "/bulk", json={"operations": operations}), 200)


def _expect(response: Any, status: int) -> None:
    if response.status_code != status:
        raise RuntimeError(f"{response.status}: {response.text}")


def _commit() -> str:
    command = ["git", "describe", "--always"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
