"""Real servers for tests: PostgreSQL of each version at hand, and gunicorn."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import flask_migrate
import psycopg2

from config import ROOT, Settings
from taskapp import create_app
from taskapp.db.embedded import EmbeddedPostgres
from taskapp.server.health import head_revision

DEBIAN_POSTGRESQL = Path("/usr/lib/postgresql")
# Nothing a test stores has to survive a power failure.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
HEAD = head_revision(ROOT / "migrations")
# For what needs no embedded default, and must not touch that of the checkout.
NO_INSTANCE = Path(tempfile.gettempdir()) / f"taskapp-tests-{os.geteuid()}"
# Migrations need neither; an application without both would make an embedded default.
WITHOUT_DATABASE = {"DATABASE_URL": "postgresql://nobody@/none", "JWT_SECRET": "x" * 32}


def debian_versions():
    """The major versions of PostgreSQL that Debian's packages installed here."""
    return sorted(folder.parent.parent.name for folder in DEBIAN_POSTGRESQL.glob("*/bin/initdb"))


def make_postgres(folder, version="embedded"):
    """A PostgreSQL server in a folder of its own: the embedded one, or one of Debian's."""
    if version == "embedded":
        return EmbeddedPostgres(folder, settings=FAST)
    return EmbeddedPostgres(folder, binaries=DEBIAN_POSTGRESQL / version / "bin", initdb_options=[], settings=FAST)


@contextlib.contextmanager
def durable_postgres(folder):
    """A PostgreSQL, migrated, that keeps what it has acknowledged, as in production: to be broken."""
    server = EmbeddedPostgres(folder)
    server.start()
    try:
        upgrade(server.url)
        yield server
    finally:
        server.stop()


def postmaster(server):
    """The process that all others of a PostgreSQL come from."""
    return int((server.data / "postmaster.pid").read_text().split()[0])


def shut_down(server, how):
    """Stop a PostgreSQL by a signal, whoever uses it, and wait until it is gone: not before can it start again.

    https://www.postgresql.org/docs/current/server-shutdown.html says which signal means what.
    """
    os.kill(postmaster(server), how)
    wait_until(lambda: not (server.data / "postmaster.pid").exists(), "PostgreSQL does not stop")


def connect(url, **options):
    """A plain connection, past everything of ours."""
    parts = url.translate_connect_args(username="user", database="dbname")
    connection = psycopg2.connect(**{**parts, **url.query, **options})
    connection.autocommit = True
    return connection


def run_sql(url, statement, parameters=None):
    """Run a statement past everything of ours, and return its rows."""
    connection = connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


@contextlib.contextmanager
def locked_tasks(url):
    """Hold the lock that keeps every read and write of tasks waiting."""
    with contextlib.closing(connect(url)) as holder:
        holder.autocommit = False
        holder.cursor().execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        yield
        holder.rollback()


def environment(**settings):
    """An environment in which exactly these settings are made, whatever .env or this process have."""
    silent = {**dict.fromkeys(Settings().fields, ""), "INSTANCE_PATH": NO_INSTANCE}
    return {**os.environ, **silent, "PYTHONPATH": "", **{name: str(value) for name, value in settings.items()}}


def text_url(url):
    """A URL as a setting has it."""
    return url.render_as_string(hide_password=False)


def through(front, url):
    """The URL of a database by way of a server that stands before it."""
    return url.set(port=front.url.port, query=front.url.query)


def at_port(port, url, **parameters):
    """The URL of a database by way of a port of loopback, such as that of a proxy."""
    return url.set(host="127.0.0.1", port=port, query=parameters)


def restart(postgres, stop, away=0):
    """Stop a PostgreSQL with a signal, and start it again once it is gone, and so many seconds later."""
    shut_down(postgres, stop)
    time.sleep(away)
    postgres._start_server()


def flask(*arguments, check=True, **settings):
    """Run a flask command in the project, as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "flask", *arguments],
        cwd=ROOT,
        env=environment(**settings),
        capture_output=True,
        text=True,
        check=check,
        timeout=120,
    )


def upgrade(url, revision="head"):
    """Migrate a database up to a revision in this process, which is what ``flask db upgrade`` does."""
    app = create_app(Settings().load({"MIGRATION_DATABASE_URL": text_url(url), **WITHOUT_DATABASE}))
    with app.app_context():
        flask_migrate.upgrade(revision=revision)


def downgrade(url, revision="base"):
    """Migrate a database down to a revision in this process, which is what ``flask db downgrade`` does."""
    app = create_app(Settings().load({"MIGRATION_DATABASE_URL": text_url(url), **WITHOUT_DATABASE}))
    with app.app_context():
        flask_migrate.downgrade(revision=revision)


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    """Whether something listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def listening_sockets(port):
    """How many sockets listen on a port: one for each worker, with SO_REUSEPORT."""
    sockets = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines())
    return sum(fields[1].endswith(f":{port:04X}") and fields[3] == "0A" for fields in sockets)


class Gunicorn:
    """The real server, as gunicorn.conf.py has it, on a free port."""

    folder = ROOT

    def __init__(self, log, **settings):
        self.port = free_port()
        self.log = log
        self._settings = {"WORKERS": 2, **settings, "PORT": self.port}

    def environment(self):
        """What it is started with."""
        return environment(**self._settings)

    def command(self):
        """The command that starts it."""
        return [sys.executable, "-m", "gunicorn", "wsgi:app"]

    def __enter__(self):
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                env=self.environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(self._answers, lambda: f"gunicorn did not start: {self.log.read_text()}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def workers(self):
        """The process ids of its workers, the oldest first."""
        master = self.process.pid
        return [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]

    def wait_for_workers(self):
        """Wait until each worker listens: the first one may answer for a while before the others."""
        wait_until(lambda: listening_sockets(self.port) == self._settings["WORKERS"], "a worker does not listen")

    def kill(self):
        """Kill the master and its workers at once."""
        for pid in [self.process.pid, *self.workers()]:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"gunicorn ended: {self.log.read_text()}")
        return listens(self.port)


def timed(act):
    """Do something, and return what it returns and the seconds that it took."""
    start = time.monotonic()
    return act(), time.monotonic() - start


def wait_until(condition, message, seconds=30):
    """Wait until something is the case; the message may be a function that makes it."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, message() if callable(message) else message
        time.sleep(0.05)


def seconds_until(condition):
    """How long it takes until something is the case."""
    return timed(lambda: wait_until(condition, "it stays away"))[1]
