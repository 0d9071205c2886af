"""Outages of the database while webhooks are delivered."""

import time

import pytest

from tests.support.deliveries import wait_for
from tests.support.faults import FaultProxy
from tests.support.log_lines import records
from tests.support.urls import at_port
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def user(webhooks):
    return webhooks.user()


def messages(deliverer):
    return [record["message"] for record in records(deliverer)]


def test_outage_of_the_database_is_logged_once_and_survived(
    postgres, webhooks, receiver, user, start_deliverer, delivery_settings
):
    webhook, _ = webhooks.add(user.user_id, receiver.url)

    def wait_for_number(number):
        """Wait until a delivery is also recorded. An outage before that would cause a repetition."""
        wait_until(lambda: webhooks.row(webhook)["number"] == number, lambda: f"only {receiver.ids}", 120)

    with FaultProxy(postgres.socket) as proxy:
        deliverer = start_deliverer(DATABASE_URL=at_port(proxy.port, delivery_settings[0]), REQUEST_TIMEOUT=2)
        user.write()
        wait_for_number(1)
        proxy.refuse()
        proxy.cut()
        time.sleep(8)
        user.write()
        proxy.accept()
        wait_for_number(2)
        # Connections that hang are an outage too.
        proxy.black_hole()
        time.sleep(6)
        proxy.restore()
        user.write()
        wait_for_number(3)
        deliverer.stop()
    assert receiver.numbers == [1, 2, 3]
    found = messages(deliverer)
    assert len([each for each in found if each.startswith("The database is unavailable")]) == 2
    assert found.count("The database is available again") == 2
    assert "Traceback" not in deliverer.log.read_text()


def test_result_that_cannot_be_recorded_leads_to_the_same_bytes_again(
    postgres, webhooks, receiver, user, start_deliverer, delivery_settings
):
    with FaultProxy(postgres.socket) as proxy:

        def cut(handler):
            proxy.refuse()
            proxy.cut()
            handler.send_response(204)
            handler.end_headers()

        receiver.responses = [cut]
        webhooks.add(user.user_id, receiver.url)
        user.write()
        start_deliverer(DATABASE_URL=at_port(proxy.port, delivery_settings[0]), REQUEST_TIMEOUT=1)
        wait_for(receiver, 1)
        time.sleep(3)
        proxy.accept()
        webhooks.make_due()
        wait_for(receiver, 2)
    first, second = receiver.received
    assert (first.id, first.body) == (second.id, second.body)
