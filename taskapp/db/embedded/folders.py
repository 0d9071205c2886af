"""Where the embedded server keeps its data and its socket, closed to everybody else."""

import hashlib
import os
import stat
from pathlib import Path

from config import StartupError

# Of no network, but part of the socket's name; said everywhere, because the environment may name another (PGPORT).
PORT = 5432
SOCKET = f".s.PGSQL.{PORT}"
# The longest path of a Unix socket is 103 characters on macOS, 107 on Linux.
SOCKET_PATH_LENGTH = 103


class EmbeddedError(StartupError):
    """The embedded PostgreSQL cannot run here."""


def socket_folder(folder: Path) -> Path:
    """Return the folder for the socket: the one given, or one that stands for it where its path is too long."""
    if len(os.fsencode(folder / SOCKET)) <= SOCKET_PATH_LENGTH:
        return folder
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(f"/tmp/taskapp-{os.geteuid()}-{name}")  # noqa: S108 # Made private, and refused where it is not ours.


def make_private(folder: Path) -> None:
    """Make a folder that only its owner can enter; one that is there is closed to others.

    The server trusts whoever reaches its socket, so nobody else may.

    Raises:
        EmbeddedError: it cannot be made, or belongs to somebody else.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        if found.st_uid != os.geteuid() or not stat.S_ISDIR(found.st_mode):
            raise EmbeddedError(f"The folder {folder} is a link, or belongs to another user.")
        if stat.S_IMODE(found.st_mode) & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise EmbeddedError(f"The folder {folder} cannot be made: {error.strerror}.") from error
