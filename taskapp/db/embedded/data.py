"""The data folder of the embedded PostgreSQL: its creation, its settings, and what a server that died has left in it.

Everything here runs while the process holds the lock that all processes of a server inherit
(:class:`~taskapp.db.embedded.lock.ServerLock`). So no server that this program started in the folder is running.
"""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from taskapp.db.embedded.folders import PORT, SOCKET, EmbeddedError, user_name
from taskapp.db.embedded.programs import cause_in, clean_environment, server_user

# https://www.postgresql.org/docs/current/storage-file-layout.html: the first line is the process id, and the second one
# the data folder. The lock file next to a socket has the same lines.
PID_FILE = "postmaster.pid"
SOCKET_LOCK = f"{SOCKET}.lock"


def check_owner(data: Path) -> None:
    """Check that the data belongs to the user that the server runs as. PostgreSQL rejects any other owner.

    If this process is root and the data is a copy that root has made, it is given to that user.

    Raises:
        EmbeddedError: it belongs to another user.
    """
    found, (expected, group) = data.stat().st_uid, server_user()
    if found == expected:
        return
    if found != os.geteuid():
        raise EmbeddedError(
            f"The folder {data} belongs to the user {user_name(found)}, but the embedded PostgreSQL runs as"
            f" {user_name(expected)}. Run the service as its previous user, or run as root:"
            f" chown -R {user_name(expected)} {quote(str(data))}"
        )
    for path in (data, *data.rglob("*")):
        os.chown(path, expected, group, follow_symlinks=False)


def make_private(data: Path) -> None:
    """Close the data to other users. PostgreSQL rejects data that is open, as some ways to copy a folder leave it.

    It accepts that the group may read (https://www.postgresql.org/docs/current/app-initdb.html, allow-group-access).
    """
    if stat.S_IMODE(data.stat().st_mode) & 0o027:
        data.chmod(0o700)


def remove_leftovers(data: Path, sockets: Path) -> None:
    """Remove the files that a server leaves behind if it dies, and that PostgreSQL may take for those of a running one.

    They contain a process id. After a reboot or in a new container, another process may have it.

    Nobody listens on the socket either. So the lock file next to it is one of them.

    Raises:
        EmbeddedError: a server that this program did not start uses the data, or it is a copy of a running server's.
    """
    file = data / PID_FILE
    pid, folder = _read_pid_file(file)
    if pid and _runs_in(data, pid):
        raise EmbeddedError(
            f"The process {pid}, which this program did not start, uses the folder {data}. Stop it: kill -INT {pid}"
        )
    if folder and os.access(folder / "PG_VERSION", os.F_OK) and not folder.samefile(data):
        raise EmbeddedError(
            f"The folder {data} was copied from {folder} while its server was running, so the copy may be damaged."
            f" Stop the other service and copy the folder again. To use this copy as it is: rm {quote(str(file))}"
        )
    file.unlink(missing_ok=True)
    (sockets / SOCKET_LOCK).unlink(missing_ok=True)


def _read_pid_file(file: Path) -> tuple[int, Path | None]:
    """Return the process id and the data folder in a file; 0 and None if it does not exist or is damaged."""
    try:
        pid, folder = file.read_text().splitlines()[:2]
        return abs(int(pid)), Path(folder)  # Negative for a server in single-user mode.
    except (FileNotFoundError, ValueError):
        return 0, None


def _runs_in(data: Path, pid: int) -> bool:
    """Return whether a process may be a server on the data. Its working directory is the data folder."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/cwd").samefile(data)
    except (ProcessLookupError, OverflowError):
        return False
    except FileNotFoundError:  # The process has ended, or this system has no /proc: then it may be one.
        return not Path("/proc/self").exists()
    except PermissionError:  # Another user's process, which is not a server here.
        return False


def check_server(connection: Any, data: Path) -> None:
    """Check that a server runs on the data, and not on that of another folder whose socket was found here.

    Args:
        connection: a connection of the superuser.
        data: the data folder.

    Raises:
        EmbeddedError: it runs on other data.
    """
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        found = Path(cursor.fetchone()[0])
    if not (os.access(found, os.F_OK) and found.samefile(data)):
        raise EmbeddedError(
            f"The PostgreSQL that responds for the folder {data} uses {found}. Stop that one, or restart the service"
            " that uses it."
        )


def initialize(data: Path, initdb: Callable[[Path], list[str]]) -> None:
    """Create the data folder in one step, so that an interrupted start leaves no incomplete one.

    Args:
        data: the data folder.
        initdb: returns the command that creates the data in a folder.

    Raises:
        EmbeddedError: initdb failed, or cannot run as this user.
    """
    uid, gid = server_user()
    _check_passwd(uid)
    unfinished = data.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    if os.geteuid() != uid:
        os.chown(unfinished, uid, gid)
    result = subprocess.run(
        initdb(unfinished), capture_output=True, text=True, errors="replace", check=False, env=clean_environment()
    )
    if result.returncode:
        shutil.rmtree(unfinished, ignore_errors=True)
        reason = cause_in(result.stderr) or cause_in(result.stdout)
        raise EmbeddedError(f"The embedded PostgreSQL cannot create its data folder {data}: {reason}")
    unfinished.rename(data)


def _check_passwd(uid: int) -> None:
    """Check that the user is in passwd, without which initdb does not run. The server itself does.

    Raises:
        EmbeddedError: the user is not there.
    """
    try:
        pwd.getpwuid(uid)
    except KeyError:
        raise EmbeddedError(
            f"The user {uid} has no entry in /etc/passwd, which initdb of PostgreSQL requires. Set DATABASE_URL, or run"
            f" as root: echo 'taskapp:x:{uid}:{os.getegid()}::/:/sbin/nologin' >> /etc/passwd"
        ) from None


def is_empty(data: Path) -> bool:
    """Return whether there is no data yet."""
    return not data.exists() or not any(data.iterdir())


def write_settings(data: Path, sockets: Path, settings: Mapping[str, str]) -> None:
    """Write the settings of the server. They contain the path of its folder, which may have been moved."""
    settings = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": '"' + str(sockets).replace('"', '""') + '"',
        "unix_socket_permissions": "0700",
        **settings,
    }
    quoted = {name: value.replace("'", "''") for name, value in settings.items()}
    (data / "postgresql.auto.conf").write_text("".join(f"{name} = '{value}'\n" for name, value in quoted.items()))


def initdb_options(superuser: str, options: Sequence[str]) -> list[str]:
    """Return the options of initdb, apart from the folder."""
    return ["-U", superuser, "--auth=trust", "--encoding=UTF8", "--no-locale", *options]
