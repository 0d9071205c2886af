"""What changes of a webhook do to the delivery that is being tried."""

import pytest

from taskapp.tasks.webhooks import service
from taskapp.tasks.webhooks.signals import delivery_due
from tests.support.in_process import LocalUser
from tests.support.webhooks import (
    DISABLED,
    FROM_THE_START,
    URL,
    WEBHOOK,
    add,
    change,
    get,
    rotate,
    set_state,
    started,
    state,
)


def test_changed_url_begins_with_the_first_try(alice, database_url):
    alice.create()
    webhook = add(alice)
    alice.create()
    set_state(database_url, webhook)
    failing = get(alice, webhook)
    assert (failing["attempts"], failing["last_status"]) == (3, 500)
    assert failing["next_attempt_at"] > failing["failing_since"]
    response = change(alice, webhook, url="https://other.example.com/")
    assert (response.status, response.data["url"]) == (200, "https://other.example.com/")
    assert (response.data["next_attempt_at"], response.data["failing_since"], response.data["behind"]) == (
        None,
        None,
        1,
    )
    assert started(state(database_url, webhook)) == FROM_THE_START


@pytest.mark.parametrize(
    "fields",
    [{"url": URL}, {"url": "HTTPS://HOOKS.example.com:443/tasks"}, {"enabled": True}, {**WEBHOOK, "enabled": True}],
)
def test_values_that_stay_the_same_keep_the_tries(alice, database_url, fields):
    webhook = add(alice)
    set_state(database_url, webhook)
    before = get(alice, webhook)
    assert change(alice, webhook, **fields).data == before
    assert state(database_url, webhook)["upto"] == 1
    assert get(alice, webhook) == before


def test_enabling_begins_with_the_first_try(alice, database_url):
    alice.create()
    webhook = add(alice)
    alice.create()
    set_state(database_url, webhook, DISABLED)
    disabled = get(alice, webhook)
    assert (disabled["enabled"], disabled["next_attempt_at"]) == (False, None)
    assert disabled["disabled_at"] is not None
    assert change(alice, webhook, enabled=False).data == disabled
    enabled = change(alice, webhook, enabled=True).data
    assert (enabled["enabled"], enabled["disabled_at"], enabled["behind"]) == (True, None, 1)
    assert started(state(database_url, webhook)) == FROM_THE_START


def test_user_may_disable_and_miss_nothing(alice):
    webhook = add(alice)
    disabled = change(alice, webhook, enabled=False).data
    assert (disabled["enabled"], disabled["disabled_at"]) == (False, None)
    alice.create()
    assert change(alice, webhook, enabled=True).data["behind"] == 1


def test_rotation_keeps_the_previous_secret(alice, database_url):
    webhook = add(alice)
    set_state(database_url, webhook)
    response = rotate(alice, webhook)
    rotated = response.data
    secret = rotated.pop("secret")
    assert response.status == 200
    assert secret != webhook["secret"]
    assert rotated["rotated_at"] is not None
    assert get(alice, webhook) == rotated
    assert rotated["attempts"] == 3  # Rotating changes nothing else.
    row = state(database_url, webhook)
    assert secret_of(row["previous_secret"]) == webhook["secret"]
    assert secret_of(row["secret"]) == secret
    rotate(alice, webhook)
    assert secret_of(state(database_url, webhook)["previous_secret"]) == secret


def secret_of(column):
    return service.write_secret(bytes.fromhex(column.removeprefix("\\x")))


def test_what_makes_something_due_wakes_the_process_that_delivers(app, secret):
    """And nothing else does."""
    user, sent = LocalUser(app, secret), []

    def count(_sender, **_):
        sent.append(1)

    with app.app_context(), delivery_due.connected_to(count):

        def times(operation, *arguments, **options):
            sent.clear()
            operation(user.user_id, *arguments, **options)
            return len(sent)

        assert times(service.create_webhook, url=URL) == 1
        assert times(service.create_webhook, url=URL, enabled=False) == 0
        first, second = (each["id"] for each in service.list_webhooks(user.user_id))
        assert times(service.update_webhook, first, url="https://other.example.com/") == 1
        assert times(service.update_webhook, first, enabled=False) == 0
        assert times(service.update_webhook, second, enabled=True) == 1
        assert times(service.replay, second, after=0) == 1
        assert times(service.rotate_secret, second) == 0
        assert times(service.delete_webhook, second) == 0
