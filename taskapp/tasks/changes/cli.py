"""``flask history``: maintenance of the log of changes."""

import click
from flask.cli import with_appcontext

from taskapp.db.cli import MaintenanceCommand
from taskapp.tasks.changes import retention


@click.group("history")
def history_commands() -> None:
    """Manage the log of changes."""


@history_commands.command("purge", cls=MaintenanceCommand)
@with_appcontext
def purge() -> None:
    """Delete changes older than HISTORY_DAYS. The service also does this, at most once an hour."""
    click.echo(f"{retention.purge()} expired changes purged.")


@history_commands.command("restart", cls=MaintenanceCommand)
@with_appcontext
def restart() -> None:
    """Forget all changes, and continue with higher numbers. Run it after a restore from a backup.

    Clients that follow the changes are told to read all tasks again.
    """
    click.echo(f"{retention.restart()} logs restarted.")
