"""What Citus asks of statements, checked with PostgreSQL's own parser. See ``tests/db/test_statement_rules.py``.

A *part* of a statement is each query of its WITH, and the statement itself without them. A *block* is each SELECT,
UPDATE or DELETE at any depth; the sides of a UNION are blocks of their own.
"""

import json
import re

from pglast.parser import parse_sql_json

# The tables that Citus distributes by user_id.
TABLES = {"tasks", "changes", "idempotency_keys", "calendars", "webhooks"}
UNNAMED = "a table without the acting user"
NO_RETURNING = "a part that writes without RETURNING"
ANY_NODE = "a part of a write that may run on any node"
SETS_USER = "user_id is set"
RECURSION = "recursion in a write"
_WRITES = {"InsertStmt", "UpdateStmt", "DeleteStmt"}
_BLOCKS = {"SelectStmt", "UpdateStmt", "DeleteStmt"}
# What the acting user becomes in the text for the parser; all other parameters are $2.
_ACTING_USER = 1


def parse(text):
    """The statements of a text with parameters in psycopg2's format, as trees of JSON."""
    numbered = re.sub(r"%\((\w+)\)s", lambda found: "$1" if found[1] == "acting_user" else "$2", text)
    return [each["stmt"] for each in json.loads(parse_sql_json(numbered.replace("%%", "%")))["stmts"]]


def broken_rules(statement):
    """The rules that a statement breaks, each with the part that does; the name of the statement itself is empty."""
    parts = dict(_parts(statement))
    names = parts.keys()
    writing = {name for name, part in parts.items() if _kind(part) in _WRITES}
    for name, part in parts.items():
        if any(_unnamed(block, names) for block in _blocks(part)):
            yield UNNAMED, name
        if name and name in writing and "returningClause" not in _body(part):
            yield NO_RETURNING, name
        if len(writing) > 1 and not all(_uses_table(leaf, names) for leaf in _leaves(part)):
            yield ANY_NODE, name
        if "user_id" in _set_columns(part):
            yield SETS_USER, name
    if writing and any(isinstance(node, dict) and node.get("recursive") for node in _nodes(statement)):
        yield RECURSION, ""


def _kind(node):
    return next(iter(node))


def _body(node):
    return node[_kind(node)]


def _parts(statement):
    """The queries of WITH by name, and the statement itself by an empty name, each without its own WITH."""
    body = dict(_body(statement))
    clause = body.pop("withClause", None)
    yield "", {_kind(statement): body}
    # SQLAlchemy puts them all in front of the statement.
    for each in clause["ctes"] if clause else ():
        yield each["CommonTableExpr"]["ctename"], each["CommonTableExpr"]["ctequery"]


def _nodes(node):
    """A node and all below it."""
    yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from _nodes(child)


def _blocks(part):
    for node in _nodes(part):
        for kind in _BLOCKS.intersection(node if isinstance(node, dict) else ()):
            yield from _sides(node[kind])


def _sides(block):
    """A block, or the sides of its UNION."""
    if "larg" not in block:
        return [block]
    return [*_sides(block["larg"]), *_sides(block["rarg"])]


def _leaves(part):
    """What Citus plans of a part: the statement, the SELECT of an INSERT, or the sides of a UNION."""
    body = _body(part)
    if _kind(part) == "InsertStmt":
        body = body["selectStmt"]["SelectStmt"]
    return [{_kind(part) if _kind(part) != "InsertStmt" else "SelectStmt": side} for side in _sides(body)]


def _set_columns(part):
    update = _body(part) if _kind(part) == "UpdateStmt" else _body(part).get("onConflictClause", {})
    return {each["ResTarget"].get("name") for each in update.get("targetList", ())}


def _tables_of(block, queries):
    """The names by which a block itself uses distributed tables, not in its subqueries."""
    if "relation" in block:
        yield from _aliases(block["relation"], queries)
    stack = [*block.get("fromClause", ()), *block.get("usingClause", ())]
    while stack:
        node = stack.pop()
        if "RangeVar" in node:
            yield from _aliases(node["RangeVar"], queries)
        elif "JoinExpr" in node:
            stack += [node["JoinExpr"]["larg"], node["JoinExpr"]["rarg"]]


def _aliases(table, queries):
    if table["relname"] in TABLES and table["relname"] not in queries:
        yield table.get("alias", {}).get("aliasname", table["relname"])


def _conditions(block):
    """The conditions of a block that all hold: those of WHERE, and of the joins."""
    stack = [block["whereClause"]] if "whereClause" in block else []
    sources = [*block.get("fromClause", ()), *block.get("usingClause", ())]
    while sources:
        join = sources.pop().get("JoinExpr")
        if join:
            sources += [join["larg"], join["rarg"]]
            stack += [join["quals"]] if "quals" in join else []
    while stack:
        node = stack.pop()
        if node.get("BoolExpr", {}).get("boolop") == "AND_EXPR":
            stack += node["BoolExpr"]["args"]
        else:
            yield node


def _user_of(condition):
    """The name of the table whose user a condition compares to the acting user; None if it compares something else."""
    compared = condition.get("A_Expr", {})
    is_equal = compared.get("kind") == "AEXPR_OP" and compared["name"] == [{"String": {"sval": "="}}]
    if not is_equal or compared["rexpr"].get("ParamRef", {}).get("number") != _ACTING_USER:
        return None
    fields = [each.get("String", {}).get("sval") for each in compared["lexpr"].get("ColumnRef", {}).get("fields", ())]
    return fields[0] if fields[1:] == ["user_id"] else None


def _unnamed(block, queries):
    """The tables of a block whose user it does not name."""
    named = {_user_of(condition) for condition in _conditions(block)}
    return [table for table in _tables_of(block, queries) if table not in named]


def _uses_table(leaf, queries):
    """Whether what Citus plans uses a distributed table at any depth, or inserts a row of values."""
    return "valuesLists" in _body(leaf) or any(True for block in _blocks(leaf) for _ in _tables_of(block, queries))
