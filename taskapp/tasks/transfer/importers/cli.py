"""``flask import``: converts files of other products."""

from collections.abc import Callable
from typing import Any, BinaryIO

import click
import orjson
from marshmallow import ValidationError, fields

from taskapp.tasks.fields import Tag, TimeZone
from taskapp.tasks.transfer.importers import SOURCES

# The exit code if there is a report. 1 is an error, and 2 a wrong use of the command.
REPORTED = 3


def _checked_by(field: fields.Field[Any]) -> Callable[..., Any]:
    """Return a callback that checks an option as a field of a task."""

    def check(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Any:
        try:
            return value if value is None else field.deserialize(value)
        except ValidationError as error:
            raise click.BadParameter(" ".join(map(str, error.messages))) from None

    return check


@click.command("import")
@click.argument("source", type=click.Choice([*SOURCES]))
@click.argument("file", type=click.File("rb"))
@click.option(
    "--time-zone",
    callback=_checked_by(TimeZone()),
    help="Your time zone, such as Europe/Berlin, for times without one.",
)
@click.option(
    "--long-text",
    type=click.Choice(("refuse", "cut")),
    default="refuse",
    show_default=True,
    help="Leave out a task with a text that is too long, or cut the text.",
)
@click.option("--tag", callback=_checked_by(Tag()), help="A tag for all tasks, such as imported.")
def convert_file(*, source: str, file: BinaryIO, time_zone: str | None, long_text: str, tag: str | None) -> None:
    """Convert a FILE of another product to NDJSON on standard output. FILE may be - for standard input.

    It uses no database and creates no task. What has no place is reported on standard error. The exit code is 0 if
    everything was converted, and 3 if something was reported.
    """
    # Loaded only here: the service has the commands, but never runs them.
    from taskapp.tasks.transfer.importers.conversion import Options, convert  # noqa: PLC0415
    from taskapp.tasks.transfer.importers.files import read_file  # noqa: PLC0415
    from taskapp.tasks.transfer.importers.report import Report, WrongFile  # noqa: PLC0415

    report, options = Report(), Options(time_zone, cut=long_text == "cut", tag=tag)
    try:
        # All lines, before the first is written: a wrong file prints nothing.
        lines = list(convert(source, read_file(file), options, report))
    except (WrongFile, OSError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines), nl=False)
    entries = report.lines()
    for entry in [*entries, f"{len(lines)} tasks converted, {report.refused} left out."]:
        click.echo(entry, err=True)
    click.get_current_context().exit(REPORTED if entries else 0)
