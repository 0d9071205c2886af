"""The examples of docs/bulk.md print what the page says, and its recipes do what they are for."""

import json
import re
import urllib.request
from datetime import date

import pytest

from tests.support.bulk_page import PAGE, Network, load_page
from tests.support.documents import printed_pattern, run_shell, setup_for, shell_examples

MONDAY = date(2026, 11, 23)
DONE = "2999-01-01T00:00:00Z"


def with_ids(text, ids):
    """The text with other ids in place of 1, 2 and 3."""
    return re.sub(r'("(?:id|task_id)": )(\d)\b', lambda match: f"{match[1]}{ids[int(match[2]) - 1]}", text)


def test_examples_print_what_the_page_says(server, alice):
    (setup, _), *commands = shell_examples(PAGE)
    setup = setup_for(setup, server, alice)
    ids = []
    for command, printed in commands:
        output = run_shell(setup + with_ids(command, ids))
        if not ids:
            ids = [result["task"]["id"] for result in json.loads(output)["data"]["results"]]
        if printed:
            assert re.fullmatch(printed_pattern(with_ids(printed, ids)), output.strip()), f"{command}{printed}{output}"
        else:  # The same request twice.
            assert output.count('"change":9,') == 2
    assert len(commands) == 8


@pytest.fixture
def network(monkeypatch):
    network = Network()
    monkeypatch.setattr(urllib.request, "urlopen", network.urlopen)
    return network


@pytest.fixture
def page(server, alice):
    return load_page(server.url, alice)


def once(call):
    """A function that does something the first time."""
    calls = iter([call])
    return lambda: next(calls, lambda: None)()


def days_of(alice):
    return {task["title"]: task["due_date"] for task in alice.get().data}


@pytest.fixture
def week(alice):
    """Tasks before, in and after a week, one of them done."""
    timed = {"due_time": "17:00", "time_zone": "Europe/Berlin"}
    alice.create(title="before", due_date="2026-11-22")
    alice.create(title="done", due_date="2026-11-24", completed=True)
    alice.create(title="after", due_date="2026-11-30")
    return [
        alice.create(title="first", due_date="2026-11-23"),
        alice.create(title="last", due_date="2026-11-29", **timed),
    ]


MOVED = {
    "before": "2026-11-22",
    "done": "2026-11-24",
    "after": "2026-11-30",
    "first": "2026-11-25",
    "last": "2026-12-01",
}


@pytest.mark.usefixtures("week")
def test_week_is_moved_once_whatever_is_lost(alice, page, network):
    network.lost, network.chance = 2, 0.2
    change = page.move_week(MONDAY, 2)
    assert days_of(alice) == MOVED
    assert next(task for task in alice.get().data if task["title"] == "last")["due_time"] == "17:00"
    network.chance = 0.0
    before = days_of(alice)
    page.undo(change)
    assert days_of(alice) == before | {"first": "2026-11-23", "last": "2026-11-29"}


def test_task_that_others_move_out_of_the_week_is_not_moved_again(alice, page, network, week):
    network.before = once(lambda: alice.put(f"/{week[0]['id']}", json={"due_date": "2026-12-24"}))
    page.move_week(MONDAY, 2)
    assert network.responses == [409, 200]
    assert days_of(alice) == MOVED | {"first": "2026-12-24"}


def test_empty_week_needs_no_write(page, network):
    assert page.move_week(MONDAY, 2) is None
    assert network.responses == []


def test_done_tasks_are_shown_and_deleted_and_come_back(alice, page, network):
    left, done = alice.create(), [alice.create(completed=True) for _ in range(2)]
    shown = []
    assert page.clear_done(DONE, lambda ids: shown.append(ids)) is None
    assert shown == [[task["id"] for task in done]]
    assert len(alice.get().data) == 3
    network.chance = 0.3
    change = page.clear_done(DONE, lambda _: True)
    assert alice.get().data == [left]
    page.undo(change)
    assert [task["title"] for task in alice.get("?status=completed").data] == ["a task"] * 2
    assert page.clear_done("2026-01-01T00:00:00Z", lambda _: True) is None


def test_more_than_was_shown_is_not_deleted(alice, page):
    alice.create(completed=True)
    with pytest.raises(page.Refused, match="More than 1 task"):
        page.clear_done(DONE, lambda _: alice.create(completed=True))
    assert len(alice.get().data) == 2
