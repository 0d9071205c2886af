"""What an import costs: much less than the single writes that it replaces, and bounded time for any file."""

import contextlib
import statistics
import uuid
from functools import partial
from io import StringIO

import pytest
from marshmallow import ValidationError

from taskapp.http.input_errors import describe_errors
from taskapp.tasks.representation import CREATABLE_FIELDS, FIELDS, WRITABLE_FIELDS
from taskapp.tasks.transfer.checks import check_lines
from taskapp.tasks.transfer.csv_lines import read_csv
from taskapp.tasks.transfer.lines import read_ndjson
from tests.support.importing import CSV, NDJSON, ndjson
from tests.support.processor import processor_time
from tests.support.waiting import timed
from tests.tasks.bulk.test_bulk_speed import BLOCKS, ITEMS, Sender, new
from tests.tasks.transfer.test_csv_files import table

MEBIBYTE = 2**20


class FileSender(Sender):
    """Sends files of a new user."""

    def send_file(self, file, kind):
        headers = {**self._headers, "Content-Type": kind}
        self._connection.request("POST", self._path + "/import", body=file, headers=headers)
        response = self._connection.getresponse()
        received = response.read()
        assert (response.status, b'"created":1000' in received) == (200, True), received[:500]


def whole(number):
    """A task as another service exports it, with all fields."""
    times = dict.fromkeys(("created_at", "updated_at", "completed_at"), "2026-11-20T08:00:00.123456Z")
    dates = {"due_date": "2026-12-24", "due_time": "17:00", "time_zone": "Europe/Berlin"}
    own = {"id": number, "uid": str(uuid.uuid4()), "user_id": "somebody", "version": number}
    empty = dict.fromkeys(("due_at", "recurrence", "reminder", "reminded_at"))
    task = {**own, **new(number), "completed": True, **dates, **empty, **times}
    return {name: task[name] for name in FIELDS}


def creatable(task):
    """The fields of a task that a POST may have."""
    return {name: task[name] for name in (*CREATABLE_FIELDS, *WRITABLE_FIELDS)}


SINGLE = {
    "new tasks": lambda number: ndjson(new(number)),
    "whole tasks": lambda number: ndjson(creatable(whole(number))),
}
FILES = {
    "new tasks": lambda: (ndjson(*map(new, range(ITEMS))), NDJSON, "new tasks"),
    "whole tasks": lambda: (ndjson(*map(whole, range(ITEMS))), NDJSON, "whole tasks"),
    "CSV": lambda: (table(*map(whole, range(ITEMS))), CSV, "whole tasks"),
}


@pytest.fixture(scope="module")
def server(start_module_server):
    """A server with the default numbers of workers and threads."""
    return start_module_server(WORKERS="", THREADS="")


@pytest.fixture
def sender(server):
    with contextlib.closing(FileSender(server)) as sender:
        yield sender


def single_seconds(sender, kind):
    """The seconds of a part of the single requests."""
    bodies = list(map(SINGLE[kind], range(ITEMS // BLOCKS)))
    sender.close()  # The server closes connections that are idle. It opens again.
    return timed(lambda: [sender.send("POST", body=body) for body in bodies])[1]


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("name", FILES)
def test_1000_lines_take_at_most_a_twentieth_of_single_requests(server, sender, name):
    """Both in turn, because the speed of the machine changes: after each file a part of the single requests."""
    # Not the mean, so that one pause of the machine does not decide. The first open connections and compile statements.
    first = statistics.median([times_faster(server, sender, name) for _ in range(11)][2:])
    # A machine may be busy with something else for all of that.
    assert first >= 20 or statistics.median(times_faster(server, sender, name) for _ in range(11)) >= 20, first


def times_faster(server, sender, name):
    """How many times as long the single requests take as one file."""
    file, kind, of = FILES[name]()
    with contextlib.closing(FileSender(server)) as new_user:
        new_user.send("GET")
        of_file = timed(partial(new_user.send_file, file.encode(), kind))[1]
    return BLOCKS * single_seconds(sender, of) / of_file


LONG = dict.fromkeys(("title", "uid", "due_date", "due_time", "time_zone", "priority", "created_at"), "x" * 60)
WRONG = {**LONG, "title": "", "tags": [1] * 20, "recurrence": {"rule": "FREQ=X", "from": 1}, "completed": 1}
RECURS = {"due_date": "2026-02-28", "time_zone": "UTC", "recurrence": {"rule": "FREQ=MONTHLY;BYMONTHDAY=-1"}}
RULE = "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;COUNT=1000"
LEAP = {"due_date": "2024-02-29", "time_zone": "UTC", "recurrence": {"rule": RULE}}


def filled(line, most=1000):
    """As many lines as there may be in the largest file."""
    return line * min(most, MEBIBYTE // len(line.encode()))


WORST = {
    "all wrong": filled(ndjson(WRONG)),
    "unknown names": filled(ndjson({"title": "x", **{f"{n:03}": 1 for n in range(100)}})),
    "similar names": "".join(ndjson({f"{n:03}{'complated' * 4}": 1}) for n in range(1000)),
    "one object": ndjson({f"{n:06}": 1 for n in range(80_000)}),
    "nested": filled('{"title": ' + "[" * 1000 + "\n"),
    "no JSON": "x\n" * 524_288,
    "empty lines": "\n" * MEBIBYTE,
    "equal lines": filled(ndjson({"title": "x", "tags": [f"é{n}" for n in range(20)]})),
    "long texts": filled(ndjson({"title": "x", "description": "é" * 400})),
    "series": filled(ndjson({"title": "x", **RECURS})),
    "leap days": filled(ndjson({"title": "x", **LEAP})),
    "invisible": filled(ndjson({"title": "\u200b" * 250 + "x"})),
}
WORST_CSV = {
    "columns": ",".join(f"{n:05}" for n in range(170_000)),
    "equal columns": "title," * 170_000,
    "all wrong": "title,completed,tags,due_date\n" + filled(',x,"a,a",y\n'),
    "open quotes": 'title\n"' + 'x"x\n' * 200_000,
    "quotes": "title\n" + '"' * (MEBIBYTE - 6),
    "delimiters": ",;\t" * 349_000,
    "empty cells": "title\n" + "," * (MEBIBYTE - 6),
}


def attempt(read, file):
    def check():
        try:
            check_lines(read(StringIO(file, newline="")))
        except ValidationError as error:
            details = describe_errors(error.messages_dict, "body")
            assert sum(len(place) + len(str(text)) for place, text in details.items()) < 2 * MEBIBYTE

    return check


@pytest.mark.parametrize("file", WORST.values(), ids=WORST)
def test_the_worst_files_take_bounded_time(file):
    assert len(file.encode()) <= MEBIBYTE + 100
    assert processor_time(attempt(read_ndjson, file)) < 1


@pytest.mark.parametrize("file", WORST_CSV.values(), ids=WORST_CSV)
def test_the_worst_files_of_csv_take_bounded_time(file):
    assert processor_time(attempt(read_csv, file)) < 1
