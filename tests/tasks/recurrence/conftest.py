"""What tests of series share."""

import pytest

from tests.support.recurring import assert_log, complete, following, recurs


@pytest.fixture
def whole_log(alice, database_url):
    """After the test, the log is whole."""
    yield
    assert_log(database_url, alice)


@pytest.fixture
def task(alice):
    return alice.create(**recurs())


@pytest.fixture
def made(alice, task):
    """The next occurrence of the task, which is completed."""
    return following(complete(alice, task))
