"""``flask users``: shows, exports and erases the data of one user."""

import sys
from collections.abc import Iterator
from typing import Any, ClassVar

import click
from flask.cli import with_appcontext

from taskapp.db.cli import user_id_argument
from taskapp.db.errors import DatabaseNotSetUp, DatabaseReadOnly, DatabaseUnavailable, UserBusy
from taskapp.tasks.erasure.service import erase_user
from taskapp.tasks.errors import OperationTooSlow
from taskapp.tasks.representation import FIELDS
from taskapp.tasks.transfer.formats import to_csv, to_ndjson
from taskapp.tasks.users import service
from taskapp.tasks.users.tables import USER_TABLES, describe_numbers


class UserCommand(click.Command):
    """A command about one user. If the database fails, it ends in a sentence.

    Attributes:
        outcome: what is the case then.
    """

    outcome: ClassVar[str] = "Nothing was read"

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except OperationTooSlow:
            raise click.ClickException(f"It took too long. {self.outcome}. Set a longer REQUEST_TIMEOUT.") from None
        except (DatabaseNotSetUp, DatabaseReadOnly, UserBusy) as error:
            raise click.ClickException(f"{self.outcome}: {error}.") from None
        except DatabaseUnavailable:
            raise click.ClickException("The database is unavailable. Run the command again.") from None


class EraseCommand(UserCommand):
    """The command that erases."""

    outcome = "Nothing was erased"


class ExportCommand(UserCommand):
    """The command that exports."""

    outcome = "The export is incomplete"


@click.group("users")
def user_commands() -> None:
    """Show, export and erase the data of one user."""


@user_commands.command("show", cls=UserCommand)
@user_id_argument
@with_appcontext
def show(user_id: str) -> None:
    """Show how much data USER_ID has: how many tasks, changes and other rows, how large, from when to when."""
    summary = service.summarize_user(user_id)
    click.echo(f"{'':18}{'number':>10}{'bytes':>14}  {'oldest':20}  newest")
    for name, (number, size, oldest, newest) in summary.tables.items():
        times = (f"{time:%Y-%m-%dT%H:%M:%SZ}" if time else "-" for time in (oldest, newest))
        click.echo(f"{USER_TABLES[name].noun:18}{number:10,}{size:14,}  {next(times):20}  {next(times)}")
        if name == "tasks":
            states = {"pending": number - summary.completed, "completed": summary.completed, "trash": summary.deleted}
            for state, tasks in states.items():
                click.echo(f"  {state:16}{tasks:10,}")
    if not any(facts.number for facts in summary.tables.values()):
        click.echo(f"There is nothing of {user_id!r}.", err=True)


def _pages(user_id: str, form: str) -> Iterator[tuple[int, bytes]]:
    """Return the number of lines of each page, and the page."""
    if form == "all":
        for rows in service.export_rows(user_id):
            yield len(rows), "".join(f'{{"table":"{table}","row":{row}}}\n' for table, row in rows).encode()
        return
    for place, tasks in enumerate(service.export_tasks(user_id)):
        yield len(tasks), to_ndjson(tasks) if form == "ndjson" else to_csv(tasks, FIELDS, header=place == 0)


@user_commands.command("export", cls=ExportCommand)
@user_id_argument
@click.option("--format", "form", type=click.Choice(["ndjson", "csv"]), help="The form of tasks. Default: ndjson.")
@click.option("--all", "everything", is_flag=True, help="Every row of every table, not only tasks.")
@with_appcontext
def export(user_id: str, form: str | None, *, everything: bool) -> None:
    """Write the tasks of USER_ID to the standard output, one a line."""
    if everything and form:
        raise click.UsageError("--all has one form. Omit --format.")
    output, number = sys.stdout.buffer, 0
    for lines, page in _pages(user_id, "all" if everything else form or "ndjson"):
        output.write(page)
        output.flush()
        number += lines
        if sys.stderr.isatty():
            click.echo(f"\r{number:,} lines", nl=False, err=True)
    if sys.stderr.isatty():
        click.echo(err=True)
    if not number:
        click.echo(f"There is nothing of {user_id!r}.", err=True)


def _confirm(user_id: str) -> None:
    """Ask whether to erase, on a terminal. Aborts the command unless the answer is yes."""
    if not sys.stdin.isatty():
        raise click.UsageError("Nothing was erased. Without a terminal, confirm with --yes.")
    tables = service.summarize_user(user_id).tables
    numbers = describe_numbers({name: facts.number for name, facts in tables.items()})
    click.confirm(f"Erase {numbers} of {user_id!r} for good?", abort=True, err=True)


@user_commands.command("erase", cls=EraseCommand)
@user_id_argument
@click.option("--forget", is_flag=True, help="Leave no marker. Only if the user id is never used again.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
def erase(user_id: str, *, forget: bool, yes: bool) -> None:
    """Erase all data of USER_ID: tasks, changes, idempotency keys and whatever else there is."""
    if not yes:
        _confirm(user_id)
    click.echo(f"Erased {describe_numbers(erase_user(user_id, forget=forget))}.")
