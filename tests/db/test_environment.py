"""Connections state what the service relies on. Neither the environment nor the server's settings decide it."""

import secrets

import psycopg2
import pytest
from sqlalchemy import make_url, text

from taskapp.db import db
from taskapp.db.engine import check_database
from taskapp.db.execute import execute, execute_as_login_role
from taskapp.settings import StartupError
from tests.support.commands import upgrade
from tests.support.in_process import LocalUser, assert_refused
from tests.support.postgres import run_sql
from tests.support.servers import Server
from tests.support.urls import text_url

REACHED = text("SELECT current_database(), current_setting('search_path')")
# Values in which every kind of quoting and encoding shows.
TITLE = "\\' \\\\ ¥ ‖ 😀 ''"


@pytest.mark.parametrize("encoding", ["SJIS", "LATIN1", "SQL_ASCII"])
def test_client_encoding_of_the_environment_keeps_users_apart(make_app, monkeypatch, secret, encoding):
    """In SJIS both user ids are the same bytes (PostgreSQL's conversion table), and LATIN1 has no emoji."""
    monkeypatch.setenv("PGCLIENTENCODING", encoding)
    app, suffix = make_app(), secrets.token_hex(6)
    first, second = (LocalUser(app, secret, f"{letter}{suffix}") for letter in "‖∥")
    task = first.write(title="for one user only 😀").json["data"]
    assert first.read().json["data"] == [task]
    assert second.read().json["data"] == []
    assert second.send("GET", f"/{task['id']}").status_code == 404


def use_everything(user):
    """Every kind of statement works, and returns what was stored."""
    created, again = (user.write("key", TITLE) for _ in range(2))
    assert (created.status_code, created.json) == (201, again.json)
    task = created.json["data"]
    assert (task["title"], again.headers["Idempotency-Replayed"]) == (TITLE, "true")
    assert task["created_at"].endswith("Z")
    path = f"/{task['id']}"
    assert user.send("PUT", path, json={"description": TITLE}).json["data"]["description"] == TITLE
    assert user.send("GET", "?sort=created_at&limit=1&q=😀").json["data"][0]["id"] == task["id"]
    assert user.send("PATCH", f"{path}/complete").json["data"]["completed"]
    assert user.send("DELETE", path).status_code == 200
    assert user.ready() == "ok"


@pytest.mark.parametrize(
    "variables",
    [
        {"PGHOST": "no.such.host.invalid", "PGPORT": "1", "PGDATABASE": "none", "PGUSER": "none"},
        {"PGHOSTADDR": "127.0.0.1"},
        {"PGOPTIONS": "-c search_path=elsewhere"},
        {"PGTARGETSESSIONATTRS": "standby"},
        {"PGSERVICE": "elsewhere"},
        {"PGDATESTYLE": "German", "PGTZ": "Asia/Kathmandu", "PGAPPNAME": "x", "PGCONNECT_TIMEOUT": "x"},
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_environment_does_not_decide_where_a_connection_goes(make_app, database_url, tmp_path, monkeypatch, variables):
    service = tmp_path / "services"
    service.write_text(
        "[elsewhere]\nhost=no.such.host.invalid\nhostaddr=127.0.0.1\nport=1\ndbname=none\nuser=none\n"
        "options=-csearch_path=elsewhere\ntarget_session_attrs=standby\n"
    )
    for name, value in {"PGSERVICEFILE": str(service), **variables}.items():
        monkeypatch.setenv(name, value)
    with make_app(DATABASE_URL=database_url).app_context():
        assert execute(REACHED, {}, user_id="") == [(database_url.database, '"$user", public')]
    upgrade(database_url)


def test_what_a_url_leaves_out_is_not_taken_from_the_environment(database_url, monkeypatch):
    monkeypatch.setenv("PGHOST", database_url.query["host"])
    monkeypatch.setenv("PGPORT", str(database_url.port))
    monkeypatch.setenv("PGDATABASE", database_url.database)
    # libpq's default is the machine's own socket, where no server listens, or one that does not trust this user.
    with pytest.raises(psycopg2.OperationalError):
        check_database(make_url("postgresql+psycopg2://postgres@"), 5)


def test_options_of_the_url_are_in_force(make_app, database_url):
    url = database_url.update_query_dict({"options": "-c search_path=public", "application_name": "mine"})
    with make_app(DATABASE_URL=url).app_context():
        name = text("SELECT current_setting('application_name'), current_setting('search_path')")
        assert execute(name, {}, user_id="") == [("mine", "public")]


@pytest.fixture(scope="module")
def with_password(postgres, new_database):
    """The URL, without the password, of a role that needs one."""
    new_database()  # Whose migrations make the acting role.
    rules, password = postgres.data / "pg_hba.conf", secrets.token_hex(16)
    before = rules.read_text()
    rules.write_text(f"local all with_password scram-sha-256\n{before}")
    run_sql(postgres.url, "SELECT pg_reload_conf()")
    run_sql(postgres.url, "CREATE ROLE with_password LOGIN PASSWORD %s", [password])
    yield postgres.url.set(username="with_password"), password
    rules.write_text(before)
    run_sql(postgres.url, "SELECT pg_reload_conf()")


def test_environment_may_have_the_password(with_password, tmp_path, monkeypatch):
    url, password = with_password
    with pytest.raises(psycopg2.OperationalError, match="no password supplied"):
        check_database(url, 5)
    monkeypatch.setenv("PGPASSWORD", password)
    check_database(url, 5)
    monkeypatch.delenv("PGPASSWORD")
    passwords = tmp_path / "pgpass"
    passwords.write_text(f"*:*:*:with_password:{password}\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    check_database(url, 5)


REASONS = {
    "channel binding": ({"PGCHANNELBINDING": "require"}, {}, "channel binding required"),
    "bad sslmode": ({"PGSSLMODE": "sometimes"}, {}, 'invalid sslmode value: "sometimes"'),
    "authentication": ({"PGREQUIREAUTH": "scram-sha-256"}, {}, "authentication method requirement"),
    "time zone": ({"PGTZ": "no/where"}, {}, 'invalid value for parameter "TimeZone"'),
    "service": ({"PGSERVICE": "none"}, {}, 'definition of service "none" not found'),
    "database": ({}, {"database": "none"}, 'database "none" does not exist'),
    "role": ({}, {"username": "none"}, 'role "none" does not exist'),
    "password": (
        {"PGPASSWORD": "mark-of-the-password"},
        {"username": "with_password"},
        "password authentication failed",
    ),
    "host": ({}, {"host": "no.such.host.invalid", "query": {}}, "could not translate host name"),
    "all hosts": ({}, {"query": {"host": "127.0.0.1,/none", "port": "1,2"}, "port": None}, "/none/.s.PGSQL.2"),
}


@pytest.mark.parametrize("name", REASONS)
@pytest.mark.usefixtures("with_password")
def test_reason_of_a_failed_connection_is_shown_at_once(make_app, database_url, monkeypatch, caplog, name):
    variables, parts, reason = REASONS[name]
    url = database_url.set(**parts)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(StartupError) as caught:
        upgrade(url)
    assert reason in caught.value.message
    assert make_app(DATABASE_URL=url).test_client().get("/health/ready").status_code == 503
    (line,) = [record.message for record in caplog.records if "unavailable" in record.message]
    assert reason in line
    assert "mark-of" not in line + caught.value.message


HOSTILE = {
    "client_encoding": "SJIS",
    "DateStyle": "'German, DMY'",
    "TimeZone": "'Asia/Kathmandu'",
    "IntervalStyle": "sql_standard",
    "bytea_output": "escape",
    "extra_float_digits": "0",
    "row_security": "off",
    "default_transaction_isolation": "serializable",
    "backslash_quote": "on",
    "transform_null_equals": "on",
    "array_nulls": "off",
    '"app.user_id"': "victim",
    "application_name": "theirs",
    # In milliseconds, and longer than a busy machine pauses a process. The last one, because it limits those above.
    "statement_timeout": "250",
}
# A statement that takes longer.
SLOW = text("SELECT 'done' FROM pg_sleep(0.4)")


def assert_own_timeout(app):
    with app.app_context():
        assert execute(SLOW, {}, user_id="") == execute_as_login_role(SLOW) == [("done",)]


def test_settings_of_the_database_change_nothing(make_app, new_database, via_pooler, secret):
    url = new_database()
    for name, value in HOSTILE.items():
        run_sql(url, f"ALTER DATABASE {url.database} SET {name} = {value}")
    app = make_app(DATABASE_URL=via_pooler(url))
    assert_own_timeout(app)
    use_everything(LocalUser(app, secret))


def test_settings_of_a_session_change_nothing(make_app, database_url, secret):
    """As other clients of a pooler leave them (pg_dump sets the search path), or a reload of the configuration."""
    app = make_app(DATABASE_URL=database_url, THREADS=1)
    with app.app_context():
        session = db.engine.raw_connection()
        for name, value in HOSTILE.items():
            if name != "client_encoding":  # Known to libpq and to poolers, which set it again.
                session.cursor().execute(f"SET {name} = {value}")
        session.cursor().execute("SET search_path = pg_catalog")
        session.close()
    assert_own_timeout(app)
    use_everything(LocalUser(app, secret))


@pytest.fixture(scope="module", params=["server_encoding", "standard_conforming_strings"])
def unsuitable(request, postgres):
    """A database that the service cannot use, and the reason."""
    url = postgres.url.set(database=f"unsuitable_{request.param}")
    encoding, reason = "UTF8", "standard_conforming_strings of the database is off, but must be on"
    if request.param == "server_encoding":
        encoding, reason = "EUC_JP", "server_encoding of the database is EUC_JP, but must be UTF8"
    options = f"ENCODING '{encoding}' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
    run_sql(postgres.url, f"CREATE DATABASE {url.database} {options}")
    if encoding == "UTF8":
        upgrade(url)
        run_sql(url, f"ALTER DATABASE {url.database} SET standard_conforming_strings = off")
    return url, reason


def test_unsuitable_database_is_refused(unsuitable, make_app, via_pooler, secret, caplog):
    url, reason = unsuitable
    with pytest.raises(StartupError, match=f"Cannot migrate the database: {reason}\\."):
        upgrade(url)
    app = make_app(DATABASE_URL=via_pooler(url))
    for name in ("a¥", "a\\"):  # The same bytes in EUC_JP.
        user = LocalUser(app, secret, name)
        for response in (user.write(), user.write("key"), user.read()):
            assert_refused(response, "not set up", retry_after="60")
    assert user.ready() == {"database": [f"The service cannot use the database: {reason}."]}
    assert [record.message for record in caplog.records] == [f"The database is unavailable: {reason}"]


@pytest.mark.slow
def test_unsuitable_database_prevents_the_start(unsuitable, tmp_path, secret):
    url, reason = unsuitable
    server = Server(
        tmp_path / "log", "{python}", "-m", "gunicorn", "wsgi:app", DATABASE_URL=text_url(url), JWT_SECRET=secret
    )
    with pytest.raises(AssertionError, match="gunicorn ended"):
        server.start()
    assert f"taskapp: Cannot use the database of DATABASE_URL: {reason}.\n" in server.log.read_text()
