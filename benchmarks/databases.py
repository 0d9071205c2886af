"""One PostgreSQL, configured as in `make run`, with a database per service and the same tasks in each."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
from sqlalchemy import URL

from benchmarks.services import SECRET, Service
from benchmarks.settings import WORK
from taskapp.db.embedded import EmbeddedPostgres
from tests.support.postgres import run_sql

# Enough connections for all services at once. Everything else is PostgreSQL's default, including fsync and
# synchronous_commit (on).
POSTGRES_SETTINGS = {"max_connections": "300"}
READER = "reader"
READER_TASKS = 50
TASKS_PER_USER = 100

# Users create tasks in turn, so the tasks of one user are spread over the whole table.
_FILL = """
    INSERT INTO {table} (uid, user_id, title, description, completed, completed_at, tags, due_date, due_time, time_zone,
        {own_columns}, created_at, updated_at)
    SELECT gen_random_uuid(), {user}, 'Task ' || number,
        'What task ' || number || ' is about, in a sentence of the usual length.',
        number % 3 = 0, CASE WHEN number % 3 = 0 THEN created END, '{{errand,home}}', day, '17:00', 'Europe/Berlin',
        {own_values}, created, created
    FROM generate_series(1, {tasks}) AS number, generate_series(1, {users}) AS u,
        LATERAL (SELECT timestamptz '2026-01-01' + number * interval '1 hour' + u * interval '1 ms' AS created,
            date '2026-01-01' + number % 365 AS day) AS times
    ORDER BY number, u
"""
# user_name(u) in SQL.
_IN_TURN = "'user-' || to_char(u, 'FM00000')"


@contextmanager
def make_postgres() -> Iterator[EmbeddedPostgres]:
    """Start a PostgreSQL in its own folder and stop it on exit."""
    server = EmbeddedPostgres(WORK / "server", settings=POSTGRES_SETTINGS)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def user_name(number: int) -> str:
    """Return the id of the user with a number, starting at 1."""
    return f"user-{number:05d}"


def make_token(user_id: str) -> str:
    """Sign a token that is valid for the whole run."""
    claims = {"sub": user_id, "iat": datetime.now(UTC), "exp": datetime.now(UTC) + timedelta(days=1)}
    return jwt.encode(claims, SECRET, "HS256")


def write_users(path: Path, users: list[str]) -> Path:
    """Write a file of users and their tokens for load.lua."""
    path.write_text("".join(f"{user_id} {make_token(user_id)}\n" for user_id in users))
    return path


class Database:
    """The database of a service with tasks 1 … ``last_id``. Task 1 belongs to user 1, task 2 to user 2, and so on.

    Args:
        server: the server on which it is created.
        service: the service whose tables it has.
        name: the name of the database.
    """

    def __init__(self, server: EmbeddedPostgres, service: Service, name: str) -> None:
        self.service = service
        self.last_id = 0
        run_sql(server.url, f"CREATE DATABASE {name}")
        self.url: URL = server.url.set(database=name)
        service.prepare(self.url)

    def fill(self, users: int, tasks: int) -> None:
        """Create a number of tasks for each of a number of users."""
        self._insert(_IN_TURN, users, tasks)
        self.settle()

    def fill_one(self, user_id: str, tasks: int) -> range:
        """Create tasks for one more user and return their ids."""
        ids = self._insert(f"'{user_id}'", 1, tasks)
        self.settle()
        return ids

    def add_tasks_to_delete(self, users: int, tasks: int) -> range:
        """Create tasks to delete, which the next reset removes, and return their ids."""
        return self._add_until_reset(_IN_TURN, users, tasks)

    def add_tasks_to_delete_of(self, user_id: str, tasks: int) -> range:
        """Create tasks of one user to delete, which the next reset removes, and return their ids."""
        return self._add_until_reset(f"'{user_id}'", 1, tasks)

    def reset(self) -> None:
        """Remove the tasks that requests have added, and vacuum."""
        run_sql(self.url, f"DELETE FROM {self.service.table} WHERE id > {self.last_id}")
        self.settle()

    def settle(self) -> None:
        """Vacuum, so that autovacuum does not start during a measurement."""
        run_sql(self.url, f"VACUUM (ANALYZE) {', '.join(filter(None, (self.service.table, self.service.log)))}")

    def _add_until_reset(self, user: str, users: int, tasks: int) -> range:
        before = self.last_id
        ids = self._insert(user, users, tasks)
        self.last_id = before
        run_sql(self.url, f"ANALYZE {self.service.table}")
        return ids

    def _insert(self, user: str, users: int, tasks: int) -> range:
        table = self.service.table
        run_sql(self.url, f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {self.last_id + 1}, false)")
        own = self.service.own_columns
        columns = {"own_columns": ", ".join(own), "own_values": ", ".join(own.values())}
        run_sql(self.url, _FILL.format(table=table, user=user, users=users, tasks=tasks, **columns))
        first = self.last_id + 1
        self.last_id += users * tasks
        return range(first, self.last_id + 1)
