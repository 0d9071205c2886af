"""How latency grows with the number of tasks: of all users, and of one user."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from benchmarks.compare import print_measurement
from benchmarks.contract import Client
from benchmarks.databases import Database, user_name, write_users
from benchmarks.load import Tasks, measure, measure_and_reset, run_wrk
from benchmarks.servers import Server
from benchmarks.services import TASKAPP
from benchmarks.settings import OPERATIONS, WORK, Settings
from taskapp.db.embedded import EmbeddedPostgres
from tests.support.postgres import postmaster, run_sql

# At most one per thread, so that requests do not wait for a thread.
CONNECTIONS = 8
TASKS_PER_USER = 1000
PAGE = 10
DEEP_PAGE = 1000
LIST_QUERY = "?limit=50"
# The first page with all fields of the tasks, and with those that a list on a screen shows.
FIRST_PAGES = {"first page": f"?limit={PAGE}", "few fields": f"?limit={PAGE}&fields=title,completed,due_date"}


@contextlib.contextmanager
def _without_indexes(database: Database) -> Iterator[None]:
    """Drop the indexes while rows are loaded and create them afterwards, as pg_restore does. This is much faster."""
    table = database.service.table
    keys = run_sql(
        database.url,
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'p'",
        (table,),
    )
    for name, _ in keys:
        run_sql(database.url, f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    indexes = run_sql(database.url, "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s", (table,))
    for name, _ in indexes:
        run_sql(database.url, f"DROP INDEX {name}")
    yield
    for name, definition in keys:
        run_sql(database.url, f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
    for _, definition in indexes:
        run_sql(database.url, definition)


def _table_bytes(database: Database) -> int:
    """Return the size of a table with its indexes in bytes."""
    return run_sql(database.url, "SELECT pg_total_relation_size(%s::regclass)", (database.service.table,))[0][0]


def measure_table_sizes(postgres: EmbeddedPostgres, settings: Settings) -> dict[str, Any]:
    """Measure the operations of one user in tables of different sizes, in turn."""
    with contextlib.ExitStack() as stack:
        fields, loads = {}, []
        for size in settings.table_sizes:
            started = time.monotonic()
            database = Database(postgres, TASKAPP, f"growth_{size}")
            with _without_indexes(database):
                database.fill(size // TASKS_PER_USER, TASKS_PER_USER)
            database.settle()
            loads.append({"tasks": size, "seconds": time.monotonic() - started, "bytes": _table_bytes(database)})
            print(
                f"{size} tasks created in {loads[-1]['seconds']:.0f} s, {loads[-1]['bytes'] / 1e6:.0f} MB", flush=True
            )
            fields[size] = database, stack.enter_context(Server(TASKAPP, database.url))
        run_sql(postgres.url, "CHECKPOINT")  # Write loaded rows now, not during a measurement.
        how = {"connections": CONNECTIONS, "seconds": settings.seconds, "postgres": postmaster(postgres)}
        measurements = []
        for number in range(settings.rounds):
            for operation in OPERATIONS:
                for size, (database, server) in fields.items():
                    result = _measure_one_user(database, server, operation, size, **how)
                    measurements.append({"tasks": size, "round": number + 1, "operation": operation, **result})
                    print_measurement({"service": str(size), "operation": operation, **result})
    return {"loads": loads, "measurements": measurements}


def _measure_one_user(database: Database, server: Server, operation: str, size: int, **how: int) -> dict[str, Any]:
    """Measure an operation of the middle user, whose tasks are spread over the whole table."""
    users = size // TASKS_PER_USER
    number = (users + 1) // 2
    user_id = user_name(number)
    tasks = Tasks(write_users(WORK / f"user-{size}", [user_id]), range(number, size + 1, users))
    if operation == "list":
        tasks = replace(tasks, query=LIST_QUERY)
    run_wrk(server.port, "get", CONNECTIONS, 1, tasks)
    to_delete = partial(database.add_tasks_to_delete_of, user_id)
    return measure_and_reset(server, database, operation, tasks, to_delete=to_delete, **how)


def measure_user_sizes(postgres: EmbeddedPostgres, settings: Settings) -> list[dict[str, Any]]:
    """Measure reads of users with different numbers of tasks: one task, the first page of the list, and a deep page.

    The first page is read with all fields and with few of them.
    """
    database = Database(postgres, TASKAPP, "growth_users")
    database.fill(100, TASKS_PER_USER)
    users = {f"has-{size}": database.fill_one(f"has-{size}", size) for size in settings.user_sizes}
    how = {"connections": CONNECTIONS, "seconds": settings.seconds, "postgres": postmaster(postgres)}
    measurements = []
    with Server(TASKAPP, database.url) as server:
        deep = {user_id: _deep_page(server, user_id) for user_id in users}
        for number in range(settings.rounds):
            for act in ("get", *FIRST_PAGES, "deep page"):
                for user_id, ids in users.items():
                    page, query = deep[user_id] if act == "deep page" else (1, FIRST_PAGES.get(act, ""))
                    if act == "deep page" and page == 1:
                        continue
                    tasks = Tasks(write_users(WORK / user_id, [user_id]), ids, query)
                    operation = "get" if act == "get" else "list"
                    result = measure(server, operation, tasks, **how)
                    result |= {"tasks": len(ids), "operation": act, "page": page, "round": number + 1}
                    measurements.append(result)
                    print_measurement({**result, "service": user_id})
    return measurements


def _deep_page(server: Server, user_id: str) -> tuple[int, str]:
    """Go to page 1,000 of a user, or to the last page, and return its number and its query."""
    number, query = 1, f"?limit={PAGE}"
    with Client(server.port, user_id) as client:
        while number < DEEP_PAGE:
            cursor = client.expect(200, "GET", query)["pagination"]["next_cursor"]
            if cursor is None:
                break
            number, query = number + 1, f"?limit={PAGE}&cursor={cursor}"
    return number, query
