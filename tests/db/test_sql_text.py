"""No SQL is made of anything but constants and bound parameters: row-level security does not hold against injection.

The rules are read off the code, so that a statement that breaks them fails here before a value reaches it. Migrations
are not checked, because no value of a client reaches them.
"""

import ast
import re
from pathlib import Path

import pytest

from config import ROOT

PACKAGE = ROOT / "taskapp"
# What SQLAlchemy and psycopg2 put into a statement as it is. The arguments must be constants.
RAW = {"AsIs", "DDL", "SQL", "TextClause", "literal_column", "op", "prefix_with", "suffix_with", "text", "with_hint"}
# Options that write values into the text of a statement.
WRITTEN_OUT = {"literal_binds", "literal_execute", "render_postcompile"}
# What sends text to PostgreSQL, and the only place that may do so and may make that text. The embedded server is also
# set up by constants, before there is anything of users.
SENDS = {"copy_expert", "exec_driver_sql", "execute", "execute_batch", "execute_values", "executemany", "mogrify"}
SENT = {"cursor.execute(message.text, {**message.values, **limits})"}
MADE = {"before + str(compiled)", "before + text", "prefix.LOGIN + text", "prefix.READ_ONLY + message.text"}
PREFIXES = {f"prefix.{name}" for name in ("READ", "WRITE", "WRITE_ONCE", "WRITE_OUT_OF_TURN", "ERASE", "COURIER")}
EMBEDDED = PACKAGE / "db" / "embedded"
SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|WHERE|VALUES|set_config)\b")


def name_of(function):
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def is_constant(node):
    """A literal, a name that is written as a constant of a module, an attribute of one, or text made of these."""
    if isinstance(node, ast.JoinedStr):
        return all(map(is_constant, parts_of(node)))
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id.isupper())


def holds_sql(node):
    return any(isinstance(part, ast.Constant) and SQL.search(str(part.value)) for part in ast.walk(node))


def parts_of(node):
    """What an expression that makes a string puts together, or nothing if it makes none."""
    if isinstance(node, ast.JoinedStr):
        return [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        return [node.left, node.right]
    if isinstance(node, ast.Call) and name_of(node.func) in {"format", "format_map", "join", "replace", "Template"}:
        return [node.func, *node.args, *(keyword.value for keyword in node.keywords)]
    return []


def problems_of_call(node, *, constants_may_be_sent):
    name = name_of(node.func)
    if name in RAW and not all(map(is_constant, node.args)):
        yield "a raw text that is no constant"
    if WRITTEN_OUT & {keyword.arg for keyword in node.keywords}:
        yield "a value that is written into the text"
    allowed = ast.unparse(node) in SENT or (constants_may_be_sent and all(map(is_constant, node.args[:1])))
    if name in SENDS and isinstance(node.func, ast.Attribute) and not allowed:
        yield "a statement that bypasses taskapp.db.execute"
    if name == "Message" and ast.unparse(node.args[0]) not in MADE:
        yield "a message that SQLAlchemy did not compile"
    if name == "message_as" and ast.unparse(node.args[0]) not in PREFIXES:
        yield "a prefix that is no constant"
    if name == "getattr" and ast.unparse(node.args[0]) == "func" and not is_constant(node.args[1]):
        yield "a function whose name is no constant"


def problems(tree, **allowed):
    for node in ast.walk(tree):
        found = list(problems_of_call(node, **allowed)) if isinstance(node, ast.Call) else []
        parts = parts_of(node)
        if parts and holds_sql(node) and not all(map(is_constant, parts)):
            found.append("SQL that is put together")
        yield from ((node.lineno, problem) for problem in found)


def test_statements_are_made_of_constants_and_bound_parameters():
    files = list(PACKAGE.rglob("*.py"))
    assert len(files) > 50
    found = {
        f"{Path(path).relative_to(ROOT)}:{line}: {problem}"
        for path in files
        for line, problem in problems(ast.parse(path.read_text()), constants_may_be_sent=path.is_relative_to(EMBEDDED))
    }
    assert found == set()


@pytest.mark.parametrize(
    "code",
    [
        "text(f\"SELECT * FROM tasks WHERE user_id = '{user_id}'\")",
        'text("title = " + title)',
        'text("title = %s" % title)',
        "text(statement)",
        "sa.text(q)",
        "literal_column(sort)",
        "Task.title.op(operator)(q)",
        'select(Task).prefix_with(f"/* {user_id} */")',
        "func.strpos(Task.title, bindparam('q', literal_execute=True))",
        "statement.compile(compile_kwargs=dict(literal_binds=True))",
        "getattr(func, name)(Task.title)",
        'cursor.execute(f"DELETE FROM tasks WHERE id = {task_id}")',
        "cursor.execute(statement, values)",
        "db.session.execute(statement)",
        "connection.exec_driver_sql(statement)",
        'Message("SELECT " + title, {})',
        'message_as("SELECT " + title, user_id, statement, {})',
        'sql = f"SELECT {column} FROM tasks"',
        'sql = "SELECT {} FROM tasks".format(column)',
        'sql = "SELECT %s FROM tasks" % column',
        'sql = "SELECT id FROM tasks WHERE " + condition',
        'sql = "SELECT id FROM tasks WHERE " + " AND ".join(conditions)',
        "psycopg2.sql.SQL(q)",
        "AsIs(q)",
    ],
)
@pytest.mark.parametrize("constants_may_be_sent", [False, True])
def test_statement_made_of_anything_else_is_found(code, constants_may_be_sent):
    assert list(problems(ast.parse(code), constants_may_be_sent=constants_may_be_sent))


@pytest.mark.parametrize(
    "code",
    [
        "text(\"interval '24 hours'\")",
        'literal_column("1")',
        "PREFIX = f\"SELECT set_config('role', '{ACTING_ROLE}', true), %({ACTING_USER.key})s\"",
        'select(Task).where(Task.id == bindparam("id"))',
        'execute(statement, {"q": q}, user_id=user_id)',
        'message = f"Cannot {verb} the task."',
    ],
)
def test_statement_made_of_constants_is_allowed(code):
    assert not list(problems(ast.parse(code), constants_may_be_sent=False))
