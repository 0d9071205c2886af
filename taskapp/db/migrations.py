"""The files of migrations: which revisions are the newest, and whether each id belongs to one file only."""

import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

from alembic.script import ScriptDirectory
from alembic.util import CommandError

from taskapp.settings import StartupError

_REVISION = re.compile(r"""^revision(?:\s*:\s*str)?\s*=\s*["']([^"']+)["']""", re.MULTILINE)
# The numbers that this project gives to its revisions. Alembic itself makes random ids.
_NUMBER = re.compile(r"[0-9]{4}", re.ASCII)


def check_ids(folder: Path) -> None:
    """Check that no two files have the same revision id. Alembic only warns, and skips one of them.

    Two branches of a repository that both add a migration have the same number.

    Raises:
        StartupError: two files have the same id; the message names them.
    """
    files = defaultdict(list)
    for file in sorted((folder / "versions").glob("*.py")):
        if match := _REVISION.search(file.read_text(encoding="utf-8")):
            files[match[1]].append(file.name)
    for revision, names in files.items():
        if len(names) > 1:
            raise StartupError(
                f"The migrations {' and '.join(names)} have the same revision id, {revision}. Give one of them another "
                "id, and check its down_revision."
            )


def _read_heads(folder: Path) -> frozenset[str]:
    check_ids(folder)
    try:
        return frozenset(ScriptDirectory(str(folder)).get_heads())
    except KeyError as error:  # Alembic's own error has no text.
        raise StartupError(f"A migration follows the revision {error}, of which there is no file.") from None
    except CommandError as error:
        raise StartupError(f"Cannot read the migrations: {error}") from None


def configure(config: Any) -> Any:
    """Check the files of migrations before every command of ``flask db``, and return Alembic's configuration."""
    folder = Path(config.get_main_option("script_location", ""))
    if folder.is_dir():
        _read_heads(folder)
    return config


@cache
def head_revisions(folder: Path) -> frozenset[str]:
    """Return the newest revisions in a folder of migrations; several if it has branches that are not merged.

    Raises:
        StartupError: two files have the same revision id, or a file follows a revision that has none.
    """
    return _read_heads(folder)


def next_number(script: ScriptDirectory) -> str:
    """Return the number after the highest one, which need not be the newest revision."""
    numbers = [int(each.revision) for each in script.walk_revisions() if _NUMBER.fullmatch(each.revision)]
    return f"{max(numbers, default=0) + 1:04}"
