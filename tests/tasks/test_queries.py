"""Every statement on tables with data of users names the acting user, and is built once."""

import inspect
import re
from collections import Counter
from importlib import import_module
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import Executable
from sqlalchemy.sql.functions import FunctionElement

from taskapp.db.message import compile_statement
from taskapp.tasks import queries
from taskapp.tasks.bulk import queries as bulk_queries
from taskapp.tasks.calendars import queries as calendar_queries
from taskapp.tasks.changes import as_of
from taskapp.tasks.erasure import queries as erasure_queries
from taskapp.tasks.filters import FILTERS
from taskapp.tasks.orders import ORDERS
from taskapp.tasks.recurrence import missing_days
from taskapp.tasks.representation import CREATABLE_FIELDS, READ_ONLY_FIELDS, WRITABLE_FIELDS
from taskapp.tasks.stats import queries as stats_queries
from taskapp.tasks.tags import queries as tag_queries
from taskapp.tasks.transfer import queries as transfer_queries
from taskapp.tasks.trash import queries as trash_queries
from taskapp.tasks.undo import queries as undo_queries
from taskapp.tasks.users import queries as user_queries
from taskapp.tasks.users.tables import USER_TABLES
from taskapp.tasks.webhooks import queries as webhook_queries

ROOT = Path(queries.__file__).parents[2]
NAMES = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in ROOT.glob("taskapp/tasks/**/queries.py")]
MODULES = (as_of, *map(import_module, sorted(NAMES)))

# Each use of a table, and what names the acting user in it: a condition, or the user of a new row. Entries get the user
# from a task of the same statement. Undo sets it in the images of tasks, and a bulk write in its outcome.
TABLES = "tasks|changes|idempotency_keys|calendars|webhooks"
USE = re.compile(rf"\b(?:FROM|JOIN|UPDATE) ({TABLES})\b(?!\.)(?: AS (\w+))?")
CONDITION = re.compile(r"\b(\w+)\.user_id = %\(acting_user\)s")
NEW_ROW = re.compile(rf"\bINTO (?:{TABLES})\b")
USER_OF_NEW_ROW = re.compile(
    r"\bINTO tasks \((?:uid, )?user_id[^)]*\) (?:VALUES \(|SELECT )(?:%\(new_uid\)s::UUID, )?%\(acting_user\)s"
    r"|\bINTO tasks \(id, uid, user_id[^)]*\) OVERRIDING SYSTEM VALUE SELECT id, uid, user_id\b[^)]* FROM outcome"
    r"|\bINTO tasks \(uid, user_id[^)]*\) SELECT outcome.uid AS uid, outcome.user_id\b"
    r"|\bINTO (?:changes|idempotency_keys|calendars|webhooks) \(user_id[^)]*\)"
    r" SELECT (?:%\(acting_user\)s|(?:tasks|created|deleted)\.user_id)"
)
USER_OF_IMAGE = "CAST(%(acting_user)s AS TEXT)) ELSE"
USER_OF_OUTCOME = "%(acting_user)s AS user_id"
# They cross users, as a role that sees almost nothing. See tests/tasks/webhooks/test_courier_role.py.
OF_THE_COURIER = {"SECONDS_LEFT", "USERS_WITH_DUE_REMINDERS"}
FLAGS = (False, True)
WRITES = {"versioned": FLAGS, "keyed": FLAGS}


def some_of(names):
    """None of the names, each by itself, and all of them."""
    return [frozenset(), *(frozenset({name}) for name in names), frozenset(names)]


# The fields that a statement uses a table for, and all of them.
_USING = (
    {"completed"},
    {"recurrence"},
    {"reminder"},
    {"due_date", "due_time", "time_zone"},
    {"add_tags", "remove_tags"},
)
CHANGES = [frozenset(), *map(frozenset, _USING), frozenset(WRITABLE_FIELDS)]

# From each function of the modules that makes statements to the arguments that make one of every kind.
ARGUMENTS = {
    queries.create_task: {"fields": some_of((*CREATABLE_FIELDS, *WRITABLE_FIELDS)), "keyed": FLAGS},
    queries.update_task: {
        "fields": CHANGES,
        "unchanged": [frozenset(), frozenset(READ_ONLY_FIELDS)],
        **WRITES,
        "merged": FLAGS,
        "completed": [None, *FLAGS],
        "with_days": FLAGS,
    },
    queries.toggle_task: {**WRITES, "merged": FLAGS, "with_days": FLAGS},
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
    bulk_queries.apply_list: {"completes": FLAGS, "reopens": FLAGS, "dry_run": FLAGS, "keyed": FLAGS},
    bulk_queries.apply_to_matching: {
        "kind": ["updated"],
        "status": ["pending"],
        "filters": [frozenset(), frozenset(FILTERS)],
        "completes": FLAGS,
        "reopens": FLAGS,
        "sets_completed": [True],
        "dry_run": FLAGS,
        "keyed": FLAGS,
    },
    calendar_queries.update_calendar: {"fields": some_of(calendar_queries.CHANGEABLE)[1:]},
    webhook_queries.update_webhook: {"fields": some_of(webhook_queries.CHANGEABLE)[1:]},
    transfer_queries.import_lines: {
        "existing": ["skip", "update", "refuse"],
        "recurring": FLAGS,
        "dry_run": FLAGS,
        "keyed": FLAGS,
    },
    undo_queries.undo_write: {"dry_run": FLAGS, "keyed": FLAGS},
    trash_queries.list_deleted: {"continued": FLAGS},
    trash_queries.restore_task: {"keyed": FLAGS},
    erasure_queries.erase_user: {"forget": FLAGS},
    user_queries.count_all: {},
    user_queries.read_rows: {"name": list(USER_TABLES), "continued": FLAGS},
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
    yield from ((f"series, {variant}", statement) for variant, statement in missing_days._GET_SERIES.items())
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


@pytest.mark.slow
def test_every_statement_names_the_user():
    statements = {name: each for name, each in every_statement() if name not in OF_THE_COURIER}
    assert len(statements) > 100
    for name, statement in statements.items():
        text = compile_statement(statement).text
        uses = Counter(alias or table for table, alias in USE.findall(text))
        assert uses or NEW_ROW.search(text), name
        assert Counter(CONDITION.findall(text)) == uses, name
        assert len(USER_OF_NEW_ROW.findall(text)) == len(NEW_ROW.findall(text)), name
        assert ("FROM outcome WHERE possible" in text) <= (USER_OF_IMAGE in text), name
        assert ("SELECT outcome.uid AS uid" in text) <= (USER_OF_OUTCOME in text), name


@pytest.mark.slow
def test_statements_that_name_no_user_run_as_the_courier_only():
    statements = {name: each for name, each in every_statement() if name in OF_THE_COURIER}
    assert statements.keys() == OF_THE_COURIER
    assert not any("acting_user" in compile_statement(each).text for each in statements.values())
    uses = [
        line.strip()
        for path in ROOT.glob("taskapp/**/*.py")
        for line in path.read_text().splitlines()
        if path.name != "queries.py" and any(f".{name}" in line for name in OF_THE_COURIER)
    ]
    assert uses
    assert all("execute_as_courier(" in line for line in uses)


@pytest.mark.parametrize("make", ARGUMENTS)
def test_statement_is_built_once(make):
    arguments = {name: values[0] for name, values in ARGUMENTS[make].items()}
    assert make(**arguments) is make(**arguments)
