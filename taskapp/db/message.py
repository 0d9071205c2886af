"""Makes the messages of operations: a prefix and a statement, which is compiled once."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Executable
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

from taskapp.db import prefix
from taskapp.db.one_node import keep_on_one_node
from taskapp.db.prefix import ACTING_USER

_DIALECT = PGDialect_psycopg2()  # type: ignore[no-untyped-call] # SQLAlchemy does not annotate it.
# The execution option of a statement that is planned without nested loops, as far as that is possible.
NO_NESTED_LOOPS = "no_nested_loops"
# That of a statement which reads in the order of an index.
BY_INDEX = "by_index"
_PLANNING = {NO_NESTED_LOOPS: prefix.NO_NESTED_LOOPS, BY_INDEX: prefix.BY_INDEX}


class Message(NamedTuple):
    """A message to PostgreSQL.

    Attributes:
        text: SQL text with parameters in psycopg2's format.
        values: the values of the parameters.
        share: the fraction of the timeout that the statement may take.
        read_only: whether its transaction is read-only.
        acts_until: where the prefix that sets the acting role and user ends in the text; 0 if there is none.
        planned_until: where the settings for the planner end, which follow the prefix.
    """

    text: str
    values: Mapping[str, Any]
    share: float = 1.0
    read_only: bool = False
    acts_until: int = 0
    planned_until: int = 0

    def parts(self) -> tuple[str, str, str]:
        """Return the prefix, the settings for the planner, and the statement."""
        acts, plans = self.acts_until, self.planned_until
        return self.text[:acts], self.text[acts:plans], self.text[plans:]


# A large statement takes 700 KB, so this must keep none that its own cache has dropped.
_compiled: WeakKeyDictionary[Executable, Message] = WeakKeyDictionary()


def compile_statement(statement: Executable) -> Message:
    """Compile a statement to SQL once. SQLAlchemy's own execution does more work for each call."""
    message = _compiled.get(statement)
    if message is None:
        message = _compiled[statement] = _compile(statement)
    return message


def _compile(statement: Executable) -> Message:
    compiled = statement.compile(dialect=_DIALECT)  # type: ignore[attr-defined] # Every statement here has it.
    fixed = {name: value for name, value in compiled.params.items() if not compiled.binds[name].required}
    options = statement.get_execution_options()
    before = "".join(text for name, text in _PLANNING.items() if options.get(name))
    return Message(before + str(compiled), fixed, planned_until=len(before))


def message_as(
    before: str, user_id: str, statement: Executable, parameters: Mapping[str, Any], share: float = 1.0
) -> Message:
    """Return the message of a statement as a user.

    Args:
        before: the prefix, from :mod:`taskapp.db.prefix`.
        user_id: the acting user.
        statement: the statement.
        parameters: the values of its bind parameters except :data:`~taskapp.db.prefix.ACTING_USER`.
        share: the fraction of the timeout that it may take.
    """
    text, fixed, *_ = compiled = compile_statement(statement)
    values = {**fixed, **parameters, ACTING_USER.key: user_id}
    end = len(before)
    return Message(before + text, values, share, acts_until=end, planned_until=end + compiled.planned_until)


def make_read_only(message: Message) -> Message:
    """Return a message with the same statement in a read-only transaction."""
    more = len(prefix.READ_ONLY)
    return Message(
        prefix.READ_ONLY + message.text,
        message.values,
        message.share,
        read_only=True,
        acts_until=message.acts_until and message.acts_until + more,
        planned_until=message.planned_until + more,
    )


def forward_settings(message: Message) -> Message:
    """Return a message whose settings Citus forwards to its nodes, and which stays on one, if it acts as a user."""
    if not message.acts_until:
        return message
    acts, plans, statement = message.parts()
    text = keep_on_one_node(statement)
    return Message(acts + prefix.FORWARD + plans + prefix.END_OF_FORWARD + text, *message[1:])


def message_as_login_role(statement: Executable, parameters: Mapping[str, Any]) -> Message:
    """Return the message of a statement as the login role.

    Args:
        statement: the statement.
        parameters: the values of its bind parameters.
    """
    text, fixed, *_ = compile_statement(statement)
    return Message(prefix.LOGIN + text, {**fixed, **parameters})
