"""``flask users import``: a file of any size, in parts."""

import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from itertools import islice
from tempfile import TemporaryFile
from types import MappingProxyType
from typing import IO, Any, NamedTuple

import click
from flask.cli import with_appcontext
from marshmallow import ValidationError

from taskapp.db.cli import user_id_argument
from taskapp.db.errors import DatabaseNotSetUp, DatabaseReadOnly, DatabaseUnavailable, UserBusy
from taskapp.http.input_errors import describe_errors
from taskapp.tasks.errors import InvalidChange, LinesNotImported
from taskapp.tasks.transfer import service
from taskapp.tasks.transfer.checks import LINES, Seen, check_lines
from taskapp.tasks.transfer.csv_lines import read_csv
from taskapp.tasks.transfer.error_responses import details_of
from taskapp.tasks.transfer.lines import Line, Reader, read_ndjson
from taskapp.tasks.transfer.schemas import CUT, REFUSE, SKIP, UPDATE

# The number of lines in a write. Each of them is all or nothing.
PART = 500
# The number of wrong lines that are printed.
_SHOWN = 100
_NOTHING = "Nothing was imported."
_HINT = " If it is a file of another product, convert it with flask import."
_IS_CUT = "Is too long, and is cut."
_ARCHIVE = b"PK"  # What a ZIP file begins with.
_READERS = MappingProxyType[str, Reader]({"ndjson": read_ndjson, "csv": read_csv})


class _Options(NamedTuple):
    user_id: str
    existing: str
    cut: bool
    dry_run: bool


class _Done:
    """What was imported so far: the number of lines, of each result, and the writes."""

    def __init__(self) -> None:
        self.lines = 0
        self.results = Counter[str]()
        self.writes: list[int] = []

    def add(self, imported: service.Import) -> None:
        self.lines += len(imported.tasks)
        self.results.update(result for _, result in imported.tasks)
        if imported.change is not None:
            self.writes.append(imported.change)

    def explain_undo(self) -> str:
        """Return a line that says what to undo; empty if nothing was written."""
        if not self.writes:
            return ""
        numbers = ", ".join(map(str, reversed(self.writes)))
        noun = "these writes in this order" if len(self.writes) > 1 else "this write"
        return f"\nTo take it back, undo {noun}: {numbers}."


@click.command("import")
@user_id_argument
@click.argument("file", type=click.File("rb"))
@click.option("--format", "name", type=click.Choice([*_READERS]), help="Default: csv if FILE ends in .csv, or ndjson.")
@click.option("--existing", type=click.Choice([SKIP, UPDATE, REFUSE]), default=SKIP, show_default=True)
@click.option("--long-text", type=click.Choice([REFUSE, CUT]), default=REFUSE, show_default=True)
@click.option("--dry-run", is_flag=True, help="Write nothing.")
@with_appcontext
def import_file(user_id: str, file: IO[bytes], *, name: str | None, long_text: str, **options: Any) -> None:
    """Import the tasks in FILE, or in standard input if it is -, as tasks of USER_ID.

    All lines are checked before the first one is written. If the command is interrupted, run it again: what is there
    already is not made twice.
    """
    is_csv = getattr(file, "name", "").lower().endswith(".csv")  # Not every standard input has a name.
    read = _READERS[name or ("csv" if is_csv else "ndjson")]
    settings = _Options(user_id, cut=long_text == CUT, **options)
    with TemporaryFile() as copy:  # It is read twice, and standard input can be read only once.
        shutil.copyfileobj(file, copy)
        with _text_of(copy) as text:
            total = _check_file(read(text), cut=settings.cut)
        if settings.existing == REFUSE:  # No part is written if a later one would be refused.
            with _text_of(copy) as text:
                _import(read(text), total, settings._replace(dry_run=True))
        with _text_of(copy) as text:
            done = _import(read(text), total, settings)
    verb = "Would be" if settings.dry_run else "Done:"
    numbers = ", ".join(f"{done.results[name]:,} {name}" for name in service.RESULTS)
    click.echo(f"{verb} {numbers}.{done.explain_undo()}")


@contextmanager
def _text_of(file: IO[bytes]) -> Iterator[TextIOWrapper]:
    """Read the text of a file, which stays open."""
    file.seek(0)
    text = TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        yield text
    except UnicodeDecodeError:
        file.seek(0)
        hint = _HINT if file.read(len(_ARCHIVE)) == _ARCHIVE else ""
        raise click.ClickException(f"The file is not in UTF-8. {_NOTHING}{hint}") from None
    finally:
        text.detach()


def _parts(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while part := [*islice(lines, PART)]:
        yield part


def _check_file(lines: Iterator[Line], *, cut: bool) -> int:
    """Check all lines of a file, and return how many there are. Print which texts are cut.

    Raises:
        ClickException: some are wrong.
    """
    seen, total, errors, wrong = Seen(), 0, 0, 0
    for part in _parts(lines):
        total += len(part)
        try:
            checked = check_lines(part, cut=cut, seen=seen)
        except ValidationError as error:
            wrong += len(error.messages_dict[LINES])
            errors += _report(describe_errors(error.messages_dict, "body"), errors)
        else:
            _report({f"{LINES}.{line.number}.{name}": [_IS_CUT] for line in checked for name in line.cut})
    if errors:
        more = f" The first {_SHOWN} errors are above." if errors > _SHOWN else ""
        hint = _HINT if wrong == total else ""
        raise click.ClickException(f"{_number(errors, 'error')} in {_number(total, 'line')}. {_NOTHING}{more}{hint}")
    return total


def _number(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _report(details: dict[str, list[str]], before: int = 0) -> int:
    """Print the errors of a part, if there were not too many before, and return their number."""
    sentences = [f"{place}: {sentence}" for place, each in details.items() for sentence in each]
    for sentence in sentences[: max(_SHOWN - before, 0)]:
        click.echo(sentence, err=True)
    return len(sentences)


def _import(lines: Iterator[Line], total: int, options: _Options) -> _Done:
    """Import the lines of a file, or try to, and return what was done.

    Raises:
        ClickException: some lines are impossible, or the command is interrupted.
    """
    seen, done = Seen(), _Done()
    label = "Checking" if options.dry_run else "Importing"
    try:
        with click.progressbar(length=total, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
            for part in _parts(lines):
                done.add(_import_part(part, seen, options))
                bar.update(len(part))
    except LinesNotImported as error:
        _report(details_of(error))
        raise click.ClickException(_stopped(done, total, options, "Correct the lines")) from None
    except InvalidChange as error:
        _report({place: [sentence] for place, sentence in error.details.items()})
        raise click.ClickException(_stopped(done, total, options, "Split the file")) from None
    except (DatabaseNotSetUp, DatabaseReadOnly, UserBusy) as error:
        raise click.ClickException(f"{error}. {_stopped(done, total, options, 'Mend that')}") from None
    except DatabaseUnavailable:
        raise click.ClickException(_stopped(done, total, options, "The database is unavailable. Wait")) from None
    except KeyboardInterrupt:
        raise click.ClickException(_stopped(done, total, options, "Interrupted. You can continue")) from None
    return done


def _import_part(part: Iterable[Line], seen: Seen, options: _Options) -> service.Import:
    checked = check_lines(part, cut=options.cut, seen=seen)
    return service.import_lines(options.user_id, checked, existing=options.existing, dry_run=options.dry_run)


def _stopped(done: _Done, total: int, options: _Options, advice: str) -> str:
    if options.dry_run:
        return f"{_NOTHING} {advice}, and run the command again."
    lines = f"{done.lines:,} of {_number(total, 'line')} {'was' if total == 1 else 'were'} imported."
    return f"{lines} {advice}, and run the command again: it makes nothing twice.{done.explain_undo()}"
