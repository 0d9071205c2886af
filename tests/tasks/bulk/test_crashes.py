"""PostgreSQL is killed in the middle of bulk writes: each is there whole or not at all, and a retry makes it once."""

import secrets

import pytest

from taskapp.db.idempotency import RequestKey
from tests.support.change_log import assert_whole
from tests.support.crashes import RepeatingWriter, kill_while_they_write
from tests.support.postgres import run_sql
from tests.support.urls import text_url

pytestmark = pytest.mark.slow

USERS = 3
EACH = 250


@pytest.fixture(scope="module")
def crashing(database, make_app):
    return make_app(DATABASE_URL=text_url(database.url), THREADS=8, REQUEST_TIMEOUT=10)


class Writer(RepeatingWriter):
    """A user who makes bulk writes of 1,000 operations, each with its key."""

    def __init__(self, url, number):
        super().__init__(url, number)
        self.numbers = []
        self._new = [{"op": "create", "title": "new"} for _ in range(2 * EACH)]

    def _operations(self):
        """As many creates as deletes, and updates, in any order. At first, creates only."""
        ids = [task["id"] for task in self.repeat(lambda: self.user.tasks(fields=("id",)))] if self.numbers else []
        if not ids:
            return self._new * 2
        operations = [
            *self._new[:EACH],
            *({"op": "delete", "id": task_id} for task_id in ids[:EACH]),
            *({"op": "update", "id": task_id, "title": secrets.token_hex(4)} for task_id in ids[EACH : 3 * EACH]),
        ]
        return self.random.sample(operations, len(operations))

    def write(self):
        operations, key = self._operations(), RequestKey(secrets.token_hex(8), b"x")
        written = self.repeat(lambda: self.user.bulk(*operations, key=key, read=False))
        assert len(written.tasks) == 4 * EACH
        self.numbers.append(written.change)


def test_each_write_is_there_whole_and_once(crashing, database):
    writers = [Writer(database.url, number) for number in range(USERS)]
    kill_while_they_write(database, crashing, writers)
    for writer in writers:
        log = assert_whole(database.url, writer.user.user_id)
        assert len(log) == 4 * EACH * len(writer.numbers)
        assert [entry["operation"] for entry in log[:: 4 * EACH]] == writer.numbers
        count = "SELECT count(*) FROM tasks WHERE user_id = %s"
        assert run_sql(database.url, count, [writer.user.user_id]) == [(4 * EACH,)]
