"""The role that the service uses on the embedded PostgreSQL: an ordinary owner, as on Neon, and not a superuser.

So what works here also works there, and injected SQL could not do what only a superuser may.
"""

from typing import Any

# It may create the acting role, as the migrations do, and databases. Neon's own roles have these attributes too.
OWNER = "taskapp_owner"
ATTRIBUTES = "LOGIN NOSUPERUSER CREATEROLE CREATEDB"

# Earlier versions used the superuser for everything. The owner takes over what it created, and may grant its roles.
# The superuser of initdb has the id 10, and REASSIGN OWNED does not support it. Ids from 16384 on (FirstNormalObjectId)
# are those of objects that initdb did not create. The sequence of a column follows its table.
_TAKE_OVER = """
DO $$
DECLARE
    command text;
BEGIN
    FOR command IN
        SELECT format('ALTER DATABASE %I OWNER TO taskapp_owner', current_database())
        UNION ALL
        SELECT format('GRANT %I TO taskapp_owner WITH ADMIN OPTION', rolname)
        FROM pg_roles WHERE oid >= 16384 AND NOT rolsuper AND rolname <> 'taskapp_owner'
        UNION ALL
        SELECT format('ALTER SCHEMA %I OWNER TO taskapp_owner', nspname)
        FROM pg_namespace WHERE oid >= 16384 AND nspowner = 10 AND nspname !~ '^pg_'
        UNION ALL
        SELECT format('ALTER TABLE %s OWNER TO taskapp_owner', oid::regclass)
        FROM pg_class WHERE oid >= 16384 AND relowner = 10 AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
            AND relnamespace::regnamespace::text !~ '^pg_'
            AND NOT (relkind = 'S' AND EXISTS (
                SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid
                    AND deptype IN ('a', 'i')))
        UNION ALL
        SELECT format('ALTER ROUTINE %s OWNER TO taskapp_owner', oid::regprocedure)
        FROM pg_proc WHERE oid >= 16384 AND proowner = 10
        UNION ALL
        SELECT format('ALTER TYPE %s OWNER TO taskapp_owner', oid::regtype)
        FROM pg_type WHERE oid >= 16384 AND typowner = 10 AND typtype IN ('d', 'e')
    LOOP
        EXECUTE command;
    END LOOP;
END $$
"""


def ensure_owner(connection: Any) -> None:
    """Create the owner if the cluster does not have it, and give it the database and everything in it.

    Args:
        connection: a connection of the superuser to the database.
    """
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", [OWNER])
        if cursor.fetchone() is None:
            cursor.execute(f"CREATE ROLE {OWNER} {ATTRIBUTES}")
            cursor.execute(_TAKE_OVER)
