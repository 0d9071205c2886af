"""Stand-ins for Citus on plain PostgreSQL, and the suites that run against a real cluster."""

from tests.support.postgres import run_sql

# The URL of a database on the coordinator of a cluster, as a superuser.
URL_VARIABLE = "TEST_CITUS_URL"
# Commands that stop and start one of its workers.
STOP_VARIABLE, START_VARIABLE = "TEST_CITUS_STOP", "TEST_CITUS_START"
# What is only tested there.
TESTS = "tests/db/test_citus.py"
# The suites of behavior that do not depend on what a server of PostgreSQL is: all that they need is the service, and
# users of their own.
SUITES = (
    "tests/tasks/test_tasks.py",
    "tests/tasks/test_isolation.py",
    "tests/tasks/test_conditional_requests.py",
    "tests/tasks/test_lists.py",
    "tests/tasks/test_due.py",
    "tests/tasks/test_tags.py",
    "tests/tasks/test_stats.py",
    "tests/tasks/test_erasure.py",
    "tests/tasks/bulk/test_bulk.py",
    "tests/tasks/bulk/test_by_filter.py",
    "tests/tasks/changes/test_feed.py",
    "tests/tasks/history/test_history.py",
    "tests/tasks/recurrence/test_completion.py",
    "tests/tasks/reminders/test_firing.py",
    "tests/tasks/transfer/test_import.py",
    "tests/tasks/trash/test_trash.py",
    "tests/tasks/undo/test_undo.py",
    "tests/tasks/calendars/test_calendars.py",
    "tests/tasks/webhooks/test_webhooks.py",
    "tests/db/test_row_level_security.py",
    "tests/db/test_idempotency.py",
)
# Tests of these suites that do not hold on a cluster, because `flask shard` loosens what they test; see docs/secure.md.
LOOSENED = (
    "test_acting_role_cannot[INSERT INTO webhooks",
    "test_acting_role_may_write_only_what_may_change",
    "test_every_table_of_users_has_a_policy_for_all_commands",
    "test_eraser_owns_nothing_and_cannot_log_in",
)
# The service only asks for the name. The id belongs to no object.
_EXTENSION = """
    INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
    SELECT 9999, 'citus', 10, 'pg_catalog'::regnamespace, false, 'none'
"""

# Of Citus's catalog, what ``flask shard`` reads, and a function that does nothing but record a table there. It refuses
# what Citus was seen to refuse.
_CATALOG = """
    SET allow_system_table_mods TO on;
    CREATE TABLE pg_catalog.pg_dist_partition (
        logicalrelid regclass PRIMARY KEY, partmethod "char" NOT NULL, colocationid int NOT NULL
    );
    GRANT SELECT ON pg_dist_partition TO PUBLIC;
    CREATE FUNCTION pg_catalog.create_distributed_table(
        relation regclass, distribution_column text, colocate_with text DEFAULT 'default'
    )
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF (SELECT relforcerowsecurity FROM pg_class WHERE oid = relation) THEN
            RAISE 'cannot distribute %', relation;
        END IF;
        INSERT INTO pg_dist_partition SELECT relation, 'h', CASE colocate_with WHEN 'default' THEN 1
            ELSE (SELECT colocationid FROM pg_dist_partition WHERE logicalrelid = colocate_with::regclass) END;
    END $$
"""


def pretend_citus(url):
    """Make the service take a plain PostgreSQL for Citus, by a row in its catalog of extensions.

    It proves what the service sends then, and that this changes nothing on one server. It proves nothing about Citus.

    Args:
        url: the URL of the database, as a superuser.
    """
    run_sql(url, _EXTENSION)
    run_sql(url, _CATALOG)
