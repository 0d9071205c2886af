"""Row-level security by itself keeps the webhooks of users apart: the WHERE is left out of every statement."""

from functools import partial

import pytest

from taskapp.tasks import service as tasks
from taskapp.tasks.errors import ChangesGone
from taskapp.tasks.webhooks import service
from taskapp.tasks.webhooks.errors import FutureNumber, TooManyWebhooks, WebhookNotFound
from tests.support.postgres import run_sql
from tests.support.webhooks import URL

OTHER = "https://other.example.com/"
OF_ONE = (
    service.get_webhook,
    partial(service.update_webhook, url=OTHER),
    service.rotate_secret,
    partial(service.replay, after=0),
    service.delete_webhook,
)


def rows_of(database_url, user_id):
    return run_sql(database_url, "SELECT to_jsonb(w) FROM webhooks w WHERE user_id = %s ORDER BY id", [user_id])


@pytest.mark.usefixtures("without_conditions")
def test_without_where_only_webhooks_of_the_user_are_reached(app, alice, bob, database_url):
    with app.app_context():
        for _ in range(3):
            tasks.create_task(bob.user_id, title="t")
        theirs = [service.create_webhook(bob.user_id, url=URL)[0] for _ in range(5)]
        before = rows_of(database_url, bob.user_id)
        # Those of others, and their log, do not count.
        own, _ = service.create_webhook(alice.user_id, url=URL)
        assert own["number"] == 0
        assert service.list_webhooks(alice.user_id) == [own]
        for other in theirs:
            for operation in OF_ONE:
                with pytest.raises(WebhookNotFound):
                    operation(alice.user_id, other["id"])
        with pytest.raises(FutureNumber):
            service.replay(alice.user_id, own["id"], after=3)
        assert service.replay(alice.user_id, own["id"], after=0)["behind"] == 0
        for _ in range(4):
            service.create_webhook(alice.user_id, url=OTHER)
        with pytest.raises(TooManyWebhooks):
            service.create_webhook(alice.user_id, url=URL)
        assert service.list_webhooks("") == []
    assert rows_of(database_url, bob.user_id) == before


@pytest.mark.usefixtures("without_conditions")
def test_without_where_a_purged_log_of_another_user_hides_nothing(app, alice, bob, database_url):
    with app.app_context():
        for user in (alice, bob):
            for _ in range(3):
                tasks.create_task(user.user_id, title="t")
        ids = {user: service.create_webhook(user.user_id, url=URL)[0]["id"] for user in (alice, bob)}
        run_sql(database_url, "DELETE FROM changes WHERE user_id = %s AND number < 3", [bob.user_id])
        assert service.replay(alice.user_id, ids[alice], after=0)["behind"] == 3
        with pytest.raises(ChangesGone):
            service.replay(bob.user_id, ids[bob], after=0)
