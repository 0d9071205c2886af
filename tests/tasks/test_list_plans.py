"""Query plans of lists, as the acting role: a tenth of all tasks belong to one user, and 95 % of them are completed."""

from datetime import UTC, datetime

import pytest

from taskapp.db.message import compile_statement
from taskapp.db.prefix import ACTING_ROLE, ACTING_USER
from taskapp.tasks import queries
from taskapp.tasks.filters import filter_parameters, filters_in_use
from taskapp.tasks.orders import ORDERS, SORTS, position_parameters
from taskapp.tasks.representation import FIELDS
from tests.support.postgres import connect, run_sql

USER, PAGE = "user-large", 50
FILL = """
INSERT INTO tasks (user_id, title, description, completed, completed_at, priority, tags, due_date, due_time, time_zone,
                   due_order, created_at, updated_at)
SELECT CASE WHEN n %% 10 = 0 THEN %s ELSE 'user-' || n %% 900 END, 'title ' || md5(n::text), 'description',
       completed, CASE WHEN completed THEN updated END, n / 10 %% 5,
       CASE n %% 7 WHEN 0 THEN '{}' WHEN 1 THEN '{home}' ELSE ARRAY['tag' || n %% 50, 'work'] END::varchar[],
       day, clock, CASE WHEN clock IS NOT NULL THEN 'Europe/Berlin' END,
       coalesce(day + coalesce(clock, time '24:00'), 'infinity'), created, updated
FROM (
    SELECT n, n %% 199 >= 10 AS completed, day, CASE WHEN day IS NOT NULL AND n %% 3 = 0 THEN time '09:00' END AS clock,
           timestamptz '2026-01-01' + (n * 7919 %% 1000000) * interval '1 second' AS created,
           timestamptz '2026-01-01' + (n * 104729 %% 1000000) * interval '1 second' AS updated
    FROM generate_series(1, %s::bigint) n,
         LATERAL (SELECT CASE WHEN n %% 11 < 8 THEN date '2026-01-01' + (n * 7907 %% 700)::int END AS day) AS days
) AS task
"""
TIME = datetime(2026, 1, 6, tzinfo=UTC)
POSITIONS = {
    "id": (50_000,),
    "title": ("title 5", 50_000),
    **dict.fromkeys(("created_at", "updated_at", "completed_at"), (TIME, 50_000)),
    "due": ("2026-11-20 09:00:00", 50_000),
    "priority": (2, "infinity", 50_000),
}
DUE = "ix_tasks_user_id_due_order_id"
INDEXES = {
    "id": "pk_tasks",
    "due": DUE,
    **{name: f"ix_tasks_user_id_{name}_id" for name in ("created_at", "updated_at", "title", "completed_at")},
}
RANGE = {"due_from": "2026-11-20", "due_before": "2026-12-01"}
OVERDUE = {"overdue": True, "time_zone": "Asia/Tokyo"}
# The first pages that every client shows.
FIRST_PAGES = {
    "pending by due": ("pending", "due", {}, DUE),
    "pending, due until a day": ("pending", "due", {"due_before": "2026-11-27"}, DUE),
    "pending, due last, with a day": ("pending", "-due", {"due": "any"}, DUE),
    "pending, without a day": ("pending", "due", {"due": "none"}, DUE),
    "pending, due in a range": ("pending", "due", RANGE, DUE),
    "pending, due in a range, newest": ("pending", "-id", RANGE, DUE),
    "pending, due in a range that is empty": ("pending", "due", {"due_before": "1950-01-01"}, DUE),
    "overdue": ("all", "due", OVERDUE, DUE),
    "overdue, last": ("all", "-due", OVERDUE, DUE),
    "completed lately": ("completed", "-completed_at", {}, INDEXES["completed_at"]),
    "completed in a range": (
        "completed",
        "completed_at",
        {"completed_from": "2026-01-06T00:00:00Z", "completed_before": "2026-01-07T00:00:00Z"},
        INDEXES["completed_at"],
    ),
    "created in a range": ("all", "created_at", {"created_from": "2026-01-06T00:00:00Z"}, INDEXES["created_at"]),
    "updated in a range": ("all", "-updated_at", {"updated_before": "2026-01-06T00:00:00Z"}, INDEXES["updated_at"]),
}
COSTLY = [
    *(("pending", "-id", {"q": q}) for q in ("ab", "nothing has this")),
    *(("all", sort, {}) for sort in ("due", "-due", "priority", "-priority")),
    *(("all", sort, {"tags_any": ["nobody"], "tags_none": ["work"], "tagged": True}) for sort in ("id", "title")),
    ("completed", "due", RANGE),
    ("all", "title", {"created_from": "2026-01-06T00:00:00Z", "priority": ["high", None]}),
]


@pytest.fixture(scope="module", params=[100_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def large(request, new_database):
    """The URL of a database with a number of tasks, and how many of them are those of the user."""
    url = new_database()
    indexes = run_sql(url, "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'tasks'")
    others = {name: definition for name, definition in indexes if name != "pk_tasks"}
    run_sql(url, f"DROP INDEX {', '.join(others)}")  # Indexes are made faster than kept.
    run_sql(url, FILL, [USER, request.param])
    run_sql(url, ";".join(others.values()))
    run_sql(url, "VACUUM ANALYZE tasks")
    return url, request.param // 10


@pytest.fixture(scope="module")
def explain(large):
    """Runs a list of the service under EXPLAIN, as the acting role, and returns the plan's nodes."""

    def nodes(plan):
        yield plan
        for child in plan.get("Plans", []):
            yield from nodes(child)

    def run(status, sort, filters, *, continuing=False, count=False):
        options = {"continued": continuing, "counted": count, "numbered": False}
        text, fixed, *_ = compile_statement(
            queries.list_tasks(status, sort, filters_in_use(filters), FIELDS, **options)
        )
        values = {**fixed, **filter_parameters(filters), ACTING_USER.key: USER, "page_size": PAGE + 1}
        values |= position_parameters(sort, POSITIONS[sort.removeprefix("-")])
        with connect(large[0]) as connection, connection.cursor() as cursor:
            cursor.execute(f"SET ROLE {ACTING_ROLE}; SELECT set_config('app.user_id', %s, false)", [USER])
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {text}", values)
            plan = cursor.fetchone()[0][0]["Plan"]
        connection.close()
        return list(nodes(plan))

    return run


def indexes(plan):
    return [node["Index Name"] for node in plan if "Index Name" in node]


def rows_read(plan):
    """Rows that the scans of the table touched: those they returned and those they filtered out."""
    scans = [node for node in plan if node.get("Relation Name") == "tasks"]
    assert scans
    return sum((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] for node in scans)


@pytest.mark.parametrize("continuing", [False, True], ids=["first page", "later page"])
@pytest.mark.parametrize("sort", [sort for sort in SORTS if "priority" not in sort])
def test_page_is_read_from_the_index_of_its_order(explain, sort, continuing):
    status = {"due": "pending", "completed_at": "completed"}.get(sort.removeprefix("-"), "all")
    plan = explain(status, sort, {}, continuing=continuing)
    assert not [node for node in plan if "Sort" in node["Node Type"]]
    assert indexes(plan) == [INDEXES[sort.removeprefix("-")]]
    assert rows_read(plan) == PAGE + 1
    assert plan[0]["Shared Hit Blocks"] + plan[0]["Shared Read Blocks"] < 300


@pytest.mark.parametrize("case", FIRST_PAGES)
def test_first_page_is_read_from_an_index(explain, case):
    status, sort, filters, index = FIRST_PAGES[case]
    plan = explain(status, sort, filters)
    assert indexes(plan) == [index]
    assert rows_read(plan) < 4 * PAGE


@pytest.mark.parametrize("sort", [sort for sort in SORTS if "completed_at" not in sort])
def test_pending_tasks_are_found_among_many_completed_ones(explain, large, sort):
    plan = explain("pending", sort, {})
    assert rows_read(plan) <= max(large[1] // 20 * 1.1, PAGE * 20 * 3)


@pytest.mark.parametrize(("status", "sort", "filters"), COSTLY)
@pytest.mark.parametrize("count", [False, True])
def test_costly_list_reads_only_rows_of_the_user(explain, large, status, sort, filters, count):
    plan = explain(status, sort, filters, count=count)
    assert rows_read(plan) <= large[1] * (1 + count)
    assert "Seq Scan" not in {node["Node Type"] for node in plan}
    assert all("user_id" in node["Index Cond"] for node in plan if "Index Name" in node)


def test_count_reads_an_index_only(explain, large):
    plan = explain("pending", "due", {}, count=True)
    assert indexes(plan) == [DUE, DUE]
    assert rows_read(plan) <= large[1] // 20 * 1.1 + PAGE


def test_every_index_is_one_that_a_list_uses(large):
    found = run_sql(large[0], "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'tasks'::regclass")
    others = {"uq_tasks_user_id_uid", "uq_tasks_user_id_occurrence", "ix_tasks_remind_at_user_id"}  # No list uses them.
    assert {name for (name,) in found} == {*INDEXES.values(), *others}
    assert INDEXES.keys() == ORDERS.keys() - {"priority"}
