"""The operation that erases all data of a user. It is independent of HTTP."""

from collections.abc import Mapping

from taskapp.db.errors import StatementTooSlow
from taskapp.db.execute import execute_as_eraser
from taskapp.tasks.erasure import queries
from taskapp.tasks.errors import OperationTooSlow
from taskapp.tasks.users.tables import USER_TABLES

# The fraction of REQUEST_TIMEOUT, as for other writes of all tasks of a user.
_SHARE = 0.8


def erase_user(user_id: str, *, forget: bool = False) -> Mapping[str, int]:
    """Erase all data of a user, all or nothing. The user may begin again.

    It leaves a marker in the log: the user id and the next number. So a number or a version from before never means
    anything else, and a client that kept one is told so.

    Args:
        user_id: the user.
        forget: whether to leave no marker either. Only for user ids that are never used again.

    Returns:
        The number of erased rows of each of ``USER_TABLES``.

    Raises:
        OperationTooSlow: it took too long. Nothing was erased.
        DatabaseNotSetUp: the login role may not switch to the role that erases.
        UserBusy, DatabaseUnavailable: see :func:`taskapp.db.execute.execute_in_turn`.
    """
    try:
        rows = execute_as_eraser(queries.erase_user(forget=forget), user_id=user_id, share=_SHARE)
    except StatementTooSlow:
        raise OperationTooSlow from None
    return dict(zip(USER_TABLES, rows[0], strict=True))
