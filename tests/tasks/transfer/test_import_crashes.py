"""PostgreSQL is killed in the middle of imports: each is there whole or not at all, and a retry makes nothing twice."""

import secrets
import uuid
from collections import Counter
from io import StringIO

import pytest

from taskapp.db.idempotency import RequestKey
from taskapp.tasks.transfer.checks import check_lines
from taskapp.tasks.transfer.lines import read_ndjson
from taskapp.tasks.transfer.service import import_lines
from tests.support.change_log import assert_whole
from tests.support.crashes import RepeatingWriter, kill_while_they_write
from tests.support.importing import ndjson
from tests.support.postgres import run_sql
from tests.support.urls import text_url

pytestmark = pytest.mark.slow

USERS = 4
LINES = 1000
NEW = 200


@pytest.fixture(scope="module")
def crashing(database, make_app):
    return make_app(DATABASE_URL=text_url(database.url), THREADS=8, REQUEST_TIMEOUT=10)


class FileWriter(RepeatingWriter):
    """A user who imports files of 1,000 lines: new tasks, and new titles of some that there are. Half use keys.

    Attributes:
        titles: the title that each task must have, by uid.
        numbers: the number of each write; None if its response was lost and the file was sent again without a key.
        replayed: how many results were those of an earlier attempt with the same key.
    """

    def __init__(self, url, number):
        super().__init__(url, number)
        self.titles, self.numbers, self.replayed, self._keyed = {}, [], 0, number % 2 == 0

    def write(self):
        known = self.random.sample(list(self.titles), LINES - NEW) if self.titles else []
        uids = [*known, *(str(uuid.uuid4()) for _ in range(LINES - len(known)))]
        titles = {uid: secrets.token_hex(4) for uid in self.random.sample(uids, LINES)}
        file = ndjson(*({"uid": uid, "title": title} for uid, title in titles.items()))
        lines = check_lines(read_ndjson(StringIO(file)))
        key = RequestKey(secrets.token_hex(8), b"x") if self._keyed else None
        imported = self.repeat(lambda: import_lines(self.user.user_id, lines, existing="update", key=key))
        results = Counter(result for _, result in imported.tasks)
        if self._keyed or imported.change:
            assert results == Counter(created=LINES - len(known), updated=len(known))
        else:
            assert results == {"unchanged": LINES}
        self.titles.update(titles)
        self.numbers.append(imported.change)
        self.replayed += imported.replayed


def test_each_import_is_there_whole_and_once(crashing, database):
    writers = [FileWriter(database.url, number) for number in range(USERS)]
    kill_while_they_write(database, crashing, writers)
    for writer in writers:
        log = assert_whole(database.url, writer.user.user_id)
        assert len(log) == LINES * len(writer.numbers)
        writes = [entry["operation"] for entry in log[::LINES]]
        assert [number or write for number, write in zip(writer.numbers, writes, strict=True)] == writes
        assert Counter(entry["operation"] for entry in log) == dict.fromkeys(writes, LINES)
        stored = run_sql(database.url, "SELECT uid::text, title FROM tasks WHERE user_id = %s", [writer.user.user_id])
        assert sorted(stored) == sorted(writer.titles.items())
