"""``flask idempotency``, ``flask shard``, and what all commands of maintenance share."""

from itertools import groupby
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from taskapp.db import idempotency, sharding
from taskapp.db.columns import USER_ID_LENGTH
from taskapp.db.errors import DatabaseNotSetUp, DatabaseUnavailable, describe


class MaintenanceCommand(click.Command):
    """A command whose statements run as the login role. If the database fails, it ends in a sentence.

    Raises:
        ClickException: the reason.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except DatabaseNotSetUp as error:
            raise click.ClickException(
                f"The database refused the command: {describe(error)}. Run it as the owner of the tables, after"
                " 'flask db upgrade'."
            ) from None
        except DatabaseUnavailable as error:
            reason = describe(error) or "it does not respond"
            raise click.ClickException(
                f"The database did not complete the command: {reason}. Each of its statements may take REQUEST_TIMEOUT."
            ) from None


def check_user_id(_context: click.Context, _parameter: click.Parameter, user_id: str) -> str:
    """Return a user id on the command line.

    Raises:
        BadParameter: no user can have it.
    """
    is_text = user_id.isascii() or not any("\ud800" <= character <= "\udfff" for character in user_id)
    if not 0 < len(user_id) <= USER_ID_LENGTH or "\0" in user_id or not is_text:
        raise click.BadParameter(f"must be 1 to {USER_ID_LENGTH} characters in UTF-8, without NUL.")
    return user_id


user_id_argument = click.argument("user_id", callback=check_user_id)


@click.group("idempotency")
def idempotency_commands() -> None:
    """Manage stored idempotency keys."""


@idempotency_commands.command("purge", cls=MaintenanceCommand)
@with_appcontext
def purge() -> None:
    """Delete keys older than 24 hours. The service also does this, at most once an hour."""
    click.echo(f"{idempotency.purge_expired()} expired keys purged.")


@click.command("shard")
@click.option("--apply", "applies", is_flag=True, help="Run the statements, instead of printing them.")
@with_appcontext
def shard(*, applies: bool) -> None:
    """Print what the owner runs on a Citus cluster after 'flask db upgrade'.

    Uses MIGRATION_DATABASE_URL, or DATABASE_URL without it. May be repeated.
    """
    url = current_app.config["MIGRATION_DATABASE_URL"] or current_app.config["DATABASE_URL"]
    if url is None:
        raise click.ClickException("The embedded PostgreSQL is not Citus. Set MIGRATION_DATABASE_URL.")
    try:
        with sharding.connect_as_owner(url) as connection:
            _shard(connection, applies=applies)
    except sharding.ShardingError as error:
        raise click.ClickException(str(error)) from None
    except DBAPIError as error:
        raise click.ClickException(
            f"The database refused: {describe(error)}. What is printed above was done. Run the command again after"
            " you corrected the cause."
        ) from None


def _shard(connection: Connection, *, applies: bool) -> None:
    """Print each step as SQL, and run it before if it is to be applied."""
    ran, steps = 0, sharding.find_steps(connection)
    for why, group in groupby(steps, lambda step: step.why):
        click.echo(f"-- {why}")
        for step in group:
            if applies and not step.done:
                sharding.apply(connection, step)
                ran += 1
            click.echo(f"-- already so: {step.statement}" if step.done else f"{step.statement};")
    done = sum(step.done for step in steps)
    click.echo(f"-- {ran} statements run, {done} already so." if applies else f"-- {done} already so.")
