"""The private folders for the data and the socket of the embedded PostgreSQL."""

import hashlib
import os
import stat
from pathlib import Path

from taskapp.settings import StartupError

# Not a network port, but part of the socket's name. Always passed explicitly, because PGPORT may be set to another.
PORT = 5432
SOCKET = f".s.PGSQL.{PORT}"
# The path of a Unix socket may have up to 103 bytes on macOS, and 107 on Linux.
SOCKET_PATH_LENGTH = 103


class EmbeddedError(StartupError):
    """The embedded PostgreSQL cannot be used on this host."""


def socket_folder(folder: Path) -> Path:
    """Return the folder for the socket: the given one or, if its path is too long, one below /tmp."""
    if len(os.fsencode(folder / SOCKET)) <= SOCKET_PATH_LENGTH:
        return folder
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(f"/tmp/taskapp-{os.geteuid()}-{name}")  # noqa: S108 # make_private() checks its owner.


def make_private(folder: Path) -> None:
    """Create a folder that only its owner can access, or restrict an existing one.

    The server trusts everyone who can reach its socket, so only the owner may.

    Raises:
        EmbeddedError: the folder cannot be created, is a link, or belongs to another user.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        if found.st_uid != os.geteuid() or not stat.S_ISDIR(found.st_mode):
            raise EmbeddedError(f"The folder {folder} is a symbolic link or belongs to another user.")
        if stat.S_IMODE(found.st_mode) & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise EmbeddedError(f"Cannot create the folder {folder}: {error.strerror}.") from error
