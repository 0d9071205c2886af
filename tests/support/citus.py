"""Stand-ins for Citus on plain PostgreSQL, and the suites that run against a real cluster."""

from tests.support.postgres import run_sql

# The service only asks for the name. The id belongs to no object.
_EXTENSION = """
    INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
    SELECT 9999, 'citus', 10, 'pg_catalog'::regnamespace, false, 'none'
"""


def pretend_citus(url):
    """Make the service take a plain PostgreSQL for Citus, by a row in its catalog of extensions.

    It proves what the service sends then, and that this changes nothing on one server. It proves nothing about Citus.

    Args:
        url: the URL of the database, as a superuser.
    """
    run_sql(url, _EXTENSION)
