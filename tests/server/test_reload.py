"""New settings without a restart: SIGHUP reads ``.env`` again, and a slip in it costs nobody anything."""

import os
import signal

import pytest

from tests.support.client import Client, make_token
from tests.support.gunicorn import FromFile
from tests.support.ports import free_port
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def gunicorn(settings, tmp_path):
    with FromFile(tmp_path, **settings) as gunicorn:
        gunicorn.wait_for_workers()
        yield gunicorn


@pytest.fixture
def user(gunicorn, secret):
    client = Client(gunicorn.port, token=make_token(secret, user_id="reload"), user_id="reload")
    yield client
    client.close()


def new_workers(gunicorn, old):
    def replaced():
        workers = gunicorn.workers()
        return len(workers) == 2 and not set(workers) & set(old)

    return replaced


def reload(gunicorn):
    old = gunicorn.workers()
    gunicorn.process.send_signal(signal.SIGHUP)
    wait_until(new_workers(gunicorn, old), "old workers go on")


def timing(user):
    """Whether an answer has the header that only new settings ask for."""
    user.close()  # A connection that stays open may be with an old worker.
    answer = user.get("?limit=1")
    assert answer.status == 200
    return "Server-Timing" in answer.headers


def test_reload_reads_new_settings(gunicorn, user):
    assert not timing(user)
    gunicorn.write(SERVER_TIMING="true")
    reload(gunicorn)
    assert timing(user)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"THREADS": "none"}, "THREADS must be a whole number."),
        ({"FORWARDED_ALLOW_IPS": "10.0.0.1/8"}, "FORWARDED_ALLOW_IPS must be comma-separated IP addresses or networks"),
    ],
)
def test_wrong_settings_at_a_reload_leave_those_from_before(gunicorn, user, wrong, sentence):
    gunicorn.write(**wrong, SERVER_TIMING="true")
    reload(gunicorn)
    assert f"Invalid settings, keeping the previous ones: {sentence}" in gunicorn.log.read_text()
    assert not timing(user)
    gunicorn.write(SERVER_TIMING="true")
    reload(gunicorn)
    assert timing(user)


def test_address_stays_at_a_reload(gunicorn, user):
    gunicorn.write(PORT=free_port(), SERVER_TIMING="true")
    reload(gunicorn)
    assert "A new HOST or PORT takes effect after a restart" in gunicorn.log.read_text()
    assert timing(user)


def test_worker_that_starts_again_has_the_settings_of_the_master(gunicorn, user):
    gunicorn.write(THREADS="none", SERVER_TIMING="true")  # Not reloaded: somebody is still at it.
    for worker in (old := gunicorn.workers()):
        os.kill(worker, signal.SIGKILL)
    wait_until(new_workers(gunicorn, old), "no workers take their place")
    wait_until(lambda: gunicorn.process.poll() is None and not timing(user), "they do not serve")


def test_wrong_settings_at_the_start_end_it(settings, tmp_path):
    gunicorn = FromFile(tmp_path, **settings)
    gunicorn.write(THREADS="none")
    with pytest.raises(AssertionError, match=r"gunicorn ended: taskapp: THREADS must be a whole number\."), gunicorn:
        pass
