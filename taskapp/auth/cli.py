"""The command ``flask token``, which issues tokens signed with JWT_SECRET."""

from collections.abc import Sequence
from datetime import timedelta

import click
from flask import current_app
from flask.cli import with_appcontext

from taskapp.auth import scopes
from taskapp.auth.tokens import sign_token
from taskapp.db.cli import user_id_argument

_SCOPES = f"The scopes are {scopes.READ} and {scopes.WRITE}, separated by spaces."
_NOT_CHECKED = "JWT_SCOPES is off, so this token admits writes too."
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


class Scope(click.ParamType[list[str]]):
    """Scopes of this service, separated by spaces as in a token."""

    name = "scope"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """Parse the text of the option."""
        names = str(value).split()
        unknown = [name for name in names or [""] if name not in scopes.ALL]
        if unknown:
            self.fail(f"{unknown[0]!r} is not a scope. {_SCOPES}", param, ctx)
        return names


@click.command("token")
@user_id_argument
@click.option("--expires-in", type=Duration(), default="1h", show_default=True, help="Lifetime, such as 15m, 1h or 7d.")
@click.option(
    "--scope",
    "granted",
    type=Scope(),
    multiple=True,
    default=(scopes.READ, scopes.WRITE),
    show_default=True,
    help="Scope of the token, such as tasks:read. May be repeated.",
)
@with_appcontext
def token(user_id: str, expires_in: timedelta, granted: Sequence[Sequence[str]]) -> None:
    """Print a token for USER_ID, signed with JWT_SECRET."""
    if "/" in user_id:
        raise click.BadParameter("must not contain a slash.", param_hint="USER_ID")
    try:
        names = dict.fromkeys(name for each in granted for name in each)
        click.echo(sign_token(current_app.config, user_id, expires_in, names))
    except LookupError as error:
        raise click.ClickException(f"{error.args[0]}.") from None
    if scopes.WRITE not in names and not current_app.config["JWT_SCOPES"]:
        click.echo(_NOT_CHECKED, err=True)
