"""Replays: what they begin with, and what is refused."""

import pytest

from tests.support.postgres import run_sql
from tests.support.webhooks import (
    DISABLED,
    FROM_THE_START,
    add,
    get,
    replay,
    set_state,
    started,
    state,
    webhooks_of,
)


def purge(database_url, user, number):
    """What a purge leaves of the log: a marker, and the changes after it."""
    run_sql(database_url, "DELETE FROM changes WHERE user_id = %s AND number < %s", [user.user_id, number])
    run_sql(
        database_url,
        "UPDATE changes SET task_id = 0, before = '{}', after = '{}' WHERE user_id = %s AND number = %s",
        [user.user_id, number],
    )


def test_replay_begins_after_a_number(alice, database_url):
    for _ in range(4):
        alice.create()
    webhook = add(alice)
    for after in (0, 3, 4, 1):
        set_state(database_url, webhook)
        response = replay(alice, webhook, after)
        assert (response.status, response.data["number"], response.data["behind"]) == (200, after, 4 - after)
        assert started(state(database_url, webhook)) == FROM_THE_START
        webhook.pop("secret", None)
        assert get(alice, webhook) == response.data


def test_replay_of_an_empty_log(alice):
    webhook = add(alice)
    assert replay(alice, webhook, 0).data["number"] == 0
    assert list(replay(alice, webhook, 1).error["details"]) == ["after"]


def test_replay_leaves_a_disabled_webhook_disabled(alice, database_url):
    webhook = add(alice)
    alice.create()
    set_state(database_url, webhook, DISABLED)
    response = replay(alice, webhook, 0)
    assert (response.data["enabled"], response.data["attempts"]) == (False, 0)
    assert response.data["disabled_at"] is not None


@pytest.mark.parametrize("after", [-1, 2**53, "0", 1.0, True, None, [0]])
def test_replay_after_no_number(alice, after):
    alice.create()
    alice.create()
    webhook = add(alice)
    assert list(replay(alice, webhook, after).error["details"]) == ["after"]
    assert get(alice, webhook)["number"] == 2


def test_replay_needs_a_number(alice):
    webhook = add(alice)
    for body in ({}, {"since": 0}, {"after": 0, "x": 1}):
        response = alice.request("POST", webhooks_of(alice, f"/{webhook['id']}/replay"), json=body)
        assert response.status == 422
    assert alice.request("POST", webhooks_of(alice, f"/{webhook['id']}/replay")).status in {400, 422}


def test_replay_beyond_the_newest_change_is_refused(alice):
    alice.create()
    webhook = add(alice)
    for after in (2, 2**53 - 1):
        response = replay(alice, webhook, after)
        assert (response.status, list(response.error["details"])) == (422, ["after"])
    assert get(alice, webhook)["number"] == 1


def test_replay_of_what_was_purged_is_gone_as_in_the_feed(alice, database_url):
    for _ in range(6):
        alice.create()
    webhook = add(alice)
    purge(database_url, alice, 4)
    for after in range(7):
        feed = alice.request("GET", f"{alice.changes}?after={after}")
        response = replay(alice, webhook, after)
        assert response.status == feed.status == (410 if after < 4 else 200)
        if response.status == 410:
            assert response.error["code"] == feed.error["code"] == "CHANGES_GONE"
            assert response.error["details"] == feed.error["details"]
            assert get(alice, webhook)["number"] == 6  # Nothing has moved.
