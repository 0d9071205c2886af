"""``flask webhooks deliver``. It loads the HTTP client only if it runs, so the service itself does not."""

import os

import click
from flask import current_app
from flask.cli import with_appcontext

from taskapp.db.cli import MaintenanceCommand
from taskapp.settings import LAST_PORT

# Neon suspends a compute after 5 minutes without statements. Once in half an hour, it runs for a sixth of the time.
IDLE_SECONDS = 1800
# More than poll(2) could wait would end the process.
LONGEST_IDLE_SECONDS = 86400
WAKE_FD = "TASKAPP_WAKE_FD"
# The deadline of a call cannot end a lookup of its name. If no name server responds, glibc gives up after 56 s by
# default, and after 20 s with this (tried with three servers and two search domains). A lease takes 60 s. See
# resolv.conf(5).
RESOLVER_OPTIONS = "timeout:2 attempts:2"


@click.group("webhooks")
def webhook_commands() -> None:
    """Deliver changes to webhooks."""


@webhook_commands.command("deliver", cls=MaintenanceCommand)
@click.option("--once", is_flag=True, help="Deliver everything that is due, and exit.")
@click.option("--metrics-port", type=click.IntRange(1, LAST_PORT), help="Serve metrics on this port of 127.0.0.1.")
@click.option(
    "--idle-seconds",
    type=click.FloatRange(1, LONGEST_IDLE_SECONDS),
    default=IDLE_SECONDS,
    show_default=True,
    help="The longest time between looks at the database while no webhook is enabled.",
)
@with_appcontext
def deliver(*, once: bool, metrics_port: int | None, idle_seconds: float) -> None:
    """Deliver changes to webhooks, and fire reminders, until a signal.

    Several of these processes may run, also on several hosts. On SIGTERM, it ends after the current calls, which take
    up to 10 seconds; on a second one, immediately.
    """
    from taskapp.tasks.webhooks.delivery.loop import Loop  # noqa: PLC0415 # See the docstring of the module.

    os.environ.setdefault("RES_OPTIONS", RESOLVER_OPTIONS)
    app = current_app._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001
    loop = Loop(app, idle_seconds=idle_seconds, wake_fd=_wake_fd())
    loop.stop_on_signals()
    if metrics_port:
        from taskapp.tasks.webhooks.delivery import metrics  # noqa: PLC0415 # prometheus-client is optional.

        metrics.serve(app, metrics_port)
    if once:
        loop.run_once()
    else:
        app.logger.info("Delivering webhooks")
        loop.run()
        app.logger.info("Delivering webhooks has ended")


def _wake_fd() -> int | None:
    """Return the file descriptor by which the service of the same host wakes this process, if it started it.

    Raises:
        BadParameter: the variable has no number.
    """
    value = os.environ.get(WAKE_FD, "")
    if value and not (value.isascii() and value.isdecimal()):
        raise click.BadParameter(f"{WAKE_FD} must be the number of a file descriptor.")
    return int(value) if value else None
