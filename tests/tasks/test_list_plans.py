"""Query plans of lists: 100,000 tasks of one user among 1,000,000, as the acting role."""

from datetime import UTC, datetime

import pytest

from taskapp.db import db
from taskapp.db.execute import ACTING_ROLE, ACTING_USER
from taskapp.tasks import queries, service
from tests.support.commands import load_app, upgrade
from tests.support.postgres import connect, run_sql

LARGE, USER = 100_000, "user-large"
PLACES = {
    "id": 500_000,
    "created_at": datetime(2026, 1, 6, tzinfo=UTC),
    "updated_at": datetime(2026, 1, 6, tzinfo=UTC),
    "title": "title 5",
}
INDEXES = {"id": "pk_tasks", **{name: f"ix_tasks_user_id_{name}_id" for name in ("created_at", "updated_at", "title")}}


@pytest.fixture(scope="module")
def large(new_database):
    """A database in which one user has a tenth of a million tasks, and 900 others a thousand each."""
    url = new_database(revision="0001")
    run_sql(
        url,
        "INSERT INTO tasks (user_id, title, description, completed, created_at, updated_at)"
        " SELECT CASE WHEN n %% 10 = 0 THEN %s ELSE 'user-' || n %% 900 END,"
        "        'title ' || md5(n::text), 'description', n %% 3 = 0,"
        "        timestamptz '2026-01-01' + (n * 7919 %% 1000000) * interval '1 second',"
        "        timestamptz '2026-01-01' + (n * 104729 %% 1000000) * interval '1 second'"
        " FROM generate_series(1, 1000000::bigint) n",
        [USER],
    )
    upgrade(url)  # Indexes are made faster than kept.
    run_sql(url, "VACUUM ANALYZE tasks")
    return url


@pytest.fixture(scope="module")
def explain(large):
    """Runs a list of the service under EXPLAIN, as the acting role, and returns the plan's nodes."""
    app = load_app(DATABASE_URL=large, JWT_SECRET="x" * 32)

    def nodes(plan):
        yield plan
        for child in plan.get("Plans", []):
            yield from nodes(child)

    def run(status, sort, *, q=None, continuing=False, limit=50):
        filters = frozenset({"q"} if q is not None else ())
        statement = queries.list_tasks(status, sort, filters, continued=continuing)
        name = sort.removeprefix("-")
        values = {
            ACTING_USER.key: USER,
            "page_size": limit,
            "q": q,
            f"after_{name}": PLACES[name],
            "after_id": PLACES["id"],
        }
        with app.app_context():
            compiled = statement.compile(db.engine)
        with connect(large) as connection, connection.cursor() as cursor:
            cursor.execute(f"SET ROLE {ACTING_ROLE}; SELECT set_config('app.user_id', %s, false)", [USER])
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {compiled}", compiled.construct_params(values))
            plan = cursor.fetchone()[0][0]["Plan"]
        connection.close()
        return list(nodes(plan))

    return run


def indexes(plan):
    return [node["Index Name"] for node in plan if "Index Name" in node]


def rows_read(plan):
    """Rows that the scan touched: those it returned and those it filtered out."""
    scan = next(node for node in plan if "Scan" in node["Node Type"])
    return (scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)) * scan["Actual Loops"]


@pytest.mark.parametrize("continuing", [False, True], ids=["first page", "later page"])
@pytest.mark.parametrize("status", service.STATUSES)
@pytest.mark.parametrize("sort", service.SORTS)
def test_page_is_read_from_the_index_of_its_order(explain, sort, status, continuing):
    plan = explain(status, sort, continuing=continuing)
    assert not [node for node in plan if "Sort" in node["Node Type"]]
    assert indexes(plan) == [INDEXES[sort.removeprefix("-")]]
    assert rows_read(plan) < 50 * 3 * 5  # Two thirds, or one, have the status; never the rest of the list.
    assert plan[0]["Shared Hit Blocks"] + plan[0]["Shared Read Blocks"] < 1500


@pytest.mark.parametrize("sort", service.SORTS)
@pytest.mark.parametrize("q", ["ab", "nothing has this"])
def test_search_reads_only_rows_of_the_user(explain, sort, q):
    plan = explain("pending", sort, q=q)
    assert rows_read(plan) <= LARGE
    assert "Seq Scan" not in {node["Node Type"] for node in plan}
    assert indexes(plan)
    assert all("user_id" in node["Index Cond"] for node in plan if "Index Name" in node)


def test_every_index_is_one_that_a_list_uses(large):
    found = run_sql(large, "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'tasks'::regclass")
    assert {name for (name,) in found} == {*INDEXES.values(), "uq_tasks_user_id_uid"}  # No list uses the last one.
