"""One PostgreSQL for all, set as that of `make run`, with a database for each service and the same tasks in each."""

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

# Room for the connections of all services at once; all else is PostgreSQL's own default, fsync and synchronous_commit
# (on) included.
POSTGRES_SETTINGS = {"max_connections": "300"}
READER = "reader"
READER_TASKS = 50
TASKS_PER_USER = 100

# As tasks come in: a little of everybody's, in turn. So the tasks of one user are all over the table.
_FILL = """
    INSERT INTO {table} (user_id, title, description, completed, created_at, updated_at)
    SELECT {user}, 'Task ' || number, 'What task ' || number || ' is about, in a sentence of the usual length.',
        number % 3 = 0, made, made
    FROM generate_series(1, {tasks}) AS number, generate_series(1, {users}) AS u,
        LATERAL (SELECT timestamptz '2026-01-01' + number * interval '1 hour' + u * interval '1 ms' AS made) AS times
    ORDER BY number, u
"""
# In SQL, the user that user_name(u) names.
_IN_TURN = "'user-' || to_char(u, 'FM00000')"


@contextmanager
def make_postgres() -> Iterator[EmbeddedPostgres]:
    """Start a PostgreSQL in a folder of its own, and stop it at the end."""
    server = EmbeddedPostgres(WORK / "server", settings=POSTGRES_SETTINGS)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def user_name(number: int) -> str:
    """Return the id of a user, by number from 1."""
    return f"user-{number:05d}"


def make_token(user_id: str) -> str:
    """Sign a token that outlives the benchmark."""
    claims = {"sub": user_id, "iat": datetime.now(UTC), "exp": datetime.now(UTC) + timedelta(days=1)}
    return jwt.encode(claims, SECRET, "HS256")


def write_users(path: Path, users: list[str]) -> Path:
    """Write a file of users and their tokens for load.lua."""
    path.write_text("".join(f"{user_id} {make_token(user_id)}\n" for user_id in users))
    return path


class Database:
    """The database of a service, with tasks 1 … ``last_id``; task 1 is of user 1, task 2 of user 2 and so on.

    Args:
        server: where it is made.
        service: whose tables it has.
        name: what it is called.
    """

    def __init__(self, server: EmbeddedPostgres, service: Service, name: str) -> None:
        self.service = service
        self.last_id = 0
        run_sql(server.url, f"CREATE DATABASE {name}")
        self.url: URL = server.url.set(database=name)
        service.prepare(self.url)

    def fill(self, users: int, tasks: int) -> None:
        """Give each of some users as many tasks."""
        self._insert(_IN_TURN, users, tasks)
        self.settle()

    def fill_one(self, user_id: str, tasks: int) -> range:
        """Give one more user tasks, and return their ids."""
        ids = self._insert(f"'{user_id}'", 1, tasks)
        self.settle()
        return ids

    def add_for_deletion(self, users: int, tasks: int) -> range:
        """Add tasks of some users to be deleted, until the next reset, and return their ids."""
        return self._add_until_reset(_IN_TURN, users, tasks)

    def add_for_deletion_of(self, user_id: str, tasks: int) -> range:
        """Add tasks of one user, likewise."""
        return self._add_until_reset(f"'{user_id}'", 1, tasks)

    def reset(self) -> None:
        """Remove what requests have added, and clean up behind what they have changed."""
        run_sql(self.url, f"DELETE FROM {self.service.table} WHERE id > {self.last_id}")
        self.settle()

    def settle(self) -> None:
        """Clean up, so that PostgreSQL does not begin to while something is measured."""
        run_sql(self.url, f"VACUUM (ANALYZE) {self.service.table}")

    def _add_until_reset(self, user: str, users: int, tasks: int) -> range:
        before = self.last_id
        ids = self._insert(user, users, tasks)
        self.last_id = before
        run_sql(self.url, f"ANALYZE {self.service.table}")
        return ids

    def _insert(self, user: str, users: int, tasks: int) -> range:
        table = self.service.table
        run_sql(self.url, f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {self.last_id + 1}, false)")
        run_sql(self.url, _FILL.format(table=table, user=user, users=users, tasks=tasks))
        first = self.last_id + 1
        self.last_id += users * tasks
        return range(first, self.last_id + 1)
