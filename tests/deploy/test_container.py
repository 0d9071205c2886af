"""The life of a container: the image is built, migrates a database, serves, and loses nothing when it is stopped."""

import contextlib
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

import pytest

from tests.support.container import NOT_BUILT, CannotBuildError, Container, built_image
from tests.support.ports import free_port
from tests.support.postgres import create_owner, run_sql
from tests.support.urls import at_port, text_url
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

CLIENTS = 8
DATABASE = "contained"
OWNER = "contained_owner"
METRICS_TOKEN = "for-the-metrics-of-tests"


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    with contextlib.ExitStack() as stack:
        try:
            images = stack.enter_context(built_image(tmp_path_factory.mktemp("images")))
        except CannotBuildError as error:
            pytest.skip(f"{NOT_BUILT}: {error}")
        yield images


@pytest.fixture(scope="module")
def settings(database, proxy, secret):
    """Those of a service with an empty database, whose owner is no superuser."""
    create_owner(database.url, OWNER)
    run_sql(database.url, f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
    url = at_port(proxy.port, database.url.set(database=DATABASE, username=OWNER))
    return {"DATABASE_URL": text_url(url), "JWT_SECRET": secret}


@pytest.fixture(scope="module")
def make_container(images, tmp_path_factory):
    def make(*command, **settings):
        return Container(tmp_path_factory.mktemp("container"), images, *command, **settings)

    return make


@pytest.fixture(scope="module")
def migrated(make_container, settings):
    """The settings, after the image has migrated the database."""
    status, output = make_container("flask", "db", "upgrade", **settings).finish()
    assert status == 0, output
    return settings


@pytest.fixture
def container(make_container, migrated):
    with make_container(**migrated, METRICS_TOKEN=METRICS_TOKEN) as container:
        container.wait_for_workers()
        yield container


def test_image_contains_the_service_and_nothing_else(images):
    service = images.root / "srv/taskapp"
    entries = {path.name for path in service.iterdir()} - {"__pycache__"}
    assert entries == {"taskapp", "migrations", "requirements.txt", "wsgi.py", "config.py", "gunicorn.conf.py"}
    programs = {path.name for path in (images.root / "opt/venv/bin").iterdir()}
    assert {"gunicorn", "flask", "python"} <= programs
    assert not {program for program in programs if program.startswith("pip")}
    assert not list((images.root / "opt/venv/lib").glob("*/site-packages/pixeltable*"))
    assert not (images.root / "etc/pip.conf").exists()
    assert not list((images.root / "wheels").glob("*"))
    # Compiled, because a container cannot write.
    assert (service / "taskapp/__pycache__").is_dir()


def test_configuration_of_the_image(images):
    config = images.config
    assert config["User"] == "10001"
    assert config["StopSignal"] == "SIGTERM"
    assert config["Cmd"] == ["gunicorn", "wsgi:app"]
    assert "HOST=0.0.0.0" in config["Env"]


@pytest.mark.parametrize("settings", [{}, {"JWT_SECRET": "x" * 32}], ids=["no-settings", "only-a-secret"])
def test_missing_database_url_ends_in_a_sentence(make_container, settings):
    status, output = make_container(**settings).finish()
    assert status == 1
    assert "The embedded PostgreSQL is not installed. Set DATABASE_URL" in output
    assert "Traceback" not in output


def test_missing_tmp_ends_in_a_sentence(make_container, settings):
    container = make_container(**settings)
    container.writable = ()
    status, output = container.finish()
    assert status == 1
    assert "taskapp: cannot write temporary files. Make /tmp writable" in output
    assert "Traceback" not in output


def test_container_serves_and_is_healthy(container, images):
    check = images.config["Healthcheck"]["Test"]
    assert check[0] == "CMD"
    alice = container.client()
    task = alice.create(title="contained")
    assert alice.get().data == [task]
    assert alice.request("GET", "/health/ready").status == 200
    assert alice.request("GET", "/metrics", token=METRICS_TOKEN).status == 200
    assert container.execute(check[1:]) == 0
    assert container.execute(["flask", "token", "alice"]) == 0
    assert container.execute(["touch", "/var/tmp/file"]) != 0  # noqa: S108 # Read-only, whatever its mode.
    assert container.execute(["touch", "/tmp/file"]) == 0  # noqa: S108 # In the container.
    assert "Traceback" not in container.log.read_text()


def test_health_check_fails_without_the_service(make_container, images):
    status, _ = make_container(*images.config["Healthcheck"]["Test"][1:], PORT=free_port()).finish()
    assert status == 1


class Writer:
    """A client that creates tasks, half of the clients on a new connection each, until it is refused."""

    def __init__(self, container, number):
        self.acknowledged, self.broken = [], []
        self._client = container.client("writer")
        self._number = number

    def run(self, stop):
        count = 0
        while not stop.is_set():
            count += 1
            title = f"{self._number} {count}"
            try:
                response = self._client.post(json={"title": title})
            except ConnectionRefusedError:
                return
            except (OSError, HTTPException) as error:
                self.broken.append(repr(error))
                self._client.close()
                continue
            assert response.status == 201, response.body
            self.acknowledged.append(title)
            if self._number % 2:
                self._client.close()


def test_stop_under_load_loses_nothing(container, database):
    writers = [Writer(container, number) for number in range(CLIENTS)]
    stop = threading.Event()
    with ThreadPoolExecutor(CLIENTS) as pool:
        running = [pool.submit(writer.run, stop) for writer in writers]
        try:
            wait_until(lambda: sum(len(writer.acknowledged) for writer in writers) > 200, "there is no load")
            start = time.monotonic()
            container.process.send_signal(signal.SIGTERM)
            assert container.process.wait(40) == 0
            assert time.monotonic() - start < 20
        finally:
            stop.set()
        for each in running:
            each.result()
    url = database.url.set(database=DATABASE)
    stored = {title for (title,) in run_sql(url, "SELECT title FROM tasks WHERE user_id = 'writer'")}
    acknowledged = {title for writer in writers for title in writer.acknowledged}
    broken = [error for writer in writers for error in writer.broken]
    assert acknowledged <= stored
    # A connection whose handshake is not complete when the last worker closes the port may be reset; see run.md.
    assert len(broken) <= 2
    assert all("reset" in error for error in broken), broken
    assert len(stored - acknowledged) <= len(broken)
    assert "Traceback" not in container.log.read_text()


def test_process_of_webhooks_runs_and_ends(make_container, migrated):
    container = make_container("flask", "webhooks", "deliver", **migrated)
    container._is_up = lambda: "Delivering webhooks" in container.log.read_text()
    with container:
        container.process.send_signal(signal.SIGTERM)
        assert container.process.wait(40) == 0
