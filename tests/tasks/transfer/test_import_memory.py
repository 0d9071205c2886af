"""The memory of workers while 50 users at once send the largest files."""

import contextlib
import json
import uuid

import pytest

from tests.support.importing import CSV, NDJSON, ndjson
from tests.support.memory import assert_memory_stays_bounded
from tests.tasks.bulk.test_bulk_speed import ITEMS, Sender
from tests.tasks.transfer.test_csv_files import table
from tests.tasks.transfer.test_import_speed import MEBIBYTE, whole

pytestmark = pytest.mark.slow

USERS = 50
# What workers may take in addition. Up to 32 files are read at the same time, each with its 1,000 tasks.
GROWTH_MIB = 1000
WRITERS = {NDJSON: ndjson, CSV: table}


def largest(kind, letter):
    """A file of 1,000 whole tasks, nearly 1 MiB, that has the same tasks for each letter."""
    uids = (str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind} {number}")) for number in range(ITEMS))
    tasks = [{**whole(number), "uid": uid, "description": ""} for number, uid in enumerate(uids)]
    write = WRITERS[kind]
    left = (MEBIBYTE - len(write(*tasks).encode())) // ITEMS
    file = write(*({**task, "description": letter * left} for task in tasks)).encode()
    assert MEBIBYTE - 2 * ITEMS < len(file) <= MEBIBYTE
    return file


@pytest.mark.parametrize("kind", WRITERS, ids=["ndjson", "csv"])
def test_memory_returns_after_50_users_sent_the_largest_files_at_once(start_server, kind):
    """Each file updates all tasks of its user."""
    server, files = start_server(WORKERS="", THREADS=""), [largest(kind, letter) for letter in "abcd"]

    def send(sender, number):
        status, received = sender.attempt("/import?existing=update", files[number], **{"Content-Type": kind})
        if status == 200:
            data = json.loads(received)["data"]
            assert (data["created" if number == len(files) - 1 else "updated"], len(data["lines"])) == (ITEMS, ITEMS)
        return status

    with contextlib.ExitStack() as stack:
        senders = [stack.enter_context(contextlib.closing(Sender(server))) for _ in range(USERS)]
        assert {send(sender, len(files) - 1) for sender in senders} == {200}
        assert_memory_stays_bounded(server, senders, send, GROWTH_MIB)
