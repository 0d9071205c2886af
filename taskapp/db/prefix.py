"""The text in front of each statement. It states, for the transaction of one message, what the statement relies on.

Every prefix except that of the login role sets the acting role and the acting user. The session may begin with other
values: those of the server, the database, the role, or another client of a pooler. pg_dump leaves an empty search path
and row_security off, with which policies become errors. The default of the search path is the operator's choice.

A write also waits for the turn of its user, an advisory lock of the transaction. So the writes of a user run one after
the other. Because the prefix is a statement of its own, and the isolation level is READ COMMITTED, PostgreSQL takes the
snapshot of the write after the turn, and the write sees all earlier ones
(https://www.postgresql.org/docs/current/transaction-iso.html#XACT-READ-COMMITTED). lock_timeout bounds the wait. It
takes effect because PostgreSQL evaluates the list of a SELECT from left to right and reads it when a wait begins.
"""

from sqlalchemy import BindParameter, bindparam

# The role that statements run as. It cannot log in, owns nothing, and is subject to row-level security.
ACTING_ROLE = "taskapp_user"

# The role that erases all data of the acting user. Otherwise like the acting role, which cannot delete from the log.
ERASING_ROLE = "taskapp_eraser"

# The role that finds webhooks of all users that are due. It sees no content of anybody.
COURIER_ROLE = "taskapp_courier"

# The parameter for the user id in statements. It always has the value of the acting user.
ACTING_USER: BindParameter[str] = bindparam("acting_user")

# Names the locks of turns among other advisory locks. The idempotency keys use the first half of other hashes.
TURNS = int.from_bytes(b"turn")
_TURN = f"pg_advisory_xact_lock(hashtextextended(%({ACTING_USER.key})s, {TURNS}))"
_LOCK_TIMEOUT = " set_config('lock_timeout', %(lock_timeout)s, true)"

_DEFAULT_PATH = "SET LOCAL search_path TO DEFAULT;\n"
_SETTINGS = (
    f" set_config('app.user_id', %({ACTING_USER.key})s, true),"
    " set_config('statement_timeout', %(statement_timeout)s, true), set_config('row_security', 'on', true),"
    # psycopg2 reads times in the ISO style.
    " set_config('DateStyle', 'ISO', true), set_config('TimeZone', 'UTC', true)"
)
_ACT = f"{_DEFAULT_PATH}SELECT set_config('role', '{ACTING_ROLE}', true),{_SETTINGS}"
_READ_COMMITTED = "SET LOCAL transaction_isolation TO 'read committed';\n"
_ACT_TO_WRITE = f"{_READ_COMMITTED}{_ACT}"

# For reads.
READ = f"{_ACT};\n"
# For writes. The user's turn may take up to the parameter lock_timeout, in milliseconds.
WRITE = f"{_ACT_TO_WRITE},{_LOCK_TIMEOUT}, {_TURN};\n"
# For writes of what no other write of the user depends on. They do not wait, and nothing waits for them.
WRITE_OUT_OF_TURN = f"{_ACT_TO_WRITE};\n"
# For writes with an idempotency key. ``lock`` is the number of the key's own lock. Only the write that gets it waits
# for the turn, so that a repetition of a request in progress occupies no thread.
WRITE_ONCE = (
    f"{_ACT_TO_WRITE}, set_config('app.key_acquired', pg_try_advisory_xact_lock(%(lock)s)::text, true),{_LOCK_TIMEOUT},"
    f" CASE WHEN current_setting('app.key_acquired') = 'true' THEN {_TURN} END;\n"
)
# For the erasure of a user's data, which is also a write.
ERASE = (
    f"{_READ_COMMITTED}{_DEFAULT_PATH}SELECT set_config('role', '{ERASING_ROLE}', true),{_SETTINGS},{_LOCK_TIMEOUT},"
    f" {_TURN};\n"
)
# For what crosses users, as a role that sees almost nothing. There is no acting user.
COURIER = f"{_READ_COMMITTED}{_DEFAULT_PATH}SELECT set_config('role', '{COURIER_ROLE}', true),{_SETTINGS};\n"
# Behind the prefix of a user or of the courier, if the database is Citus. Its coordinator forwards a SET LOCAL to the
# nodes, but no set_config(), and it forwards the whole text that a SET stands in. Within plpgsql that text is the SET
# alone. The role needs no forwarding: the coordinator connects to the nodes as the current role. Nor does the
# statement timeout, because the coordinator cancels what runs on the nodes. Without this text nothing fails loudly:
# reads find no rows. It sets no parameter of a session, and is allowed in a read-only transaction. What a statement
# sets about its plan goes between the two parts: no SET may follow, because it would forward the whole message.
FORWARD = (
    "DO $$BEGIN SET LOCAL citus.propagate_set_commands TO 'local';"
    " EXECUTE format('SET LOCAL app.user_id TO %%L', current_setting('app.user_id'));"
    # Parts of a write with a key read it on the node. Other statements have none.
    " EXECUTE format('SET LOCAL app.key_acquired TO %%L', coalesce(current_setting('app.key_acquired', true), ''));"
    " SET LOCAL TimeZone TO 'UTC';\n"
)
END_OF_FORWARD = "END$$;\n"
# In front of the other prefix, for a request that must not write. PostgreSQL then rejects all writes to tables
# (https://www.postgresql.org/docs/current/sql-set-transaction.html). No expression can take it back, because a
# transaction cannot become read-write again after its first query.
READ_ONLY = "SET LOCAL transaction_read_only TO on;\n"
# In front of statements whose joins should read each side once. Before PostgreSQL 18, a nested loop without an
# alternative then has a cost of 10^10, for which PostgreSQL would compile the statement for seconds
# (https://www.postgresql.org/docs/17/jit-decision.html).
NO_NESTED_LOOPS = "SET LOCAL enable_nestloop TO off;\nSET LOCAL jit TO off;\n"
# In front of statements that read the first rows of the order of an index. Policies of which any may apply are
# alternatives, whose rows PostgreSQL cannot count. It would rather read the rows of all indexes that they name.
BY_INDEX = "SET LOCAL enable_bitmapscan TO off;\nSET LOCAL enable_seqscan TO off;\n"
LOGIN = (
    f"{_READ_COMMITTED}{_DEFAULT_PATH}SET LOCAL row_security TO on;"
    " SET LOCAL statement_timeout TO %(statement_timeout)s;\n"
)
