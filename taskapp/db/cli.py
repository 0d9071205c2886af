"""``flask idempotency``: maintenance of stored results."""

import click
from flask.cli import with_appcontext

from taskapp.db import idempotency


@click.group("idempotency")
def idempotency_commands() -> None:
    """Manage stored idempotency keys."""


@idempotency_commands.command("purge")
@with_appcontext
def purge() -> None:
    """Delete keys older than 24 hours. The service also does this, at most once an hour."""
    click.echo(f"{idempotency.purge_expired()} expired keys purged.")
