"""The shell commands of README and docs/: which test runs each.

A command is matched by its beginning. A page whose fenced blocks all run in one test has one row for them, FENCED. What
CI runs by itself has ``.ci/run``. A page says itself which of its commands were not tried, or are run by no test.
"""

import re
import textwrap

# The language of a fenced block of commands.
FENCED = "```sh"
NOT_TRIED = "not tried"
BY_NO_TEST = "no test runs"
# What else is indented: responses, requests without a program, settings, a Procfile, formulas and columns.
_DATA = re.compile(
    r"HTTP/|\d{3} |[{\"#]?[{\"]|(GET|POST|PUT|PATCH|DELETE) /|(?:[A-Z_]+=\S*(?: +#.*)?\s*)+\Z"
    r"|[\w-]+: |location |[\w ]+[=≤] |id,uid,"
)

RUN_BY = {
    "README": {
        "```console": "tests/test_docs.py",
        "make run": "tests/test_make.py",
        "make test": ".ci/run",
        "pip install -r requirements.txt": "tests/test_docs.py",
        "flask db upgrade": "tests/test_docs.py",
        "gunicorn wsgi:app": "tests/test_docs.py",
    },
    "agents": {
        "pip install -r requirements-mcp.txt": "tests/test_requirements.py",
        "flask mcp --http": "tests/mcp/test_workers.py",
    },
    "api": {
        "# The client has version 1042.": "tests/test_commands_of_pages.py",
        "curl -X DELETE": "tests/test_commands_of_pages.py",
    },
    "bulk": {FENCED: "tests/test_bulk_page.py"},
    "calendars": {FENCED: "tests/test_commands_of_pages.py"},
    "clients": {FENCED: "tests/test_clients_page.py"},
    "container": dict.fromkeys(("echo ", "docker ", "git pull"), NOT_TRIED),
    "deploy": {
        "uv venv": "tests/test_uv.py",
        'DATABASE_URL="$MIGRATION_DATABASE_URL" flask idempotency': "tests/db/test_idempotency_purge.py",
        'DATABASE_URL="$MIGRATION_DATABASE_URL" flask history purge': "tests/tasks/changes/test_retention.py",
    },
    "development": {
        "make test ": ".ci/run",
        "make example": "tests/examples/test_serve.py",
        "make test-pooler": ".ci/run",
        "make test-citus": BY_NO_TEST,
        "make lint": ".ci/run",
        "make format": BY_NO_TEST,
        "make tools": ".ci/run",
        "make chaos": "tests/test_ledger.py",
        "make fuzz": "tests/http/openapi/test_fuzz.py",
        "make postman": "tests/test_postman.py",
        "make openapi": "tests/http/openapi/test_openapi.py",
        "make clients": "tests/test_clients_page.py",
        "make lock": BY_NO_TEST,
        "make audit": ".ci/run",
        "flask db migrate": "tests/db/test_migrations_of_forks.py",
        "flask db upgrade": "tests/db/test_migrations_of_forks.py",
        "flask db downgrade": "tests/db/test_migrations_of_forks.py",
    },
    "front-end": {"make example": "tests/examples/test_serve.py"},
    "history": {
        "API=": "tests/test_commands_of_pages.py",
        "AUTH=": "tests/test_commands_of_pages.py",
        "curl ": "tests/test_commands_of_pages.py",
    },
    "importers": {FENCED: "tests/test_importers_page.py"},
    "kubernetes": {"kubectl ": NOT_TRIED},
    "migrations": {
        "flask db upgrade": "tests/db/test_sharding.py",
        "flask shard --apply": "tests/db/test_sharding.py",
        "psql ": "tests/test_commands_of_pages.py",
        'DATABASE_URL="$MIGRATION_DATABASE_URL" flask history restart': "tests/test_commands_of_pages.py",
    },
    "process-managers": dict.fromkeys(("useradd", "python3 -m venv", "/srv/taskapp/", "systemd-run"), NOT_TRIED),
    "recurrence": {FENCED: "tests/test_recurrence_page.py"},
    "reminders": {FENCED: "tests/test_reminders_page.py"},
    "run": {
        'DATABASE_URL="$MIGRATION_DATABASE_URL" flask idempotency': "tests/db/test_idempotency_purge.py",
        'DATABASE_URL="$MIGRATION_DATABASE_URL" flask history purge': "tests/tasks/changes/test_retention.py",
        "pg_dump": "tests/test_commands_of_pages.py",
        "psql ": "tests/test_commands_of_pages.py",
        "pg_restore": "tests/test_commands_of_pages.py",
        "truncate": BY_NO_TEST,
        "make lock": BY_NO_TEST,
        "make lint test audit": ".ci/run",
    },
    "secure": {
        "flask token USER_ID": "tests/auth/test_cli.py",
        "flask users erase USER_ID": "tests/tasks/test_erasure_command.py",
    },
    "tracing": {
        "pip install ": "tests/test_tracing_page.py",
        "export ": "tests/test_tracing_page.py",
        "gunicorn wsgi_": "tests/test_tracing_page.py",
    },
    "transfer": {FENCED: "tests/test_transfer_page.py"},
    "upgrade": dict.fromkeys(
        ("psql ", 'DATABASE_URL="$MIGRATION_DATABASE_URL" flask history'), "tests/test_upgrade_page.py"
    ),
    "webhooks": {FENCED: "tests/test_webhooks_page.py", "WEBHOOK_ALLOW_PRIVATE=true make run": "tests/test_make.py"},
}


def blocks_of(page):
    """The blocks of commands on a page: fenced ones with their first line, and indented ones without indentation."""
    blocks = []
    for fence, text, indented in re.findall(
        r"^ *(```\w*)\n(.*?)^ *```$|(?<=\n\n)((?: {4,}\S[^\n]*\n)+)", page, re.MULTILINE | re.DOTALL
    ):
        if fence in {FENCED, "```console", "```bash", "```shell"}:
            blocks.append(f"{fence}\n{text}")
        elif indented and not _DATA.match(indented.strip()):
            blocks.append(textwrap.dedent(indented))
    return blocks


def commands_of(page):
    """The commands on a page: fenced blocks as a whole, and those of indented blocks one by one."""
    commands = []
    for block in blocks_of(page):
        # A line that is indented further continues the one before, and a comment belongs to the one below.
        parts = [block] if block.startswith("```") else re.findall(r"(?:#[^\n]*\n)?\S[^\n]*\n(?: [^\n]*\n)*", block)
        commands += parts
    return commands
