"""What the database itself guarantees about due dates, priority, tags and uid: constraints, grants and policies."""

import psycopg2
import pytest

from tests.support.postgres import run_sql

REVISION = "0005"
CHANGEABLE = {"completed_at", "due_date", "due_time", "time_zone", "due_order", "priority", "tags"}


@pytest.fixture(scope="module")
def migrated(new_database):
    return new_database(REVISION)


def test_grants_to_the_letter(migrated):
    query = (
        "SELECT column_name FROM information_schema.column_privileges WHERE table_name = 'tasks'"
        " AND grantee = 'taskapp_user' AND privilege_type = %s"
    )
    granted = {kind: {name for (name,) in run_sql(migrated, query, [kind])} for kind in ("INSERT", "UPDATE")}
    both = {*CHANGEABLE, "title", "description", "completed"}
    assert granted == {"INSERT": {*both, "user_id", "uid"}, "UPDATE": {*both, "version", "updated_at"}}


def test_only_the_owner_sees_all_tasks_and_only_if_it_asks(migrated, new_database):
    # The acting role exists, because there is a migrated database.
    run_sql(migrated, "CREATE ROLE ordinary_owner LOGIN; GRANT taskapp_user TO ordinary_owner")
    url = new_database(REVISION, owner="ordinary_owner")
    run_sql(
        url.set(username="postgres"),
        "INSERT INTO tasks (user_id, title) SELECT 'user-' || i, 't' FROM generate_series(1, 10) i",
    )
    ask = "SELECT set_config('app.backfill', 'on', true);"
    act = "SELECT set_config('role', 'taskapp_user', true), set_config('app.user_id', 'user-1', true);"
    count = "SELECT count(*) FROM tasks"
    assert run_sql(url, count) == [(0,)]
    assert run_sql(url, f"{ask} {count}") == [(10,)]
    assert run_sql(url, f"{ask} {act} {count}") == [(1,)]
    assert len(run_sql(url, f"{ask} {act} UPDATE tasks SET priority = 0 RETURNING 1")) == 1
    assert run_sql(url, f"{ask} DELETE FROM tasks RETURNING 1") == []
    with pytest.raises(psycopg2.Error, match="row-level security"):
        run_sql(url, f"{ask} INSERT INTO tasks (user_id, title) VALUES ('x', 'x')")


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ("due_time = '17:00', time_zone = 'Europe/Berlin'", "ck_tasks_due"),
        ("due_date = '2026-12-24', due_time = '17:00', due_order = '2026-12-24 17:00'", "ck_tasks_due"),
        ("time_zone = 'Europe/Berlin'", "ck_tasks_due"),
        ("due_date = '2026-12-24'", "ck_tasks_due_order"),
        ("due_order = '2026-12-25'", "ck_tasks_due_order"),
        ("due_date = '2026-12-24', due_order = '2026-12-24'", "ck_tasks_due_order"),
        ("due_date = '1899-12-31', due_order = '1900-01-01'", "ck_tasks_due_years"),
        ("due_date = '3000-01-01', due_order = '3000-01-02'", "ck_tasks_due_years"),
        ("due_date = 'infinity', due_order = 'infinity'", "ck_tasks_due_years"),
        ("priority = 5", "ck_tasks_priority"),
        ("priority = -1", "ck_tasks_priority"),
        ("tags = array_fill('x'::text, ARRAY[21])", "ck_tasks_tags"),
        ("tags = ARRAY['x', NULL]", "ck_tasks_tags"),
        ("uid = NULL", None),
        ("uid = (SELECT uid FROM tasks WHERE title = 'other')", "uq_tasks_user_id_uid"),
    ],
)
def test_constraints_refuse_what_contradicts_itself(migrated, changes, constraint):
    run_sql(migrated, "TRUNCATE tasks; INSERT INTO tasks (user_id, title) VALUES ('a', 'other'), ('a', 'this')")
    with pytest.raises(psycopg2.IntegrityError) as caught:
        run_sql(migrated, f"UPDATE tasks SET {changes} WHERE title = 'this'")
    assert caught.value.diag.constraint_name == constraint
