"""gunicorn's master keeps one process that delivers webhooks, which never outlives it and never delays its end."""

import os
import signal
import urllib.request
from pathlib import Path

import pytest

from tests.support.client import scrape
from tests.support.gunicorn import FromFile
from tests.support.ports import free_port, listens
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow


def command_of(pid):
    """The command line of a process; empty if it has ended, even if nobody has reaped it."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    except OSError:
        return ""


def processes(gunicorn, options=""):
    """The process ids of the children of the master that deliver."""
    return [pid for pid in gunicorn.workers() if command_of(pid).endswith(f"webhooks deliver{options}")]


def wait_for_process(gunicorn, *old, options=""):
    """Wait until exactly one process runs, which is none of the old ones, and return its id."""

    def is_there():
        found = processes(gunicorn, options)
        return len(found) == 1 and found[0] not in old

    wait_until(is_there, gunicorn.log.read_text)
    return processes(gunicorn, options)[0]


def wait_until_handles_sigterm(pid):
    """Wait until a process has a handler of its own for SIGTERM."""

    def handles():
        status = Path(f"/proc/{pid}/status")
        assert status.exists(), "it has ended"
        line = next(line for line in status.read_text().splitlines() if line[:6] == "SigCgt")
        return int(line.split()[1], 16) >> (signal.SIGTERM - 1) & 1

    wait_until(handles, "it does not handle SIGTERM", 120)


@pytest.fixture
def gunicorn(start_server):
    gunicorn = start_server(WORKERS=3, DELIVER_WEBHOOKS="true")
    gunicorn.wait_for_workers()
    return gunicorn


def test_service_starts_one_process_beside_its_workers(gunicorn):
    pid = wait_for_process(gunicorn)
    assert len(gunicorn.workers()) == 4
    assert f"Started the process of webhooks (pid: {pid})" in gunicorn.log.read_text()


def test_without_the_setting_there_is_none(start_server):
    gunicorn = start_server()
    gunicorn.wait_for_workers()
    assert len(gunicorn.workers()) == 2
    assert "webhooks" not in gunicorn.log.read_text()


def test_process_that_is_killed_starts_again_while_the_workers_go_on(gunicorn):
    workers = set(gunicorn.workers()) - {pid := wait_for_process(gunicorn)}
    for _ in range(2):
        os.kill(pid, signal.SIGKILL)
        pid = wait_for_process(gunicorn, pid)
    assert set(gunicorn.workers()) == {*workers, pid}
    log = gunicorn.log.read_text()
    assert "The process of webhooks ended with status -9; starting it again in 1 s" in log
    assert "The process of webhooks ended with status -9; starting it again in 2 s" in log


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL])
def test_process_ends_with_the_master(gunicorn, sent):
    pid = wait_for_process(gunicorn)
    wait_until_handles_sigterm(pid)
    workers = gunicorn.workers()
    gunicorn.process.send_signal(sent)
    gunicorn.process.wait(60)
    if sent == signal.SIGKILL:
        wait_until(lambda: not any(map(command_of, workers)), "they go on")  # The workers notice it by themselves.
    assert not any(map(command_of, [pid, *workers]))
    assert "ended with status" not in gunicorn.log.read_text()


def test_process_that_does_not_end_is_killed_and_the_service_stops(start_server):
    gunicorn = start_server(DELIVER_WEBHOOKS="true", REQUEST_TIMEOUT=1, CLIENT_TIMEOUT=1)
    pid = wait_for_process(gunicorn)
    os.kill(pid, signal.SIGSTOP)
    gunicorn.process.terminate()
    gunicorn.process.wait(60)
    assert not command_of(pid)


def test_ctrl_c_of_a_terminal_reaches_the_process_once(gunicorn):
    """A second signal would end it at once, during a call. The terminal sends it to the group of the master."""
    pid = wait_for_process(gunicorn)
    assert os.getpgid(pid) == pid != os.getpgid(gunicorn.process.pid)


def test_process_serves_its_metrics(start_server):
    port = free_port()
    gunicorn = start_server(DELIVER_WEBHOOKS="true", WEBHOOK_METRICS_PORT=port, METRICS_TOKEN="x" * 16)
    wait_for_process(gunicorn, options=f" --metrics-port {port}")
    wait_until(lambda: listens(port), gunicorn.log.read_text)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as response:
        assert b"webhook_calls" in response.read()
    assert not [name for name, *_ in scrape(gunicorn.port, "x" * 16) if name.startswith("webhook")]


@pytest.fixture
def from_file(settings, tmp_path):
    """A server whose settings are in a file."""
    with FromFile(tmp_path, **settings, DELIVER_WEBHOOKS="true") as gunicorn:
        gunicorn.wait_for_workers()
        yield gunicorn


def test_reload_starts_the_process_with_new_settings(from_file):
    old = wait_for_process(from_file)
    wait_until_handles_sigterm(old)
    from_file.process.send_signal(signal.SIGHUP)
    new = wait_for_process(from_file, old)
    wait_until_handles_sigterm(new)
    from_file.write(DELIVER_WEBHOOKS="false")
    from_file.process.send_signal(signal.SIGHUP)
    wait_until(lambda: not command_of(new) and len(from_file.workers()) == 2, "it goes on")
    from_file.write(DELIVER_WEBHOOKS="true")
    from_file.process.send_signal(signal.SIGHUP)
    wait_for_process(from_file)
    assert "ended with status" not in from_file.log.read_text()


def test_process_reads_the_file_as_the_service_does(from_file):
    old = wait_for_process(from_file)
    from_file.write(JWT_SECRET="${NOT_SET}" + "x" * 22)  # As short as possible, and too short without the first part.
    from_file.process.send_signal(signal.SIGHUP)
    wait_until_handles_sigterm(wait_for_process(from_file, old))
    assert "ended with status" not in from_file.log.read_text()


def test_wrong_settings_at_a_reload_leave_the_process(from_file):
    pid, workers = wait_for_process(from_file), set(from_file.workers())
    from_file.write(THREADS="none", DELIVER_WEBHOOKS="false")
    from_file.process.send_signal(signal.SIGHUP)
    wait_until(lambda: set(from_file.workers()) & workers == {pid} and len(from_file.workers()) == 3, "no new workers")
