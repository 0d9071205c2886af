"""Single commands of the documentation work as they are, with the numbers of a test in place of those of the page."""

import json
import re
import subprocess
import uuid

import pytest

from tests.support.commands import environment, flask
from tests.support.docs_commands import blocks_of
from tests.support.documents import read, setup_for, shell_examples
from tests.support.external import require
from tests.support.postgres import DEBIAN_POSTGRESQL, debian_versions, make_postgres, run_sql
from tests.support.urls import text_url

pytestmark = pytest.mark.slow


def curls(page):
    """The curl commands of a page."""
    return [block for block in blocks_of(read(page)) if "curl " in block]


def send(command, server, user):
    """Run a curl command of a page, and return the status of its response."""
    require("curl", "'apt install curl'.")
    command = re.sub(r"\$\(uuidgen\)", lambda _: str(uuid.uuid4()), command)
    command = command.replace("/api/demo", user.tasks.removesuffix("/tasks")).replace("=demo", f"={user.user_id}")
    base = user.tasks.removesuffix("/tasks")
    known = {"URL": server.url, "API": server.url + base, "TOKEN": user.token}
    known["AUTH"] = f"Authorization: Bearer {user.token}"
    script = re.sub(r"\bcurl( -i)?", r"curl -s -o /dev/null -w '%{http_code}'", command)
    result = subprocess.run(
        ["bash", "-c", script], env={**environment(), **known}, capture_output=True, text=True, check=True, timeout=60
    )
    return int(result.stdout)


def test_commands_of_the_history(server, alice):
    task = alice.create(title="Buy milk")
    statuses = []
    commands = curls("history")
    assert len(commands) == 6
    for command in commands:
        if "/restore" in command:
            alice.delete(f"/{task['id']}")
        number = str(alice.get(f"/{task['id']}").headers.get("ETag", '"0"').strip('"'))
        statuses.append(send(command.replace("/7", f"/{task['id']}").replace("1042", number), server, alice))
    assert statuses == [200] * 6


def test_commands_of_the_api(server, alice):
    merge, erase = curls("api")
    task = alice.create(title="Buy milk")
    alice.patch(f"/{task['id']}", json={"description": "One litre"})
    merge = merge.replace("tasks/7", f"tasks/{task['id']}").replace("1042", str(task["version"]))
    assert send(merge, server, alice) == 200
    assert send(erase, server, alice) == 200
    assert alice.get().data == []


def test_command_of_the_calendars(server, alice):
    [(script, _)] = shell_examples(read("calendars"))
    created = json.loads(run(setup_for(script, server, alice)))["data"]
    assert (created["name"], created["alarm_minutes"]) == ("Tasks", 15)


def run(command, **variables):
    """Run a command of a page in bash."""
    result = subprocess.run(
        ["bash", "-e", "-c", command], env={**environment(), **variables}, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def libpq_url(url):
    return text_url(url).replace("+psycopg2", "")


def test_sql_of_the_migrations(new_database):
    require("psql", "'apt install postgresql-client'.")
    url = new_database()
    run_sql(url, "SELECT set_config('app.backfill', 'on', false)")
    commands = [block for block in blocks_of(read("migrations")) if block.startswith("psql ")]
    assert len(commands) == 3
    for command in commands:
        run(command.replace('psql "', 'psql -v ON_ERROR_STOP=1 "'), MIGRATION_DATABASE_URL=libpq_url(url))
    names = run_sql(url, "SELECT conname FROM pg_constraint WHERE conname = 'ck_tasks_recurrence'")
    assert names == [("ck_tasks_recurrence",)]


@pytest.mark.skipif(not debian_versions(), reason="Debian's PostgreSQL is not installed")
def test_backup_and_restore(tmp_path, secret):
    """From one server to another, with the log, whose numbers then continue."""
    version = debian_versions()[-1]
    dump, *_, restore = [each for each in blocks_of(read("run")) if each.startswith(("pg_dump", "psql"))]
    path = {"PATH": f"{DEBIAN_POSTGRESQL / version / 'bin'}:{environment()['PATH']}"}
    old, new = (make_postgres(tmp_path / name, version) for name in ("old", "new"))
    old.start()
    new.start()
    try:
        flask("db", "upgrade", MIGRATION_DATABASE_URL=old.url, DATABASE_URL=old.url, JWT_SECRET=secret)
        run_sql(old.url, "INSERT INTO tasks (user_id, title) VALUES ('alice', 'kept')")
        run(f"cd {tmp_path}; {dump}", MIGRATION_DATABASE_URL=libpq_url(old.url), **path)
        run(f"cd {tmp_path}; {restore}", NEW=libpq_url(new.url), **path)
        assert run_sql(new.url, "SELECT user_id, title FROM tasks") == [("alice", "kept")]
        flask("history", "restart", DATABASE_URL=new.url, JWT_SECRET=secret)
    finally:
        old.stop()
        new.stop()
