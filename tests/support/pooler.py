"""PgBouncer as Debian packages it, between the service and a PostgreSQL of the tests."""

import contextlib
import subprocess

import psycopg2
from psycopg2.extras import RealDictCursor

from taskapp.db.embedded.folders import PORT, SOCKET, make_private, socket_folder
from taskapp.db.embedded.programs import unprivileged
from tests.support.external import require
from tests.support.postgres import connect
from tests.support.waiting import wait_until

# Fewer than the concurrent users, so that they share.
POOL_SIZE = 5
# Superusers, and the roles of tests that log in as others; see the fixture ``owned``.
USERS = ("postgres", "guest", "new_owner", "no_eraser", *(f"owner_{number}" for number in range(1, 500)))

# No setting makes it more lenient than the default: it rejects every unknown startup parameter, and runs no
# server_reset_query between transactions, so a client finds the session as the one before left it.
CONFIGURATION = """
[databases]
* = host='{host}' port={server_port}

[pgbouncer]
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 1000
listen_port = {port}
unix_socket_dir = {folder}
auth_type = trust
auth_file = {users}
admin_users = postgres
"""


class PgBouncer:
    """A pooler in transaction mode on a Unix socket of its own; every database of the server is reached through it.

    Args:
        folder: where its configuration and its log are.
        server: the URL of the PostgreSQL behind it.
        users: the roles that may log in.
        pool_size: the most connections to the server, for each role and database.
    """

    def __init__(self, folder, server, *, users=USERS, pool_size=POOL_SIZE):
        program = require("/usr/sbin/pgbouncer", "Debian: apt install pgbouncer")
        sockets = socket_folder(folder)
        make_private(sockets)
        self.socket = sockets / SOCKET
        self.url = server.set(port=PORT, query={"host": str(sockets)})
        self._console = self.url.set(username="postgres", database="pgbouncer")
        self.log = folder / "pgbouncer.log"
        self._command = unprivileged([program, str(folder / "pgbouncer.ini")])
        names = folder / "users.txt"
        names.write_text("".join(f'"{user}" ""\n' for user in users))
        (folder / "pgbouncer.ini").write_text(
            CONFIGURATION.format(
                host=server.query.get("host", server.host),
                server_port=server.port,
                port=PORT,
                pool_size=pool_size,
                folder=sockets,
                users=names,
            )
        )

    def start(self):
        with self.log.open("a") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_until(self._is_up, lambda: f"PgBouncer did not start: {self.log.read_text()}")
        except BaseException:
            self.stop()
            raise

    def stop(self):
        """Kill it: it stores nothing, and versions differ in how long they wait for clients at a normal stop."""
        self._process.kill()
        self._process.wait()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def show(self, what):
        """The rows that a command of its console shows, by the names of the columns."""
        with contextlib.closing(connect(self._console, cursor_factory=RealDictCursor)) as console:
            cursor = console.cursor()
            cursor.execute(f"SHOW {what}")
            return cursor.fetchall()

    def _is_up(self):
        assert self._process.poll() is None, self.log.read_text()
        try:
            connect(self._console).close()
        except psycopg2.OperationalError:
            return False
        return True
