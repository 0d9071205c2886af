"""``flask idempotency``, and what all commands of maintenance share."""

from typing import Any

import click
from flask.cli import with_appcontext

from taskapp.db import idempotency
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


@click.group("idempotency")
def idempotency_commands() -> None:
    """Manage stored idempotency keys."""


@idempotency_commands.command("purge", cls=MaintenanceCommand)
@with_appcontext
def purge() -> None:
    """Delete keys older than 24 hours. The service also does this, at most once an hour."""
    click.echo(f"{idempotency.purge_expired()} expired keys purged.")
