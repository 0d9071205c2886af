"""taskapp and its peers: how to prepare and start each one."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL

from benchmarks.settings import FOLDER, PEERS_PYTHON, ROOT
from taskapp.settings import default_threads
from tests.support.commands import environment, upgrade
from tests.support.urls import text_url

WORKERS = 2
# The default of taskapp. The peers on gunicorn use the same number.
THREADS = default_threads(WORKERS)
PEERS = FOLDER / "peers"
SECRET = "benchmarks-are-signed-with-a-secret-of-more-than-32-bytes"  # noqa: S105 # It protects nothing.


@dataclass(frozen=True)
class Service:
    """A service that can be started.

    Attributes:
        name: its key in the results.
        title: its display name.
        table: the table of its tasks.
        folder: the working directory.
        command: the command line, with the placeholders ``{port}``, ``{workers}`` and ``{threads}``.
        prepare: creates its tables in a database.
        own_columns: SQL for the columns that its table does not share with the others, in a task that is due.
        log: the table in which it logs writes, if it does.
    """

    name: str
    title: str
    table: str
    folder: Path
    command: str
    prepare: Callable[[URL], None]
    own_columns: Mapping[str, str] = field(default_factory=lambda: {"priority": "'high'"})
    log: str | None = None

    def command_line(self, port: int, threads: int, workers: int = WORKERS) -> list[str]:
        """Return the command that starts the service."""
        python = sys.executable if self.name == "taskapp" else PEERS_PYTHON
        words = self.command.format(port=port, workers=workers, threads=threads).split()
        return [str(python), "-m", *words]

    def environment(self, url: URL, port: int, threads: int, workers: int = WORKERS) -> dict[str, str]:
        """Return the environment of the service."""
        if self.name == "taskapp":
            own = {"DATABASE_URL": text_url(url), "MIGRATE_ON_START": "true", "JWT_SECRET": SECRET, "PORT": port}
            return environment(**own, WORKERS=workers, THREADS=threads)
        return peer_environment(url)


def peer_environment(url: URL) -> dict[str, str]:
    """Return the environment of a peer, with its database as libpq variables."""
    libpq = {
        "PGHOST": str(url.query.get("host", url.host)),
        "PGPORT": str(url.port),
        "PGUSER": str(url.username),
        "PGDATABASE": str(url.database),
        "PGSSLMODE": "disable",
    }
    return {**os.environ, **libpq, "JWT_SECRET": SECRET, "PYTHONPATH": ""}


def _run_in(folder: Path, *command: str) -> Callable[[URL], None]:
    def run(url: URL) -> None:
        subprocess.run(
            [str(PEERS_PYTHON), *command], cwd=folder, env=peer_environment(url), check=True, capture_output=True
        )

    return run


GUNICORN = (
    "gunicorn {app} --bind 127.0.0.1:{{port}} --workers {{workers}} --worker-class gthread --threads {{threads}}"
    " --reuse-port --keep-alive 5 --no-control-socket --log-level warning"
)
_TASKAPP_COLUMNS = {"priority": "1", "due_order": "day + time '17:00'"}
TASKAPP = Service("taskapp", "taskapp", "tasks", ROOT, "gunicorn wsgi:app", upgrade, _TASKAPP_COLUMNS, "changes")
SERVICES = (
    TASKAPP,
    Service(
        "fastapi",
        "FastAPI + SQLModel",
        "task",
        PEERS / "fastapi_sqlmodel",
        "serve --port {port} --workers {workers}",
        _run_in(PEERS / "fastapi_sqlmodel", "create_tables.py"),
    ),
    Service(
        "drf",
        "Django REST framework",
        "tasks_task",
        PEERS / "django_rest",
        GUNICORN.format(app="config.wsgi:application"),
        _run_in(PEERS / "django_rest", "manage.py", "migrate"),
    ),
    # Uses the tables of taskapp in its own database.
    Service(
        "baseline",
        "baseline",
        "tasks",
        PEERS / "baseline",
        GUNICORN.format(app="app:app"),
        upgrade,
        _TASKAPP_COLUMNS,
    ),
)
