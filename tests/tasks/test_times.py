"""Times always have six digits of microseconds, so they have one length and sort as text."""

import json
import re

import pytest

from tests.support.postgres import run_sql
from tests.support.retries import assert_replayed

TIME = re.compile(r'"\w+_at":"([^"]*)"')
WHOLE = "2026-01-01T00:00:00.000000Z"


def times_in(response):
    return TIME.findall(response.body.decode())


@pytest.fixture
def old_tasks(alice, database_url):
    """Three tasks that were created and changed exactly at a second."""
    for title in "abc":
        alice.create(title=title)
    run_sql(
        database_url,
        "UPDATE tasks SET created_at = '2026-01-01Z', updated_at = '2026-01-01Z' WHERE user_id = %s",
        [alice.user_id],
    )
    return alice.get().data


def test_whole_second_has_six_digits_in_every_response(alice, old_tasks):
    path = f"/{old_tasks[0]['id']}"
    assert times_in(alice.get()) == [WHOLE] * 6
    assert times_in(alice.get(path)) == [WHOLE] * 2
    conflict = alice.put(path, json={"title": "x"}, headers={"If-Match": '"9"'})
    assert (conflict.status, times_in(conflict)) == (412, [WHOLE] * 2)
    changed = alice.patch(path + "/complete")
    assert changed.data["created_at"] == WHOLE
    assert changed.data["updated_at"] > WHOLE


@pytest.mark.parametrize("sort", ["created_at", "-created_at", "updated_at", "-updated_at"])
def test_pages_continue_after_a_whole_second(alice, old_tasks, sort):
    expected = [task["id"] for task in old_tasks]
    found, query = [], f"?sort={sort}&limit=1"
    while query:
        page = alice.get(query)
        found += [task["id"] for task in page.data]
        cursor = page.json["pagination"]["next_cursor"]
        query = cursor and f"?sort={sort}&limit=1&cursor={cursor}"
    assert found == (expected if sort.startswith("-") else expected[::-1])


def test_whole_second_has_six_digits_in_a_replay(alice, database_url):
    key = {"Idempotency-Key": "k"}
    first = alice.post(json={"title": "x"}, headers=key)
    assert_replayed(first, alice.post(json={"title": "x"}, headers=key))
    stored = dict.fromkeys(("created_at", "updated_at"), "2026-01-01T00:00:00+00:00")  # As PostgreSQL writes it.
    run_sql(
        database_url,
        "UPDATE idempotency_keys SET result = result || %s WHERE user_id = %s",
        [json.dumps(stored), alice.user_id],
    )
    assert times_in(alice.post(json={"title": "x"}, headers=key)) == [WHOLE] * 2
