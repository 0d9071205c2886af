"""The private folders for the data and the socket of the embedded PostgreSQL."""

import hashlib
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from taskapp.settings import StartupError

# Not a network port, but part of the socket's name.
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


def user_name(uid: int) -> str:
    """Return the name of a user, or the number if the user has no entry in passwd, as in some containers."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def make_private(folder: Path) -> None:
    """Create a folder that only its owner can access, or restrict an existing one.

    The server trusts everyone who can reach its socket, so only the owner may.

    Raises:
        EmbeddedError: the folder cannot be created or restricted, is a link, or belongs to another user.
    """
    advice = "Set INSTANCE_PATH to another folder"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        if stat.S_ISLNK(found.st_mode):
            raise EmbeddedError(f"The folder {folder} is a symbolic link. {advice}, such as {folder.resolve()}.")
        if found.st_uid != os.geteuid():
            owner, user = user_name(found.st_uid), user_name(os.geteuid())
            raise EmbeddedError(
                f"The folder {folder} belongs to the user {owner}, but this process runs as {user}. {advice}, or run it"
                f" as {owner}."
            )
        if stat.S_IMODE(found.st_mode) & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise EmbeddedError(f"Cannot create the folder {folder}: {error.strerror}.") from error


@contextmanager
def report_os_errors(folder: Path) -> Iterator[None]:
    """Report the errors of the system in this context in a sentence, such as those of a full or read-only disk.

    Raises:
        EmbeddedError: the system reported an error.
    """
    try:
        yield
    except OSError as error:
        file = f" ({error.filename})" if error.filename else ""
        raise EmbeddedError(f"Cannot use the folder {folder}: {error.strerror}{file}.") from error
