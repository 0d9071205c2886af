"""Fixtures of webhooks, their receivers, and the process that delivers."""

import contextlib

import pytest

from tests.support.commands import load_app
from tests.support.deliveries import Deliverer, Webhooks
from tests.support.receivers import Receiver
from tests.support.urls import text_url


@pytest.fixture(scope="module")
def delivery_settings(new_database, via_pooler, secret):
    """The URL of a database of the module's own for its tests, and the settings of its application."""
    url = new_database()
    return url, {"DATABASE_URL": text_url(via_pooler(url)), "JWT_SECRET": secret, "WEBHOOK_ALLOW_PRIVATE": "true"}


@pytest.fixture(scope="module")
def module_webhooks(delivery_settings, secret):
    url, settings = delivery_settings
    return Webhooks(load_app(**settings), url, secret)


@pytest.fixture
def webhooks(module_webhooks):
    """The webhooks of the test; there are no others in the database."""
    yield module_webhooks
    module_webhooks.remove_all()


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def start_deliverer(delivery_settings, tmp_path_factory):
    """Starts processes that deliver, with options and settings; stops them after the test."""
    with contextlib.ExitStack() as stack:

        def start(*options, **changes):
            log = tmp_path_factory.mktemp("deliver") / "log"
            return stack.enter_context(Deliverer(log, *options, **{**delivery_settings[1], **changes}))

        yield start
