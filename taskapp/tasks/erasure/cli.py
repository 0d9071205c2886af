"""``flask users``: operations on users."""

import click
from flask.cli import with_appcontext

from taskapp.db.columns import USER_ID_LENGTH
from taskapp.db.errors import DatabaseNotSetUp, DatabaseReadOnly, DatabaseUnavailable, UserBusy
from taskapp.tasks.erasure import service
from taskapp.tasks.errors import OperationTooSlow


@click.group("users")
def user_commands() -> None:
    """Manage the data of users."""


@user_commands.command("erase")
@click.argument("user_id")
@click.option("--forget", is_flag=True, help="Leave no marker. Only if the user id is never used again.")
@with_appcontext
def erase(user_id: str, *, forget: bool) -> None:
    """Erase all data of USER_ID: tasks, changes, idempotency keys and calendars."""
    if not 0 < len(user_id) <= USER_ID_LENGTH or "\0" in user_id:
        raise click.BadParameter(f"must be 1 to {USER_ID_LENGTH} characters, without NUL.", param_hint="USER_ID")
    try:
        erased = service.erase_user(user_id, forget=forget)
    except OperationTooSlow:
        raise click.ClickException("It took too long. Nothing was erased. Set a longer REQUEST_TIMEOUT.") from None
    except (DatabaseNotSetUp, DatabaseReadOnly, UserBusy) as error:
        raise click.ClickException(f"Nothing was erased: {error}.") from None
    except DatabaseUnavailable:
        raise click.ClickException("The database is unavailable. Run the command again.") from None
    click.echo(
        f"Erased {erased.tasks} tasks, {erased.changes} changes, {erased.keys} idempotency keys and"
        f" {erased.calendars} calendars."
    )
