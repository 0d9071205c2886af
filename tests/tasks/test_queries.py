"""Every statement on tasks names the acting user, and is built once."""

import inspect
import re
from itertools import product

import pytest
from sqlalchemy import Executable
from sqlalchemy.sql.functions import FunctionElement

from taskapp.db.message import compile_statement
from taskapp.tasks import queries
from taskapp.tasks.changes import as_of
from taskapp.tasks.changes import queries as change_queries
from taskapp.tasks.filters import FILTERS
from taskapp.tasks.orders import ORDERS
from taskapp.tasks.representation import CREATABLE_FIELDS, READ_ONLY_FIELDS, WRITABLE_FIELDS
from taskapp.tasks.stats import queries as stats_queries
from taskapp.tasks.tags import queries as tag_queries

MODULES = (queries, tag_queries, stats_queries, change_queries, as_of)

# Each use of the table, and what names the acting user in it: a condition, or the first value of a new row.
USE = re.compile(r"\b(?:FROM|JOIN|UPDATE|INTO) tasks\b")
USER_NAMED = re.compile(
    r"\btasks\.user_id = %\(acting_user\)s"
    r"|\bINTO tasks \((?:uid, )?user_id[^)]*\) (?:VALUES \(|SELECT )(?:%\(new_uid\)s::UUID, )?%\(acting_user\)s"
)
FLAGS = (False, True)
# Each read of the log names the acting user, too. Writes insert what they have read.
READ_OF_LOG = re.compile(r"\b(?:FROM|JOIN) changes\b")
USER_OF_LOG = re.compile(r"\bchanges\.user_id = %\(acting_user\)s")
WRITES = {"versioned": FLAGS, "keyed": FLAGS}


def some_of(names):
    """None of the names, each by itself, and all of them."""
    return [frozenset(), *(frozenset({name}) for name in names), frozenset(names)]


CHANGES = [*some_of(WRITABLE_FIELDS), frozenset({"add_tags", "remove_tags"})]

# From each function of the modules that makes statements to the arguments that make one of every kind.
ARGUMENTS = {
    queries.create_task: {"fields": some_of((*CREATABLE_FIELDS, *WRITABLE_FIELDS)), "keyed": FLAGS},
    queries.update_task: {
        "fields": CHANGES,
        "unchanged": [frozenset(), frozenset(READ_ONLY_FIELDS)],
        **WRITES,
        "merged": FLAGS,
    },
    queries.toggle_task: {**WRITES, "merged": FLAGS},
    queries.delete_task: WRITES,
    queries.list_tasks: {
        "status": ["pending"],
        "sort": sorted(ORDERS),
        "filters": [frozenset(), frozenset(FILTERS)],
        "fields": [("id",)],
        "continued": FLAGS,
        "counted": FLAGS,
        "numbered": FLAGS,
    },
    as_of.list_tasks_as_of: {
        "status": ["pending"],
        "sort": ["-id"],
        "fields": [("id",)],
        "timed": FLAGS,
        "continued": FLAGS,
        "counted": FLAGS,
    },
    tag_queries.list_tags: {"continued": FLAGS},
    tag_queries.rename_tag: {"keyed": FLAGS},
    tag_queries.remove_tag: {"keyed": FLAGS},
    stats_queries.count_tasks: {"by_day": FLAGS},
}


def functions_of(module):
    return {value for value in vars(module).values() if callable(value) and value.__module__ == module.__name__}


def every_statement():
    """All statements of the modules: those in their names, and those that their functions make."""
    for module in MODULES:
        for name, value in vars(module).items():
            if isinstance(value, Executable) and not isinstance(value, FunctionElement):
                yield name, value
    for make, arguments in ARGUMENTS.items():
        for values in product(*arguments.values()):
            chosen = dict(zip(arguments, values, strict=True))
            if chosen.get("merged") and not chosen["versioned"]:
                continue  # What is merged requires a version.
            yield f"{make.__name__}({chosen})", make(**chosen)


def test_every_function_that_makes_statements_is_tried():
    functions = set().union(*map(functions_of, MODULES))
    public = {function for function in functions if not function.__name__.startswith("_")}
    assert public == ARGUMENTS.keys()
    for function, arguments in ARGUMENTS.items():
        assert list(inspect.signature(function).parameters) == list(arguments)


def test_every_statement_names_the_user():
    statements = dict(every_statement())
    assert len(statements) > 100
    for name, statement in statements.items():
        text = compile_statement(statement).text
        uses = len(USE.findall(text))
        assert uses, name
        assert len(USER_NAMED.findall(text)) == uses, name
        assert len(USER_OF_LOG.findall(text)) == len(READ_OF_LOG.findall(text)), name


@pytest.mark.parametrize("make", ARGUMENTS)
def test_statement_is_built_once(make):
    arguments = {name: values[0] for name, values in ARGUMENTS[make].items()}
    assert make(**arguments) is make(**arguments)
