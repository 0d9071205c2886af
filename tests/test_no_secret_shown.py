"""No output, log or response shows the password of DATABASE_URL, however wrong the URL is."""

import secrets
import signal
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from config import ROOT, ConfigError, Settings, load_config
from tests.support.client import Client, make_token
from tests.support.commands import environment, flask, load_app
from tests.support.ports import free_port, listens
from tests.support.postgres import run_sql
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

# In every spelling of the password.
MARK = f"mark{secrets.token_hex(8)}"
PASSWORD = f"p@:/?#[]%é {MARK}"
ENCODED = quote(PASSWORD, safe="")
# With these gunicorn migrates before it serves. With the others it would fail to, so it serves, and returns a 503.
MIGRATED = ("right", "wrong password", "hosts without ports")


@pytest.fixture(scope="module")
def marked(postgres, new_database):
    """A database whose owner has to log in with the marked password; returns the parts of its URL."""
    new_database()  # Whose migrations make the acting role.
    rules = postgres.data / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"local all marked scram-sha-256\n{before}")
    run_sql(postgres.url, "SELECT pg_reload_conf()")
    run_sql(postgres.url, "CREATE ROLE marked LOGIN CREATEROLE PASSWORD %s", [PASSWORD])
    run_sql(postgres.url, "GRANT taskapp_user, taskapp_eraser, taskapp_courier TO marked WITH ADMIN OPTION")
    run_sql(postgres.url, "CREATE DATABASE marked OWNER marked")
    run_sql(postgres.url, "CREATE DATABASE forbidden")
    yield {"socket": quote(str(postgres.url.query["host"]), safe="/")}
    rules.write_text(before)
    run_sql(postgres.url, "SELECT pg_reload_conf()")


# URLs that are rejected as a setting.
REFUSED = {
    "unknown parameter": "postgresql://marked:{password}@/marked?pgbouncer=true",
    "two passwords": "postgresql://marked@/marked?password={password}&password={password}",
    "bad port": "postgresql://marked:{password}@127.0.0.1:port/marked",
    "not encoded": "postgresql://marked:p@{mark}@127.0.0.1:1/marked",
    "not encoded, nor the rest": "postgresql://marked:p?@{mark}/x@127.0.0.1:1/marked",
    "with NUL": "postgresql://marked:%zz%00{mark}@127.0.0.1:1/marked",
    "no host": "postgresql://marked:{mark}/marked",
    "other scheme": "mysql://marked:{password}@127.0.0.1:1/marked",
    "no scheme": "marked:{password}@127.0.0.1:1/marked",
}
# URLs that are accepted; some of them work.
URLS = {
    "right": "postgresql://marked:{password}@/marked?host={socket}",
    "right, in a parameter": "postgresql://marked@/marked?host={socket}&password={password}",
    "wrong password": "postgresql://marked:{password}x@/marked?host={socket}",
    "no such database": "postgresql://marked:{password}@/none?host={socket}",
    "no right to migrate": "postgresql://marked:{password}@/forbidden?host={socket}",
    "refused": "postgresql://marked:{password}@127.0.0.1:1/marked",
    "no such host": "postgresql://marked:{password}@no.such.host.invalid/marked",
    "bad sslmode": "postgresql://marked:{password}@/marked?host={socket}&sslmode=sometimes",
    "port out of range": "postgresql://marked:{password}@127.0.0.1:99999/marked",
    "hosts without ports": "postgresql://marked:{password}@/marked?host=a&host=b&port=1&port=2&port=3",
}


@pytest.mark.parametrize("name", REFUSED)
def test_error_about_a_setting_does_not_show_it(monkeypatch, name):
    for setting in Settings().fields:
        monkeypatch.setenv(setting, "")
    url = REFUSED[name].format(password=ENCODED, mark=MARK)
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("JWT_JWKS_URL", url)  # The wrong URL in the wrong place.
    with pytest.raises(ConfigError) as caught:
        load_config()
    shown = "".join(traceback.format_exception(caught.value))
    assert "DATABASE_URL" in shown
    assert MARK not in shown


def serve(values, log):
    """Start gunicorn, send requests if it serves, stop it, and return all output and responses."""
    port, responses = free_port(), []
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "wsgi:app"],
            cwd=ROOT,
            env=environment(**{**values, "PORT": port, "WORKERS": 1, "REQUEST_TIMEOUT": 2}),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: process.poll() is not None or listens(port), "it neither serves nor ends", 60)
        if process.poll() is None:
            token = make_token(values["JWT_SECRET"], user_id="marked")
            with Client(port, token=token, user_id="marked") as client:
                for response in (
                    client.request("GET", "/health/ready"),
                    client.get(),
                    client.post(json={"title": "x"}),
                ):
                    assert response.status in {200, 201, 500, 503}
                    responses.append(f"{response.status} {response.headers} {response.body}")
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(40)
    return "\n".join([log.read_text(), *responses])


def run(values, *command):
    result = flask(*command, check=False, **values)
    return f"{result.returncode} {result.stdout} {result.stderr}"


@pytest.mark.parametrize("name", URLS)
def test_no_command_log_or_response_shows_the_password(marked, secret, tmp_path, name):
    url = URLS[name].format(password=ENCODED, mark=MARK, **marked)
    values = {"DATABASE_URL": url, "JWT_SECRET": secret, "LOG_LEVEL": "debug", "ACCESS_LOG": "true"}
    with ThreadPoolExecutor() as pool:
        upgrade = pool.submit(run, values, "db", "upgrade")
        serving = pool.submit(serve, {**values, "MIGRATE_ON_START": name in MIGRATED}, tmp_path / "log")
        texts = [upgrade.result(), serving.result(), run(values, "db", "current", "--verbose")]
    assert texts[0].startswith("0 ") == name.startswith("right")
    assert ("201 " in texts[1]) == name.startswith("right")
    for text in texts:
        assert MARK not in text
        assert "postgresql://marked:" not in text


def test_configuration_of_an_application_hides_the_password(postgres, secret):
    app = load_app(DATABASE_URL=postgres.url.set(password=PASSWORD), JWT_SECRET=secret)
    assert MARK not in f"{app.config!r} {app.config['SQLALCHEMY_DATABASE_URI']}"
