"""``flask idempotency``: maintenance of stored results."""

import click
from flask.cli import with_appcontext

from taskapp.db import idempotency


@click.group("idempotency")
def idempotency_commands() -> None:
    """Look after the results that are kept for retries."""


@idempotency_commands.command("purge")
@with_appcontext
def purge() -> None:
    """Remove what was kept for a day; the service does so too, once an hour."""
    click.echo(f"{idempotency.purge_expired()} expired keys purged.")
