"""The command ``flask token``, which issues tokens signed with JWT_SECRET."""

from datetime import timedelta

import click
from flask import current_app
from flask.cli import with_appcontext

from taskapp.auth.tokens import sign_token
from taskapp.db.cli import user_id_argument

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Duration(click.ParamType[timedelta]):
    """A whole number and a unit: ``90s``, ``15m``, ``1h``, ``7d``."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Parse the text of the option."""
        if isinstance(value, timedelta):
            return value
        number, unit = str(value)[:-1], str(value)[-1:]
        if unit not in _SECONDS or not (number.isascii() and number.isdecimal()) or not 0 < int(number) < 10**6:
            self.fail(f"{value!r} is not a valid duration, such as 90s, 15m, 1h or 7d.", param, ctx)
        return timedelta(seconds=int(number) * _SECONDS[unit])


@click.command("token")
@user_id_argument
@click.option("--expires-in", type=Duration(), default="1h", show_default=True, help="Lifetime, such as 15m, 1h or 7d.")
@with_appcontext
def token(user_id: str, expires_in: timedelta) -> None:
    """Print a token for USER_ID, signed with JWT_SECRET."""
    if "/" in user_id:
        raise click.BadParameter("must not contain a slash.", param_hint="USER_ID")
    try:
        click.echo(sign_token(current_app.config, user_id, expires_in))
    except LookupError as error:
        raise click.ClickException(f"{error.args[0]}.") from None
